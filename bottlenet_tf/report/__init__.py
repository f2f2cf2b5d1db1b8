"""A search and the selection from it, or several runs, on one page."""

from bottlenet_tf.report.page import write
from bottlenet_tf.report.sources import read

__all__ = ["read", "write"]
