"""Learned units: a transform, an entropy model and a synthesis for all rates."""
