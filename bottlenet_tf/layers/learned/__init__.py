"""Learned units: transform, entropy model and synthesis for all rates."""
