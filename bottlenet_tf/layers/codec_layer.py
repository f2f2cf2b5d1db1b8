"""Codecs in the graph: real coding forward, identity backward."""

import importlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from bottlenet_tf.codec import create_codec


class CodecLayer(keras.layers.Layer):
    """Base of the graph forms: codes in, the codes the cloud will see out.

    Stays float32 under mixed precision. Gradients pass as if the codec were
    the identity, the paper's rule.

    Args:
        codec: The byte form (`bottlenet_tf.codec.Codec`), or its
            `{"name": ..., "config": ...}`.

    Call arguments:
        codes: float32 whole numbers, `(batch, h, w, c)` or `(batch, n)`.

    Returns:
        `(decoded, image_data_bytes)`: decoded codes of the same shape, and
        the mean image data of one image in bytes (float32 scalar, no gradient).

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """

    def __init__(self, codec, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA has no kernels for codecs.
        if isinstance(codec, dict):
            codec = create_codec(codec["name"], **codec["config"])
        self.codec = codec

    def rate(self, codes):
        """Returns a differentiable stand-in for bits, `(batch,)`.

        Only its relative gradient is used: training scales it to the codec's
        real bytes. The base class sums log2(1 + |difference|) to the left
        neighbour and to the one above, or to the one before where codes have
        one axis, plus 1, so that the scale is always finite.
        """
        if len(codes.shape) == 2:
            differences = (codes[:, 1:] - codes[:, :-1],)
        else:
            differences = (
                codes[:, :, 1:] - codes[:, :, :-1],
                codes[:, 1:] - codes[:, :-1],
            )
        axes = tuple(range(1, len(codes.shape)))
        return 1.0 + sum(
            ops.sum(ops.log2(1.0 + ops.abs(difference)), axis=axes)
            for difference in differences
        )

    def graph_decoder(self, shape):
        """Returns the server's decoder of codes of `shape`.

        It takes image data (string `(batch,)`) from outside and the index of
        each one's operating point (int32 `(batch,)`): the checksum was right,
        yet the data may be anything. It returns `(codes, decodable)`, float32
        `(batch, *shape)` and bool `(batch,)`: the byte form's codes where that
        decodes, any where it does not. It never raises and consists of
        TensorFlow ops alone. The layer need not be built.

        Raises:
            NotImplementedError: if the codec has no such decoder.
        """
        raise NotImplementedError(
            "A payload can be decoded in the graph only by a codec whose graph "
            "form has a `graph_decoder`: a byte form is Python, which a "
            f"SavedModel can't contain. Received: codec={self.codec.name!r}"
        )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape), ()

    def get_config(self):
        codec = {"name": self.codec.name, "config": self.codec.get_config()}
        return {**super().get_config(), "codec": codec}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class ByteRoundTrip(CodecLayer):
    """Graph form of any codec: calls its byte form, image by image.

    At the first operating point. Slower than a native form by the Python call
    for each image, and a SavedModel can't contain it; a subclass may have a
    `graph_decoder` that can leave the process.
    """

    def _round_trip(self, codes):
        decoded = np.empty(codes.shape, np.float32)
        size = 0
        for i, image in enumerate(codes):
            data = self.codec.encode(image)
            size += len(data)
            decoded[i] = self.codec.decode(data, image.shape)
        return decoded, np.float32(size / max(len(codes), 1))

    def call(self, codes):
        @tf.custom_gradient
        def straight_through(codes):
            whole = tf.cast(tf.round(codes), self.codec.code_dtype)
            decoded, size = tf.numpy_function(
                self._round_trip, [whole], (tf.float32, tf.float32)
            )
            decoded.set_shape(codes.shape)
            size.set_shape(())
            return (decoded, size), lambda d_decoded, _: d_decoded

        return straight_through(codes)


def to_bytes(values, size, order="big"):
    """Returns whole numbers `(...)`, not negative, as strings of `size` bytes.

    Args:
        size: Bytes of a number, up to 7.
        order: "big" or "little", the end of a number that comes first.
    """
    exponents = 8 * np.arange(size, dtype=np.int64)
    places = 2 ** (exponents if order == "little" else exponents[::-1])
    digits = tf.cast(values, tf.int64)[..., None] // places % 256
    alphabet = tf.constant([bytes([value]) for value in range(256)])
    return tf.strings.reduce_join(tf.gather(alphabet, digits), axis=-1)


def codec_layer(codec):
    """Returns the graph form of `codec`: its own, or the generic one."""
    if codec.graph_layer is None:
        return ByteRoundTrip(codec, name="codec")
    module, _, name = codec.graph_layer.rpartition(".")
    layer = getattr(importlib.import_module(module), name)
    return layer(codec, name="codec")
