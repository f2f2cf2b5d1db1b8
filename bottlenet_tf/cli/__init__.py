"""Command lines: flags and mains; the only place that touches absl.flags."""
