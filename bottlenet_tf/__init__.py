"""Split-computing networks with learned bottlenecks (TensorFlow, Keras 3)."""

import importlib

__version__ = "0.1.0"


def __getattr__(name):
    """Imports `split`, and so TensorFlow, once it is asked for."""
    if name != "split":
        raise AttributeError(
            "module {!r} has no attribute {!r}".format(__name__, name)
        )
    return importlib.import_module(__name__ + ".split_model").split
