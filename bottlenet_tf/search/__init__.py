"""Algorithm 1: by the curves of all splits, or by training a grid of units."""

from bottlenet_tf.search.config import CurveConfig, SearchConfig
from bottlenet_tf.search.runner import run

__all__ = ["CurveConfig", "SearchConfig", "run"]
