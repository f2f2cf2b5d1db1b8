"""Tools that several packages share; read them when you meet them."""
