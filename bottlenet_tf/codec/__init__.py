"""The byte side of the split: codecs and payloads, without TensorFlow."""

from bottlenet_tf.codec import entropy, jpeg, lossless
from bottlenet_tf.codec.base import (
    CODECS,
    Codec,
    PayloadError,
    create_codec,
)
from bottlenet_tf.codec.payload import PayloadFormat, Unpacked

__all__ = [
    "CODECS",
    "Codec",
    "PayloadError",
    "PayloadFormat",
    "Unpacked",
    "create_codec",
    "entropy",
    "jpeg",
    "lossless",
]
