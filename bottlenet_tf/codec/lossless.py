"""Lossless codecs: PNG of the tiled plane, and deflated raw codes."""

import functools
import io
import zlib

import numpy as np

from bottlenet_tf.codec import tiling
from bottlenet_tf.codec.base import (
    CODECS,
    Codec,
    PayloadError,
    check_codes,
)

try:  # Half of Pillow's time; each can read the other's files.
    import imagecodecs
except ImportError:  # A device may have only Pillow.
    imagecodecs = None

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _inflate(data, size):
    """Returns the `size` bytes that `data` inflates to, or raises."""
    inflater = zlib.decompressobj()
    try:
        # One byte more than needed: enough to see an oversized stream
        # without inflating a bomb.
        raw = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise PayloadError(
            f"Deflated codes could not be inflated: {error}. "
            f"Received: {len(data)} bytes"
        ) from error
    if len(raw) != size or not inflater.eof or inflater.unused_data:
        raise PayloadError(
            f"Deflated codes must inflate to the {size} bytes that the unit's "
            f"shape fixes, with nothing after them. Received: {len(data)} "
            "bytes that inflate to more or fewer, or are cut off"
        )
    return raw


def _chunk(kind, data):
    """Returns one PNG chunk: length, kind, data, CRC-32 of the last two."""
    crc = zlib.crc32(data, zlib.crc32(kind))
    return b"".join(
        (len(data).to_bytes(4, "big"), kind, data, crc.to_bytes(4, "big"))
    )


END_CHUNK = _chunk(b"IEND", b"")


@functools.lru_cache(maxsize=256)
def _png_prefix(height, width):
    """Returns the bytes before the image data: signature and IHDR."""
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    # Bit depth 8, grey, deflate, adaptive filters, not interlaced.
    return _SIGNATURE + _chunk(b"IHDR", sides + b"\x08\0\0\0\0")


def _image_data(file):
    """Returns the data of all IDAT chunks of a PNG file, joined."""
    parts, at = [], len(_SIGNATURE)
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        if file[at + 4 : at + 8] == b"IDAT":
            parts.append(file[at + 8 : at + 8 + length])
        at += 12 + length
    return b"".join(parts)


def _encode_file(plane):
    if imagecodecs is not None:
        # In bytes: twice the pixels and each row's filter number, and 1 KiB
        # of container. The default of imagecodecs is too small for tall planes
        # of up to 4 pixels per row.
        room = 2 * plane.size + 2 * len(plane) + 1024
        return imagecodecs.png_encode(plane, level=9, out=room)
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def _decode_file(file):
    if imagecodecs is not None:
        return imagecodecs.png_decode(file)
    # Not `Image.open`, which reads any format before Pillow 8.0.
    from PIL import PngImagePlugin

    with PngImagePlugin.PngImageFile(io.BytesIO(file)) as image:
        image.load()  # Old NumPy hides errors of decoding.
        return np.asarray(image)


@CODECS.register("png")
class PngCodec(Codec):
    """PNG of the tiled plane without its container; codes come back exactly.

    Only the deflated rows travel. Signature, header and chunk frames (57
    bytes) follow from the shape, so foreign bytes cannot choose them.
    """

    name = "png"
    graph_layer = "bottlenet_tf.layers.lossless.PngRoundTrip"

    def encode(self, codes, point=0):
        check_codes(codes)
        plane = tiling.tile(codes)
        file = _encode_file(plane)
        if not file.startswith(_png_prefix(*plane.shape)):
            raise RuntimeError(
                "The PNG library must write 8-bit grey, not interlaced, "
                "because payloads leave the header out. "
                f"Received: header={file[16:29].hex()}"
            )
        return _image_data(file)

    def decode(self, data, shape, point=0):
        height, width = tiling.plane_shape(shape)
        # Each row begins with its filter's number. Checked before decoding:
        # libraries differ in the broken streams that they accept.
        rows = _inflate(data, height * (width + 1))
        if max(rows[:: width + 1]) > 4:  # Old imagecodecs would abort.
            raise PayloadError(
                "A PNG row's filter must be 0 to 4. "
                f"Received: filter={max(rows[:: width + 1])}"
            )
        prefix = _png_prefix(height, width)
        try:
            plane = _decode_file(prefix + _chunk(b"IDAT", data) + END_CHUNK)
        except Exception as error:  # Each library has its own errors.
            raise PayloadError(
                f"PNG image data could not be decoded: {error}. "
                f"Received: {len(data)} bytes"
            ) from error
        return tiling.untile(plane, shape)


@CODECS.register("raw")
class RawCodec(Codec):
    """Raw codes, channel after channel, deflated (zlib level 9)."""

    name = "raw"
    graph_layer = "bottlenet_tf.layers.lossless.RawRoundTrip"

    def encode(self, codes, point=0):
        check_codes(codes)
        return zlib.compress(codes.transpose(2, 0, 1).tobytes(), 9)

    def decode(self, data, shape, point=0):
        height, width, channels = shape
        raw = _inflate(data, height * width * channels)
        codes = np.frombuffer(raw, np.uint8).reshape(channels, height, width)
        return codes.transpose(1, 2, 0)
