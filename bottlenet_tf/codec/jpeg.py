"""JPEG of the tiled plane without its constant tables: image data only.

A grey JPEG file of a given quality and size always opens with the same bytes
(SOI, tables, frame and scan header; 328 of them) and closes with EOI. Both
sides know qualities and shape, so only the bytes between are sent. Each side's
own library makes the rest, so the payload's checksum covers that.
"""

import functools
import io
import re

import numpy as np

from bottlenet_tf.codec import tiling
from bottlenet_tf.codec.base import (
    CODECS,
    MAX_POINTS,
    Codec,
    PayloadError,
    check_codes,
    check_point,
)
from bottlenet_tf.common.checks import is_whole

try:  # 5-10 microseconds per call; the same bytes and pixels as Pillow's.
    import imagecodecs
except ImportError:  # A device may have only Pillow.
    imagecodecs = None

_EOI = b"\xff\xd9"
SOF0 = 0xC0  # The frame header of a baseline file.
SOS = 0xDA  # The scan header.
# Application segments and comments. No pixel depends on them, and libraries
# differ: TensorFlow's writes another density.
_NOTES = frozenset((*range(0xE0, 0xF0), 0xFE))
# Inside entropy-coded data every 0xff is followed by a stuffed 0x00; anything
# else is a marker, which no valid sender produces here.
_MARKER = re.compile(rb"\xff[^\x00]|\xff\Z")
MAX_SIDE = 65500  # The format has 16 bits for a side; libjpeg stops here.


def _encode_file(plane, quality):
    if imagecodecs is not None:
        return imagecodecs.jpeg8_encode(plane, level=quality)
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _decode_file(data):
    if imagecodecs is not None:
        return imagecodecs.jpeg8_decode(data)
    # Not `Image.open`, which reads any format before Pillow 8.0.
    from PIL import JpegImagePlugin

    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        image.load()  # Old NumPy hides errors of decoding.
        return np.asarray(image)


def segments(file):
    """Yields `(marker, start, end)` of a JPEG file's segments, SOS the last."""
    at = 2  # After SOI come segments: 0xff, marker, 16-bit length, data.
    while at + 4 <= len(file) and file[at] == 0xFF:
        end = at + 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        yield file[at + 1], at, end
        if file[at + 1] == SOS:
            return
        at = end
    raise ValueError(
        "A JPEG file must have a scan after its tables. "
        f"Received: file of {len(file)} bytes"
    )


@functools.lru_cache(maxsize=256)
def jpeg_prefix(quality, height, width):
    """Returns a plane's constant bytes, to the end of the scan header."""
    file = _encode_file(np.zeros((height, width), np.uint8), quality)
    *_, (_, _, end) = segments(file)
    return file[:end]


@CODECS.register("jpeg")
class JpegCodec(Codec):
    """Baseline grey JPEG of the tiled plane; lossy below quality 100.

    Encoding is libjpeg's with the accurate integer DCT and the standard
    Huffman tables, so TensorFlow's encoder, Pillow and imagecodecs all give
    the same image data. Each quality is an operating point.

    `decode` turns any bytes without a marker into pixels: the checksum of the
    payload detects corruption.

    Args:
        quality: 1 (smallest) to 100 (best), 20 in the paper; or a list of up to
            64 distinct ones, the operating points in their order.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2. The
        paper does not say that it drops the tables; its byte counts do.
    """

    name = "jpeg"
    graph_layer = "bottlenet_tf.layers.jpeg.JpegRoundTrip"

    def __init__(self, quality=20):
        several = isinstance(quality, (list, tuple))
        self.points = tuple(quality) if several else (quality,)
        if not all(is_whole(point, 1, 100) for point in self.points):
            raise ValueError(
                "`quality` must be an integer from 1 to 100, libjpeg's scale, "
                f"or a list of them. Received: quality={quality!r}"
            )
        if not 1 <= len(set(self.points)) == len(self.points) <= MAX_POINTS:
            raise ValueError(
                "Several qualities must be distinct, at least one and at most "
                f"{MAX_POINTS}: payloads name them by their index. "
                f"Received: quality={quality!r}"
            )

    def encode(self, codes, point=0):
        check_codes(codes)
        self.check_shape(codes.shape)
        check_point(point, self.points)
        quality, plane = self.points[point], tiling.tile(codes)
        file = _encode_file(plane, quality)
        prefix = jpeg_prefix(quality, *plane.shape)
        if not (file.startswith(prefix) and file.endswith(_EOI)):
            raise RuntimeError(
                "The JPEG library must write the same tables for all images "
                "of a quality and size, because payloads leave them out. "
                f"Received: plane shape={plane.shape}, other first bytes than "
                "those of a black plane"
            )
        return file[len(prefix) : -len(_EOI)]

    def decode(self, data, shape, point=0):
        self.check_shape(shape)
        check_point(point, self.points)
        height, width = tiling.plane_shape(shape)
        if _MARKER.search(data):
            raise PayloadError(
                "JPEG image data must contain no marker: tables and headers "
                "are fixed by quality and shape, so a marker is foreign. "
                f"Received: {len(data)} bytes with a marker"
            )
        prefix = jpeg_prefix(self.points[point], height, width)
        try:
            plane = _decode_file(prefix + data + _EOI)
        except Exception as error:  # Each library has its own errors.
            raise PayloadError(
                f"JPEG image data could not be decoded: {error}. "
                f"Received: {len(data)} bytes for a {height}x{width} plane"
            ) from error
        if plane.shape != (height, width):
            raise PayloadError(
                "A decoded plane must have the unit's size. Received: "
                f"shape={plane.shape}, expected {(height, width)}"
            )
        return tiling.untile(plane, shape)

    def constant_bytes(self, shape):
        sides = tiling.plane_shape(shape)
        prefixes = [jpeg_prefix(quality, *sides) for quality in self.points]
        return b"".join(
            prefix[start:end]
            for prefix in prefixes
            for marker, start, end in segments(prefix)
            if marker not in _NOTES
        )

    def check_shape(self, shape):
        super().check_shape(shape)
        height, width = tiling.plane_shape(shape)
        # The graph form codes complete blocks; both forms take the same shapes.
        padded = (-height % 8 + height, -width % 8 + width)
        if max(padded) > MAX_SIDE:
            raise ValueError(
                "A JPEG plane, padded to complete 8x8 blocks, must have sides "
                f"of at most {MAX_SIDE} pixels, libjpeg's limit. Received: "
                f"plane shape={(height, width)}, padded to {padded}"
            )

    def max_bytes(self, shape):
        height, width = tiling.plane_shape(shape)
        blocks = -(-height // 8) * -(-width // 8)
        # A block's 64 coefficients take at most 16 + 11 bits each, plus
        # stuffing: 64 * 27 / 8 = 216 bytes, doubled if every byte is 0xff.
        return 432 * blocks + 16

    def get_config(self):
        one = len(self.points) == 1
        return {"quality": self.points[0] if one else list(self.points)}
