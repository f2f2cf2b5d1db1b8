"""The EXIF orientation of an image file.

Read here, from the bytes, because Pillow's versions look in different places.
"""

import struct

import numpy as np

from bottlenet_tf.runtime.chunks import jpeg_segments, png_chunks, webp_chunks

_TAG = 0x0112
_EXIF = b"Exif\0\0"


def orientation(data, form):
    """Returns EXIF's orientation, 1 to 8; 1 if there is none.

    JPEG's first APP1 segment with EXIF, before any table, PNG's chunk `eXIf`
    and WebP's `EXIF` are read. XMP and text chunks aren't, and neither are
    other forms. Unreadable EXIF counts as none.
    """
    if form == "JPEG":
        found = (
            body[len(_EXIF) :]
            for marker, body in jpeg_segments(data)
            if marker == 0xE1 and body[: len(_EXIF)] == _EXIF
        )
    elif form == "PNG":
        found = (body for name, body in png_chunks(data) if name == b"eXIf")
    elif form == "WEBP":
        found = (body for name, body in webp_chunks(data) if name == b"EXIF")
    else:
        return 1
    exif = bytes(next(found, b""))
    if exif.startswith(_EXIF):  # Some writers of WebP keep JPEG's prefix.
        exif = exif[len(_EXIF) :]
    try:
        value = _tag(exif)
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def _tag(exif):
    """Returns the orientation in the first directory of a TIFF header."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    for i in range(count):
        at = start + 2 + 12 * i
        tag, kind = struct.unpack_from(order + "HH", exif, at)
        if tag == _TAG:
            code = {3: "H", 4: "I"}.get(kind)  # SHORT, as in EXIF, or LONG
            if code is None:
                return 1
            return struct.unpack_from(order + code, exif, at + 8)[0]
    return 1


def upright(pixels, value):
    """Returns pixels `(height, width, 3)` turned by an orientation.

    For 5 to 8 the result is `(width, height, 3)`.
    """
    if value >= 5:  # The first row is a side of the scene.
        pixels = pixels.transpose(1, 0, 2)
    if value in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if value in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
