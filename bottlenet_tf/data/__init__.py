"""Images and labels for training and measuring, before any network."""

from bottlenet_tf.data.corrupt import CorruptImageError
from bottlenet_tf.data.dataset import Dataset
from bottlenet_tf.data.loading import load
from bottlenet_tf.data.measuring import load_part

__all__ = ["CorruptImageError", "Dataset", "load", "load_part"]
