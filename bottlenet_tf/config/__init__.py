"""Settings of a run, an export and the rest, each declared once."""
