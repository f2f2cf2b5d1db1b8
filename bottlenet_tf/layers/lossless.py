"""Lossless codecs in the graph: byte forms to train, graph ops to serve."""

import gzip
import zlib

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.codec import lossless, tiling
from bottlenet_tf.layers.codec_layer import ByteRoundTrip, to_bytes
from bottlenet_tf.layers.payload import Crc32
from bottlenet_tf.layers.tiling import untile

_MARK = b"end"  # The content of a file that follows another.
_MARK_FILE = gzip.compress(_MARK, mtime=0)
_GZIP_HEADER = _MARK_FILE[:10]
_MOST_RATIO = 1032  # Most inflated bytes per byte of a stream.
_MOST_TIMES, _MOST_BYTES = 32, 1 << 20
_FILTERS = 5  # Filters of PNG's rows: none, sub, up, average, Paeth.


def _each(function, rows, default):
    """Applies `function` to each of `rows`, even if some of them raise.

    An op that raises ends a whole batch, in `tf.map_fn` too; a data set, of
    graph ops like any other, may drop such elements. Returns `(values, done)`:
    tensor `(batch, ...)`, `default` for a row that raises; bool `(batch,)`.
    """
    batch = tf.shape(rows, out_type=tf.int64)[0]
    good = tf.data.Dataset.range(batch).map(lambda i: (i, function(rows[i])))
    # One element more, so that there is always one.
    end = tf.data.Dataset.from_tensors((batch, default))
    elements = good.ignore_errors().concatenate(end).batch(batch + 1)
    index, values = elements.get_single_element()
    last = tf.shape(index)[0] - 1
    found_at = tf.tensor_scatter_nd_update(
        tf.fill([batch + 1], last), index[:, None], tf.range(last + 1)
    )[:batch]
    return tf.gather(values, found_at), found_at < last


def _inflate(image_data, size):
    """Inflates zlib streams, each to `size` bytes with nothing after them.

    TensorFlow's op raises for a damaged stream, but not for one that is cut
    short or has bytes after its end; only gzip files are read one after the
    other. So the result is checked by a second run: the deflated part, between
    zlib's 2 bytes and its checksum's 4, goes into a gzip file with another
    after it, and is complete if the op finds both.

    Nor does the op stop at any size, and a byte may inflate to 1032. So it
    first gets beginnings of the stream, each longer by a step that can't
    inflate to more than `_MOST_TIMES` the size, until one makes too much.

    Returns `(values, whole)`: uint8 `(batch, size)`, zeros for a stream that
    makes another size; bool `(batch,)`.
    """

    most = max(_MOST_TIMES * size, _MOST_BYTES) // _MOST_RATIO

    def inflate(data):
        length = tf.strings.length(data)

        def is_due(end, values):
            return (end < length) & (tf.strings.length(values) <= size)

        def longer(end, _):
            end = tf.minimum(end + most, length)
            beginning = tf.strings.substr(data, 0, end)
            return end, tf.io.decode_compressed(beginning, "ZLIB")

        _, values = tf.while_loop(is_due, longer, (0, tf.constant(b"")))
        return tf.where(tf.strings.length(values) == size, values, b"")

    def inflate_file(file):
        values = tf.io.decode_compressed(file, "GZIP")
        return tf.strings.length(values) - len(_MARK)

    values, _ = _each(inflate, image_data, b"")
    made = tf.strings.length(values)
    image_data = tf.where(made == size, image_data, b"")
    lengths = tf.strings.length(image_data)
    starts = tf.minimum(lengths, 2)
    files = tf.strings.join(
        [
            _GZIP_HEADER,
            tf.strings.substr(image_data, starts, tf.maximum(lengths - 6, 0)),
            to_bytes(Crc32(0, size)(values), 4, "little"),
            to_bytes(made, 4, "little"),
            _MARK_FILE,
        ]
    )
    content, _ = _each(inflate_file, files, 0)
    values = tf.io.decode_raw(values, tf.uint8, fixed_length=size)
    values = tf.ensure_shape(values, (None, size))
    return values, (made == size) & (content == size)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class RawRoundTrip(ByteRoundTrip):
    """Graph form of the raw codec; see `ByteRoundTrip`."""

    def graph_decoder(self, shape):
        """Returns the decoder of image data from outside; see `CodecLayer`.

        It accepts the same data as the byte form. A stream is inflated to at
        most 33 times the codes' size, or 1 MiB more than that if they are few.
        TensorFlow logs a warning for each that is damaged.
        """
        height, width, channels = shape

        def decode(image_data, point):
            values, whole = _inflate(image_data, height * width * channels)
            codes = tf.reshape(values, (-1, channels, height, width))
            codes = tf.transpose(codes, (0, 2, 3, 1))
            return tf.cast(codes, tf.float32), whole

        return decode


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class PngRoundTrip(ByteRoundTrip):
    """Graph form of the PNG codec; see `ByteRoundTrip`."""

    def graph_decoder(self, shape):
        """Returns the decoder of image data from outside; see `CodecLayer`.

        It accepts the same data as the byte form; see
        `RawRoundTrip.graph_decoder`. The rows' filters are the PNG decoder's.

        Raises:
            ValueError: for a plane of 2**29 pixels or more, or of more than
                a million a side.
        """
        height, width = tiling.plane_shape(shape)
        if height * width >= 2**29 or max(height, width) > 10**6:
            raise ValueError(
                "A PNG plane decoded in the graph must have fewer than 2**29 "
                "pixels, at most 10**6 a side, the limits of TensorFlow's "
                f"decoder. Received: plane shape={(height, width)}"
            )
        prefix = lossless._png_prefix(height, width)
        grey = np.full((height, width, 1), tiling.SPARE_CODE, np.uint8)
        spare = self.codec.encode(grey)
        limit = self.codec.max_bytes(shape)
        crc = Crc32(zlib.crc32(b"IDAT"), limit)

        def decode_file(file):
            plane = tf.io.decode_png(file, channels=1)
            return tf.ensure_shape(plane, (height, width, 1))

        def decode(image_data, point):
            rows, whole = _inflate(image_data, height * (width + 1))
            rows = tf.reshape(rows, (-1, height, width + 1))
            whole &= tf.reduce_all(rows[:, :, 0] < _FILTERS, axis=1)
            image_data = tf.where(whole, image_data, spare)
            files = tf.strings.join(
                [
                    prefix,
                    to_bytes(tf.strings.length(image_data), 4),
                    b"IDAT",
                    image_data,
                    to_bytes(crc(image_data), 4),
                    lossless.END_CHUNK,
                ]
            )
            planes, done = _each(decode_file, files, grey)
            return untile(tf.cast(planes, tf.float32), shape), whole & done

        return decode
