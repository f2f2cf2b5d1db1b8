"""A trained unit that is fitted to a user's own photos, as a rate pack."""

from bottlenet_tf.adaptation.runner import run

__all__ = ["run"]
