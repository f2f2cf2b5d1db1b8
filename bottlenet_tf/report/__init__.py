"""A search and the selection from it, or several runs, on one page."""

from bottlenet_tf.report.sources import read
from bottlenet_tf.report.writing import write

__all__ = ["read", "write"]
