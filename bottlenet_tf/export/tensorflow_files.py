"""TensorFlow's errors in writing a file, as Python's own."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def written(what):
    """Raises OSError where TensorFlow has errors of its own: disk full.

    Args:
        what: Names what is written, for the message.
    """
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(
            f"TensorFlow could not write {what}; is the disk full? "
            f"{error.message}"
        ) from error
