"""Pictures of what the codec sees and of what it makes of it."""

import numpy as np

from bottlenet_tf.codec import tiling
from bottlenet_tf.evaluation.split import whole_codes

_CELL = 128  # Pixels a side at least; a plane of 8x8 is no thumbnail.
_SEPARATOR = 2
_PAPER = 255  # White, around and between the pictures.


def plane_mosaic(model, images):
    """Returns a picture of some images on their way through the codec.

    One column for each image; from the top: the image, the plane the codec
    sees, the plane after a round trip through its bytes.

    Args:
        model: Built `BottleNet`.
        images: `(n, H, W, 3)`, RGB 0..255.

    Returns:
        uint8 `(height, width, 3)`, enlarged by whole factors without
        interpolation.

    Raises:
        ValueError: if there are no images, or features aren't finite.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            "A mosaic needs a batch of at least one image. "
            f"Received: images of shape {images.shape}"
        )
    unit = model.unit
    codes = whole_codes(model.encode(images)[0])
    rows = [list(np.clip(images, 0, 255).astype(np.uint8)), [], []]
    for code in codes:
        data = unit.byte_codec.encode(code)
        decoded = unit.byte_codec.decode(data, code.shape)
        for row, seen in zip(rows[1:], (code, decoded), strict=True):
            plane = tiling.tile(seen)
            row.append(np.repeat(plane[..., None], 3, axis=-1))
    cell = max(_CELL, *(max(row[0].shape) for row in rows))
    return _grid([[_enlarge(p, cell) for p in row] for row in rows])


def _enlarge(picture, cell):
    """Repeats pixels a whole number of times, up to `cell` a side."""
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
