"""TensorFlow without graphs."""

import contextlib
import warnings

import tensorflow as tf


@contextlib.contextmanager
def eagerly():
    """Context in which no function is traced.

    A few steps are done before the graph of one is there.
    """
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            # tf.data keeps its graphs, which is fine.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        tf.config.run_functions_eagerly(False)
