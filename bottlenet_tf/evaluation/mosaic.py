"""Pictures of images, their planes, and the planes after the codec."""

import math

import numpy as np

from bottlenet_tf.codec import tiling
from bottlenet_tf.evaluation.wire_path import WirePath

_CELL = 128  # Least side in pixels.
_SEPARATOR = 2
_PAPER = 255  # White, around and between the pictures.


def plane_mosaic(model, images):
    """Returns a picture of images on their way through the codec.

    One column for each image; from the top: the image, the plane the codec
    sees, the plane after a round trip through its bytes, at the unit's default
    operating point.

    Args:
        images: `(n, H, W, 3)`, RGB 0..255, at least one.

    Returns:
        uint8 `(height, width, 3)`, enlarged by integer factors without
        interpolation.
    """
    images = np.asarray(images)
    codec, point = model.unit.byte_codec, model.unit.default_point
    codes, _ = WirePath(model).codes(images)
    rows = [list(np.clip(images, 0, 255).astype(np.uint8)), [], []]
    for code in codes:
        data = codec.encode(code, point)
        decoded = codec.decode(data, code.shape, point)
        # One scale for both.
        largest = max(1, np.abs(code.astype(np.int32)).max())
        for row, seen in zip(rows[1:], (code, decoded), strict=True):
            plane = _plane(seen, largest)
            row.append(np.repeat(plane[..., None], 3, axis=-1))
    cell = max(_CELL, *(max(row[0].shape) for row in rows))
    return _grid([[_enlarge(p, cell) for p in row] for row in rows])


def _plane(codes, largest):
    """Returns codes, `(h, w, c)` or `(n,)`, as a grey plane.

    For types other than uint8, 0 is medium grey and `largest` black or white.
    """
    if codes.ndim == 1:  # Rows of a square, the last one filled up.
        side = math.isqrt(len(codes) - 1) + 1
        spare = np.zeros(side * side - len(codes), codes.dtype)
        codes = np.append(codes, spare).reshape(side, side, 1)
    if codes.dtype != np.uint8:
        scaled = tiling.SPARE_CODE + 127.0 / largest * codes
        codes = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return tiling.tile(codes)


def _enlarge(picture, cell):
    """Repeats pixels an integer number of times, up to a side of `cell`."""
    factor = cell // max(picture.shape[:2])
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _grid(rows):
    """Lays rows of pictures out, each centred in its cell."""
    width = max(picture.shape[1] for row in rows for picture in row)
    strips = []
    for row in rows:
        height = max(picture.shape[0] for picture in row)
        cells = [_padded(picture, height, width) for picture in row]
        strips.append(_joined(cells, axis=1))
    return _joined(strips, axis=0)


def _padded(picture, height, width):
    top, left = height - picture.shape[0], width - picture.shape[1]
    sides = ((top // 2, -(-top // 2)), (left // 2, -(-left // 2)), (0, 0))
    return np.pad(picture, sides, constant_values=_PAPER)


def _joined(pictures, axis):
    """Concatenates pictures with separators between and around them."""
    shape = list(pictures[0].shape)
    shape[axis] = _SEPARATOR
    line = np.full(shape, _PAPER, np.uint8)
    parts = [line]
    for picture in pictures:
        parts += [picture, line]
    return np.concatenate(parts, axis=axis)
