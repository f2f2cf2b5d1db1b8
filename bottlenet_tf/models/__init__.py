"""Complete split networks: cut a backbone, assemble head and tail."""
