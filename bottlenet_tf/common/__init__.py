"""Tools that several rooms share; read them when you meet them."""
