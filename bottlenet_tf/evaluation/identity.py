"""What makes a trained split network itself: its identity on the wire."""

import hashlib
import json

import keras

from bottlenet_tf.codec import PayloadFormat

# Where layers are called what changes from process to process (Keras counts
# its automatic names up), and `trainable` changes no output.
_INCIDENTAL = frozenset(
    (
        "build_config",
        "inbound_nodes",
        "input_layers",
        "name",
        "output_layers",
        "trainable",
    )
)


def unit_id(model):
    """Returns the 32-bit identity of a trained split network.

    The first 32 bits of SHA-256 over the unit's configuration (canonical
    JSON) and every weight of prefix, unit and suffix, in order. Saving and
    loading keeps it; another training, even of the same configuration, gives
    another one, so that a head never talks to a foreign tail.

    Args:
        model: Built `BottleNet`.
    """
    weights = (
        *model.prefix.weights,
        *model.unit.weights,
        *model.suffix.weights,
    )
    digest = _digest(model.unit.get_config(), weights)
    return int.from_bytes(digest.digest()[:4], "big")


def model_digest(model):
    """Returns a SHA-256 (hex) over what decides a Keras model's output.

    Covers every layer's class and configuration and all weights, but no
    layer names, so that the same network built later in another process has
    the same digest.

    Args:
        model: Built Keras model, e.g. a backbone's.
    """
    layers = [
        [type(layer).__name__, layer.get_config()] for layer in model.layers
    ]
    return _digest(layers, model.weights).hexdigest()


def payload_format(model, codec=None):
    """Returns the `PayloadFormat` in which the network's payloads travel.

    Args:
        model: Built `BottleNet`.
        codec: Byte side `Codec` in place of the unit's own.
    """
    return PayloadFormat(
        unit_id=unit_id(model),
        shape=tuple(model.unit.code_shape),
        codec=model.unit.byte_codec if codec is None else codec,
        sends_range=model.unit.quantizer.sends_range,
    )


def _digest(config, weights):
    text = json.dumps(
        _essential(config),
        sort_keys=True,
        separators=(",", ":"),
        default=_serialized,
    )
    digest = hashlib.sha256(text.encode())
    for weight in weights:
        array = keras.ops.convert_to_numpy(weight)
        digest.update(f"\n{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest


def _essential(config):
    if isinstance(config, dict):
        return {
            key: _essential(value)
            for key, value in config.items()
            if key not in _INCIDENTAL
        }
    if isinstance(config, (list, tuple)):
        return [_essential(value) for value in config]
    return config


def _serialized(value):
    return _essential(keras.saving.serialize_keras_object(value))
