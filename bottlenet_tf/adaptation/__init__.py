"""Fits a trained unit to the user's own photos; writes a rate pack."""

from bottlenet_tf.adaptation.runner import run

__all__ = ["run"]
