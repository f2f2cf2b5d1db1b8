"""A unit whose halves take the operating point, small enough to work out."""

import functools
import zlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from bottlenet_tf import backbones
from bottlenet_tf.backbones.split_points import split_backbone
from bottlenet_tf.codec import CODECS, Codec, PayloadError
from bottlenet_tf.codec.lossless import PngCodec
from bottlenet_tf.layers import ByteRoundTrip, Unit, codec_layer
from bottlenet_tf.models.bottlenet import BottleNet

POINTS = (-1.0, 0.25, 1.0)


class PointsPng(PngCodec):
    """PNG for a unit that has operating points of its own."""

    name = "points_png"
    points = POINTS


class VectorCodec(Codec):
    """int16 codes `(n,)`, big-endian, deflated; nothing at all for zeros."""

    name = "vector"
    graph_layer = "tests.point_unit.VectorLayer"
    code_dtype = np.int16
    points = POINTS
    min_bytes = 0

    def encode(self, codes, point=0):
        whole = codes.astype(">i2").tobytes()
        return zlib.compress(whole, 9) if codes.any() else b""

    def decode(self, data, shape, point=0):
        if not data:
            return np.zeros(shape, np.int16)
        try:
            whole = zlib.decompress(data)
        except zlib.error as error:
            raise PayloadError(f"Damaged: {error}. Received: {data}") from error
        return np.frombuffer(whole, ">i2").astype(np.int16).reshape(shape)

    def check_shape(self, shape):
        if len(shape) != 1:
            raise ValueError(f"Codes have one axis. Received: shape={shape}")


class VectorLayer(ByteRoundTrip):
    """Its graph form; decodes honest image data alone."""

    def graph_decoder(self, shape):
        blank = zlib.compress(bytes(2 * shape[0]))

        def decode(image_data, point):
            image_data = tf.where(image_data == b"", blank, image_data)
            whole = tf.io.decode_compressed(image_data, "ZLIB")
            codes = tf.io.decode_raw(whole, tf.int16, little_endian=False)
            codes = tf.ensure_shape(codes, (None, *shape))
            return tf.cast(codes, tf.float32), tf.ones_like(point, tf.bool)

        return decode


@keras.saving.register_keras_serializable(package="tests")
class ScaleUnit(Unit):
    """codes = round(feature * 2 * exp(t)), feature = codes / (2 * exp(t)).

    Args:
        flat: Whether codes have one axis; else they have three.
    """

    takes_point = True
    default_point = 1

    def __init__(self, flat=False, **kwargs):
        super().__init__(**kwargs)
        self.flat = flat
        self.byte_codec = VectorCodec() if flat else PointsPng()
        self.codec = codec_layer(self.byte_codec)

    def build(self, input_shape):
        self.feature_shape = tuple(input_shape[1:])
        self.code_shape = self.feature_shape
        if self.flat:
            self.code_shape = (int(np.prod(self.feature_shape)),)
        self.gain = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(2.0), name="gain"
        )

    def _scale(self, point):
        return self.gain * ops.exp(ops.reshape(point, (-1, 1, 1, 1)))

    def encode(self, feature, point=None, training=None):
        scaled = feature * self._scale(point)
        codes = ops.round(ops.clip(scaled, 0, 255))
        codes = scaled + ops.stop_gradient(codes - scaled)
        return {"codes": ops.reshape(codes, (-1, *self.code_shape))}

    def coefficients(self, feature):
        feature = ops.cast(feature, "float32")
        return ops.reshape(feature, (-1, *self.code_shape))

    def gains(self):
        scale = ops.convert_to_numpy(self._scale(np.float32(POINTS)))
        shape = (len(POINTS), *[1] * len(self.code_shape))
        table = np.broadcast_to(
            scale.reshape(shape), (len(POINTS), *self.code_shape)
        )
        return table.astype(np.float32)

    def decode(self, codes, point=None, training=None):
        codes = ops.reshape(codes["codes"], (-1, *self.feature_shape))
        return codes / self._scale(point)

    def device_macs(self, input_shape):
        return 0

    def cloud_macs(self):
        return 0

    def get_config(self):
        return {**super().get_config(), "flat": self.flat}


def make_point_network(flat=False, split="RB6"):
    """Returns a small residual network with a `ScaleUnit`, not trained."""
    keras.utils.set_random_seed(0)
    backbone = backbones.create("cifar_resnet20", image_size=24, num_classes=7)
    prefix, suffix = split_backbone(backbone, split)
    unit = ScaleUnit(flat, name="unit")
    return BottleNet(prefix, unit, suffix, name="bottlenet")


def register_codecs(monkeypatch):
    """Registers both codecs for one test."""
    monkeypatch.setattr(CODECS, "_entries", dict(CODECS._entries))
    for codec in (PointsPng, VectorCodec):
        CODECS.register(codec.name)(codec)


point_network = functools.cache(make_point_network)
