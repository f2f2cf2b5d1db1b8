"""Algorithm 1's candidates: trained in full, or at a fraction of the cost."""

from bottlenet_tf.search.config import SearchConfig
from bottlenet_tf.search.runner import run

__all__ = ["SearchConfig", "run"]
