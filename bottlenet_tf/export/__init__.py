"""Two deployable halves of a trained network, checked against each other."""

from bottlenet_tf.export.parity import ParityError
from bottlenet_tf.export.runner import run
from bottlenet_tf.export.tensorrt import UnsupportedGraphError

__all__ = ["ParityError", "UnsupportedGraphError", "run"]
