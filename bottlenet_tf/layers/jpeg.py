"""JPEG in the graph: real encoding and decoding, identity backward."""

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.codec import tiling
from bottlenet_tf.codec.jpeg import MAX_SIDE, JpegCodec, jpeg_prefix
from bottlenet_tf.layers.codec_layer import CodecLayer
from bottlenet_tf.layers.jpeg_stack import StackDecoder
from bottlenet_tf.layers.tiling import Tile, Untile

_BLOCK = 8
_EOI = b"\xff\xd9"
_CONTAINER_BYTES = len(jpeg_prefix(50, _BLOCK, _BLOCK)) + len(_EOI)
# JPEG's luminance table, ITU-T T.81 (1992), table K.1.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.int32,
)


def quantization_table(quality):
    """Returns the 8x8 float32 steps libjpeg uses at `quality` (a tensor)."""
    quality = tf.cast(quality, tf.int32)
    scale = tf.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    steps = (_LUMINANCE * scale + 50) // 100
    return tf.cast(tf.clip_by_value(steps, 1, 255), tf.float32)


def _encode_file(plane, quality):
    return tf.raw_ops.EncodeJpegVariableQuality(
        images=plane, quality=tf.convert_to_tensor(quality)
    )


def _dct_matrix():
    k = np.arange(_BLOCK)
    matrix = 0.5 * np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class JpegRoundTrip(CodecLayer):
    """JPEG encode and decode of the tiled planes; see `CodecLayer`.

    The batch's planes, each padded to whole 8x8 blocks by repeating its last
    row and column (as libjpeg does), are stacked into one tall image and
    coded by a single call. Blocks are coded independently, so the pixels are
    exactly those of one file for each plane, at a hundredth of the overhead.
    Only the first DC difference of each plane is coded against a neighbour
    instead of zero, so `image_data_bytes` is off by a byte or so; evaluation
    counts real payloads.

    The variable `quality` is for annealing: it starts at the codec's and may
    be changed during training. `call` and `rate` use it; `encode` and
    `decode` keep the codec's, which both sides of the wire share.

    Call arguments:
        codes: float32 whole numbers 0..255, `(batch, h, w, c)`.

    Returns:
        `(decoded, image_data_bytes)`, see `CodecLayer`.

    Raises:
        TypeError: if `codec` is not JPEG's byte form.
        ValueError: from `build` if the padded plane is too large for libjpeg.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """

    def __init__(self, codec, **kwargs):
        super().__init__(codec, **kwargs)
        if not isinstance(self.codec, JpegCodec):
            raise TypeError(
                "The graph form of JPEG needs its byte form. "
                f"Received: codec={type(self.codec).__name__}"
            )

    def build(self, input_shape):
        shape = tuple(input_shape[1:])
        self.codec.check_shape(shape)
        height, width = tiling.plane_shape(shape)
        self.tile = Tile(name="tile")
        self.untile = Untile(shape, name="untile")
        self.plane_shape = (height, width)
        self.padded_shape = (-height % _BLOCK + height, -width % _BLOCK + width)
        self.quality = self.add_weight(
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(self.codec.quality),
            trainable=False,
            name="quality",
        )

    def _pad(self, planes):
        """Repeats the last row and column up to whole blocks."""
        bottom, right = (
            padded - size
            for padded, size in zip(self.padded_shape, self.plane_shape)
        )
        if bottom:
            edge = tf.repeat(planes[:, -1:], bottom, axis=1)
            planes = tf.concat([planes, edge], axis=1)
        if right:
            edge = tf.repeat(planes[:, :, -1:], right, axis=2)
            planes = tf.concat([planes, edge], axis=2)
        return planes

    def _round_trip(self, planes):
        """Codes `(batch, H, W, 1)` planes; one call while they fit."""
        height, width = self.padded_shape
        batch = tf.shape(planes)[0]
        # At least one plane, so that an empty batch makes no empty image.
        calls = tf.maximum(-(-batch // (MAX_SIDE // height)), 1)
        each = tf.maximum(-(-batch // calls), 1)
        stacked = self._pad(tf.cast(tf.round(planes), tf.uint8))
        spare = ((0, calls * each - batch), (0, 0), (0, 0), (0, 0))
        stacked = tf.pad(stacked, spare, constant_values=tiling.SPARE_CODE)
        files = tf.reshape(stacked, (calls, each * height, width, 1))

        def code(stack):
            file = _encode_file(stack, self.quality)
            pixels = tf.io.decode_jpeg(
                file, channels=1, dct_method="INTEGER_ACCURATE"
            )
            return pixels, tf.strings.length(file) - _CONTAINER_BYTES

        pixels, size = tf.map_fn(
            code, files, fn_output_signature=(tf.uint8, tf.int32)
        )
        pixels = tf.reshape(pixels, (-1, height, width, 1))[:batch]
        pixels = tf.cast(
            pixels[:, : self.plane_shape[0], : self.plane_shape[1]], tf.float32
        )
        pixels.set_shape(planes.shape)
        size = tf.cast(tf.reduce_sum(size), tf.float32)
        return pixels, size / tf.cast(tf.maximum(batch, 1), tf.float32)

    def call(self, codes):
        @tf.custom_gradient
        def straight_through(planes):
            return self._round_trip(planes), lambda d_planes, _: d_planes

        planes, image_data_bytes = straight_through(self.tile(codes))
        return self.untile(planes), image_data_bytes

    def encode(self, codes):
        """Returns the image data of each image: string `(batch,)`.

        At the codec's own quality, not an annealed one.

        Args:
            codes: float32 whole numbers 0..255, `(batch, h, w, c)`.
        """
        planes = tf.cast(tf.round(self.tile(codes)), tf.uint8)
        start = _CONTAINER_BYTES - len(_EOI)

        def encode_one(plane):
            file = _encode_file(plane, self.codec.quality)
            length = tf.strings.length(file) - _CONTAINER_BYTES
            return tf.strings.substr(file, start, length)

        return tf.map_fn(encode_one, planes, fn_output_signature=tf.string)

    def decode(self, image_data):
        """Returns codes `(batch, h, w, c)` of string `(batch,)`.

        Built for the codec's own quality, not an annealed one. For trusted
        bytes only, such as `encode` makes: unlike the byte form, it lets
        markers pass. Others go through `PayloadFormat.unpack` first.

        Raises:
            tf.errors.InvalidArgumentError: if TensorFlow cannot decode the
                bytes, or they make a plane of another size.
        """
        prefix = jpeg_prefix(self.codec.quality, *self.plane_shape)

        def decode_one(data):
            file = tf.strings.join([prefix, data, _EOI])
            image = tf.io.decode_jpeg(
                file, channels=1, dct_method="INTEGER_ACCURATE"
            )
            return tf.ensure_shape(image, (*self.plane_shape, 1))

        planes = tf.map_fn(decode_one, image_data, fn_output_signature=tf.uint8)
        return self.untile(tf.cast(planes, tf.float32))

    def graph_decoder(self, shape):
        """Returns the decoder of image data from outside; see `CodecLayer`.

        It refuses exactly what the byte form does, data with a marker, and
        gives the same pixels: `StackDecoder` with the codec's own quality.

        Raises:
            ValueError: for a plane of 2**20 blocks of 8x8 pixels or more, or
                one too large for libjpeg.
        """
        self.codec.check_shape(shape)
        decoder = StackDecoder(self.codec.quality, *tiling.plane_shape(shape))
        untile = Untile(shape)

        def decode(image_data):
            planes, decodable = decoder(image_data)
            return untile(tf.cast(planes, tf.float32)), decodable

        return decode

    def rate(self, codes):
        """Returns a differentiable stand-in for bits, `(batch,)`.

        sum log2(1 + |coefficient / step|) over all DCT coefficients, DC as
        the difference to the block before it: the size category that Huffman
        coding spends bits on, without its rounding. Plus 1: never zero.
        """
        rows, columns = (size // _BLOCK for size in self.padded_shape)
        planes = self._pad(self.tile(codes)) - 128.0
        blocks = tf.reshape(planes, (-1, rows, _BLOCK, columns, _BLOCK))
        dct = _dct_matrix()
        coefficients = tf.einsum("uy,nryxz->nruxz", dct, blocks)
        coefficients = tf.einsum("vz,nruxz->nrxuv", dct, coefficients)
        scaled = coefficients / quantization_table(self.quality)
        bits = tf.math.log1p(tf.abs(scaled))
        dc = tf.reshape(scaled[..., 0, 0], (-1, rows * columns))
        before = tf.pad(dc[:, :-1], ((0, 0), (1, 0)))
        dc_bits = tf.math.log1p(tf.abs(dc - before))
        total = (
            tf.reduce_sum(bits, axis=(1, 2, 3, 4))
            - tf.reduce_sum(bits[..., 0, 0], axis=(1, 2))
            + tf.reduce_sum(dc_bits, axis=1)
        )
        return 1.0 + total / np.log(2.0)
