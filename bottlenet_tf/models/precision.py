"""Networks trained in half precision, and what is deployed of them."""

import contextlib

import keras

from bottlenet_tf import backbones

# How half precision is named in a network's configuration.
_HALF = ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16")


@contextlib.contextmanager
def dtype_policy(name):
    """Context in which new layers have the dtype policy `name`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(model):
    """Returns a network trained in mixed precision as one in float32.

    That is the network that is deployed, so figures must be its figures. The
    weights are the same, which mixed precision keeps in float32. It is built
    anew from its configuration, because the halves cast their inputs to the
    type they were built with.

    Args:
        model: Built Keras model, whatever decided its dtype policy: a flag,
            or the file that it comes from.

    Returns:
        `model` itself if no layer computes in half precision.
    """
    before = keras.saving.serialize_keras_object(model)
    after = _with_float32(before)
    if after == before:
        return model
    with dtype_policy("float32"):
        rebuilt = keras.saving.deserialize_keras_object(after)
    backbones.set_weights(rebuilt, model.get_weights())
    return rebuilt


def _with_float32(config):
    if isinstance(config, dict):
        return {key: _with_float32(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_with_float32(value) for value in config]
    return "float32" if config in _HALF else config
