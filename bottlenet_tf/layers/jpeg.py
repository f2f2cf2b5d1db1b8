"""JPEG in the graph: real encoding and decoding, identity backward."""

import keras
import tensorflow as tf

from bottlenet_tf.codec import tiling
from bottlenet_tf.codec.jpeg import MAX_SIDE, JpegCodec, jpeg_prefix
from bottlenet_tf.layers.codec_layer import CodecLayer
from bottlenet_tf.layers.jpeg_rate import BLOCK, jpeg_rate, whole_blocks
from bottlenet_tf.layers.jpeg_stack import EOI, StackDecoder, decode_file
from bottlenet_tf.layers.tiling import tile, untile

_CONTAINER_BYTES = len(jpeg_prefix(50, BLOCK, BLOCK)) + len(EOI)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class JpegRoundTrip(CodecLayer):
    """JPEG encode and decode of the tiled planes; see `CodecLayer`.

    The batch's planes, each padded to complete 8x8 blocks by repeating its last
    row and column (as libjpeg does), are stacked into one tall image and coded
    by a single call. Blocks are coded independently, so the pixels are exactly
    those of one file for each plane, at a hundredth of the overhead. Only the
    first DC difference of each plane is coded against a neighbour instead of
    zero, so `image_data_bytes` is off by a byte or so; evaluation counts real
    payloads.

    The variable `quality` is for annealing: it starts at the codec's, the
    first if there are several, and may be changed during training. `call` and
    `rate` use it; `graph_decoder` and payloads keep the codec's.

    Raises:
        TypeError: if `codec` is not JPEG's byte form.
        ValueError: from `build` if the padded plane is too large for libjpeg.
    """

    def __init__(self, codec, **kwargs):
        super().__init__(codec, **kwargs)
        if not isinstance(self.codec, JpegCodec):
            raise TypeError(
                "The graph form of JPEG needs its byte form. "
                f"Received: codec={type(self.codec).__name__}"
            )

    def build(self, input_shape):
        self.codec.check_shape(tuple(input_shape[1:]))
        self.quality = self.add_weight(
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(self.codec.points[0]),
            trainable=False,
            name="quality",
        )

    def _round_trip(self, planes):
        """Codes `(batch, H, W, 1)` planes; one call while they fit."""
        rows, columns = planes.shape[1:3]
        height, width = (-(-size // BLOCK) * BLOCK for size in (rows, columns))
        batch = tf.shape(planes)[0]
        # At least one plane, so that an empty batch makes no empty image.
        calls = tf.maximum(-(-batch // (MAX_SIDE // height)), 1)
        each = tf.maximum(-(-batch // calls), 1)
        stacked = whole_blocks(tf.cast(tf.round(planes), tf.uint8))
        spare = ((0, calls * each - batch), (0, 0), (0, 0), (0, 0))
        stacked = tf.pad(stacked, spare, constant_values=tiling.SPARE_CODE)
        files = tf.reshape(stacked, (calls, each * height, width, 1))

        def code(stack):
            file = tf.raw_ops.EncodeJpegVariableQuality(
                images=stack, quality=tf.convert_to_tensor(self.quality)
            )
            pixels = decode_file(file)
            return pixels, tf.strings.length(file) - _CONTAINER_BYTES

        pixels, size = tf.map_fn(
            code, files, fn_output_signature=(tf.uint8, tf.int32)
        )
        pixels = tf.reshape(pixels, (-1, height, width, 1))[:batch]
        pixels = tf.cast(pixels[:, :rows, :columns], tf.float32)
        pixels.set_shape(planes.shape)
        size = tf.cast(tf.reduce_sum(size), tf.float32)
        return pixels, size / tf.cast(tf.maximum(batch, 1), tf.float32)

    def call(self, codes):
        @tf.custom_gradient
        def straight_through(planes):
            return self._round_trip(planes), lambda d_planes, _: d_planes

        planes, image_data_bytes = straight_through(tile(codes))
        return untile(planes, codes.shape[1:]), image_data_bytes

    def graph_decoder(self, shape):
        """Returns the decoder of image data from outside; see `CodecLayer`.

        It refuses the same data as the byte form, those with a marker, and
        gives the same pixels: a `StackDecoder` for each of the codec's
        qualities.

        Raises:
            ValueError: for a plane of 2**20 blocks of 8x8 pixels or more, or
                one too large for libjpeg.
        """
        self.codec.check_shape(shape)
        sides = tiling.plane_shape(shape)
        decoders = [StackDecoder(q, *sides) for q in self.codec.points]

        def decode(image_data, point):
            planes, decodable = _by_point(decoders, image_data, point)
            return untile(tf.cast(planes, tf.float32), shape), decodable

        return decode

    def rate(self, codes):
        """Returns a differentiable stand-in for bits; see `jpeg_rate`."""
        return jpeg_rate(tile(codes), self.quality)


def _by_point(decoders, image_data, point):
    """Decodes each image by the decoder of its operating point."""
    if len(decoders) == 1:  # The usual case goes without the sorting.
        return decoders[0](image_data)
    places = tf.range(tf.size(image_data))
    places = tf.dynamic_partition(places, point, len(decoders))
    parts = tf.dynamic_partition(image_data, point, len(decoders))
    decoded = [decode(part) for decode, part in zip(decoders, parts)]
    planes, decodable = zip(*decoded)
    planes = tf.dynamic_stitch(places, planes)
    return planes, tf.dynamic_stitch(places, decodable)
