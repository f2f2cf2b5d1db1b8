"""A search and what was chosen from it, or some runs, on one page."""

from bottlenet_tf.report.sources import Sources, read
from bottlenet_tf.report.writing import write

__all__ = ["Sources", "read", "write"]
