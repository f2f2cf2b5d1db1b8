"""The identity of a trained split network on the wire."""

import hashlib
import json

import keras

from bottlenet_tf.codec import PayloadFormat

# `trainable` changes no output, and `build_config` only names shapes.
_INCIDENTAL = frozenset(("build_config", "name", "trainable"))


def unit_id(model):
    """Returns the 32-bit identity of a trained split network.

    The first 32 bits of SHA-256 over the unit's configuration (canonical
    JSON) and every weight of prefix, unit and suffix, in order. Saving and
    loading keeps it; another training, even with the same configuration, gives
    another one, so that a head is never used with a foreign tail.
    """
    parts = model.prefix, model.unit, model.suffix
    weights = [weight for part in parts for weight in part.weights]
    digest = _digest(_plain(model.unit.get_config()), weights, {})
    return int.from_bytes(digest.digest()[:4], "big")


def model_digest(model):
    """Returns a SHA-256 (hex) over a functional Keras model.

    Covers every layer and operation with its class, configuration and
    inputs, and all weights. Layers enter by position, not by name: Keras
    numbers automatic names, so that the same network built later has others.
    """
    config = _plain(model.get_config())
    places = {}
    _number_names(config, places)
    return _digest(config, model.weights, places).hexdigest()


def weights_sha256(model):
    """Returns the SHA-256 (hex) over all weights of a Keras model, in order.

    Unlike `model_digest`, it is the same in any version of Keras.
    """
    return _digest({}, model.weights, {}).hexdigest()


def payload_format(model, codec=None):
    """Returns the `PayloadFormat` of the network's payloads.

    Args:
        codec: Byte side `Codec` in place of the unit's own.
    """
    codec = model.unit.byte_codec if codec is None else codec
    if codec is None:
        raise ValueError(
            "A unit must have its tables, which are made at the end of "
            "training, before anything is sent. Received: "
            f"unit={type(model.unit).__name__} without tables"
        )
    return PayloadFormat(
        unit_id=unit_id(model),
        shape=tuple(model.unit.code_shape),
        codec=codec,
        sends_range=model.unit.sends_range,
    )


def _number_names(config, places):
    """Numbers the names of a configuration's layers in their order."""
    if isinstance(config, dict):
        if "class_name" in config and "name" in config:
            places.setdefault(config["name"], f"#{len(places)}")
        for value in config.values():
            _number_names(value, places)
    elif isinstance(config, list):
        for value in config:
            _number_names(value, places)


def _plain(config):
    """Returns a configuration in JSON's types, keys in order."""
    text = json.dumps(
        config, sort_keys=True, default=keras.saving.serialize_keras_object
    )
    return json.loads(text)


def _digest(config, weights, places):
    essential = _essential(config, places)
    text = json.dumps(essential, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode())
    for weight in weights:
        array = keras.ops.convert_to_numpy(weight)
        digest.update(f"\n{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest


def _essential(config, places):
    """Returns a plain configuration with positions for names of layers."""
    if isinstance(config, dict):
        return {
            key: _essential(value, places)
            for key, value in config.items()
            if key not in _INCIDENTAL
        }
    if isinstance(config, list):
        return [_essential(value, places) for value in config]
    return places.get(config, config) if isinstance(config, str) else config
