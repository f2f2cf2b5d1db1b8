"""Split-computing networks with learned bottlenecks (TensorFlow, Keras 3)."""

__version__ = "0.1.0"
