"""Mixed precision in training, float32 in deployment."""

import contextlib

import keras

from bottlenet_tf import backbones

# Names of half precision in a network's configuration.
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
    """Returns a network that computes in float32, as deployed.

    `model` itself if no layer computes in half precision. Otherwise it is
    rebuilt from its configuration, because the halves cast their inputs to the
    type they were built with; the weights are already float32.
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
