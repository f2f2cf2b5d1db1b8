"""TensorFlow's errors in writing a file, as Python's own."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def written(name):
    """Raises OSError in place of TensorFlow's own errors, e.g. a full disk."""
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(
            f"TensorFlow could not write {name}; is the disk full? "
            f"{error.message}"
        ) from error
