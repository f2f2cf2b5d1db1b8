"""Graphs of functions whose Python is taken as it stands.

Nothing in this package branches or loops over tensors in Python: it calls
`tf.cond` and `tf.while_loop`. AutoGraph would find nothing to translate, and
take a third of the time of a short run to look.
"""

import functools

import tensorflow as tf

# For what TensorFlow calls by itself: `tf.data.Dataset.map`, `tf.map_fn`.
untranslated = tf.autograph.experimental.do_not_convert


def function(compute=None, **options):
    """Does the same as `tf.function`; Python that needs translation fails."""
    if compute is None:
        return functools.partial(function, **options)
    return tf.function(untranslated(compute), autograph=False, **options)
