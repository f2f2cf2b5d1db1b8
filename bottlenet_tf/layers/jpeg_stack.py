"""Decodes the JPEG image data of many planes at once, for a server."""

import numpy as np
import tensorflow as tf

from bottlenet_tf.codec import create_codec, tiling
from bottlenet_tf.codec.jpeg import MAX_SIDE, SOF0, jpeg_prefix, segments
from bottlenet_tf.layers.codec_layer import to_bytes
from bottlenet_tf.layers.jpeg_rate import BLOCK

EOI = b"\xff\xd9"


class StackDecoder:
    """Decodes the image data of many planes by one call of the JPEG decoder.

    Each plane's image data become one restart interval of a tall image:

    ```
    SOI .. DRI, SOF0 of all rows .. SOS  data RST0  data RST1 ..  data EOI
    ```

    A decoder restarts at every restart marker: prediction from zero, at a
    byte's start, at the place that the number of blocks fixes. As no data
    contain a marker, it meets exactly one after each plane, whatever the bytes
    before it: missing data are filled with zeros and excess data are skipped.
    So no image data raise an error or reach a neighbour's pixels, and pixels
    are those of one file for each plane.

    A stack has at most 65,500 rows and 2**24 pixels; larger batches take
    several calls. An interval has 16 bits: planes of more than 65,535 blocks
    take one call each.

    Call arguments:
        image_data: string `(batch,)`, any bytes.

    Returns:
        `(planes, decodable)`: uint8 `(batch, height, width, 1)`; bool
        `(batch,)`, False for data with a marker, whose plane is grey.

    Reference:
        ITU-T T.81 (1992), sections B.2.4.4 (DRI), E.2.4 (restart).
    """

    def __init__(self, quality, height, width):
        rows, columns = -(-height // BLOCK), -(-width // BLOCK)
        # A block moves the DC by at most 2047; libjpeg raises where their sum
        # leaves 32 bits, at 2**31 / 2047 blocks, which would end the batch.
        if rows * columns >= 2**20:
            raise ValueError(
                "A plane decoded in the graph must have fewer than 2**20 "
                "blocks of 8x8 pixels, or one crafted payload could stop its "
                f"batch. Received: plane shape={(height, width)}"
            )
        self._plane_shape = (height, width)
        self._rows = BLOCK * rows
        self._most = min(MAX_SIDE, 2**24 // width) // self._rows
        prefix = jpeg_prefix(quality, height, width)
        at = next(start for kind, start, _ in segments(prefix) if kind == SOF0)
        # SOF0's marker, length and precision come before the height.
        self._before_height = prefix[: at + 5]
        self._after_height = prefix[at + 7 :]
        if rows * columns < 2**16:
            # DRI: marker, its length of 4 bytes, blocks to an interval.
            interval = b"\xff\xdd\0\4" + (rows * columns).to_bytes(2, "big")
            self._before_height = prefix[:at] + interval + prefix[at : at + 5]
        else:
            self._most = 1
        self._most = max(self._most, 1)
        self._grey = create_codec("jpeg", quality=quality).encode(
            np.full((height, width, 1), tiling.SPARE_CODE, np.uint8)
        )

    def __call__(self, image_data):
        has_marker = _has_marker(image_data)
        image_data = tf.where(has_marker, self._grey, image_data)
        batch = tf.size(image_data)
        # At least one plane, so that an empty batch makes no empty image.
        calls = tf.maximum(-(-batch // self._most), 1)
        each = tf.maximum(-(-batch // calls), 1)
        spare = tf.fill([calls * each - batch], self._grey)
        image_data = tf.concat([image_data, spare], axis=0)
        files = self._files(tf.reshape(image_data, (calls, each)))

        # The usual case goes without the loop's overhead.
        planes = tf.cond(
            calls == 1,
            lambda: decode_file(files[0])[None],
            lambda: tf.map_fn(decode_file, files, fn_output_signature=tf.uint8),
        )
        height, width = self._plane_shape
        planes = tf.reshape(planes, (-1, self._rows, width, 1))
        return planes[:batch][:, :height], ~has_marker

    def _files(self, image_data):
        """Returns the JPEG file of each row of `(calls, each)`."""
        each = tf.shape(image_data)[1]
        restarts = tf.constant([bytes((0xFF, 0xD0 + i)) for i in range(8)])
        markers = tf.gather(restarts, tf.range(each - 1) % 8)
        markers = tf.concat([markers, [EOI]], axis=0)
        scans = tf.strings.reduce_join(image_data + markers, axis=1)
        height = to_bytes(each * self._rows, 2)
        return tf.strings.join(
            [self._before_height, height, self._after_height, scans]
        )


def decode_file(file):
    """Returns the pixels of a grey JPEG file, decoded exactly."""
    return tf.io.decode_jpeg(file, channels=1, dct_method="INTEGER_ACCURATE")


def _has_marker(image_data):
    """Returns whether strings contain 0xff without a stuffed 0x00, bool."""
    # The byte after the end: a trailing 0xff counts too.
    closed = image_data + b"\x01"
    longest = tf.reduce_max(tf.concat([tf.strings.length(closed), [1]], 0))
    values = tf.io.decode_raw(closed, tf.uint8, fixed_length=longest)
    marks = (values[:, :-1] == 0xFF) & (values[:, 1:] != 0)
    return tf.reduce_any(marks, axis=1)
