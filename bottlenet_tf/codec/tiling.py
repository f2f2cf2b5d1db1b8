"""Tiling on the byte side: code tensor (h, w, c) <-> one 2-D plane."""

import math

import numpy as np

# JPEG codes pixel - 128, so a spare tile of 128 has no coefficient.
SPARE_CODE = 128


def grid(channels):
    """Returns `(rows, columns)` of the tile grid for `channels` tiles.

    columns = 2**ceil(log2(channels) / 2) as in the paper; the paper's
    rows = 2**floor(log2(channels) / 2) drops channels whenever `channels` is
    not a power of two, so rows = ceil(channels / columns) here and spare
    tiles are padded.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, tiling.
    """
    if not isinstance(channels, int) or channels < 1:
        raise ValueError(
            "`channels` must be a positive integer: each channel is one tile. "
            f"Received: channels={channels!r}"
        )
    columns = 2 ** math.ceil((channels - 1).bit_length() / 2)
    return -(-channels // columns), columns


def plane_shape(shape):
    """Returns `(plane_height, plane_width)` for codes of `(h, w, c)`."""
    height, width, channels = shape
    rows, columns = grid(channels)
    return rows * height, columns * width


def tile(codes):
    """Returns codes uint8 `(h, w, c)` as one plane `(rows * h, columns * w)`.

    Channel k is the tile at row k // columns, column k % columns; spare tiles
    are grey.
    """
    height, width, channels = codes.shape
    rows, columns = grid(channels)
    tiles = np.full((rows * columns, height, width), SPARE_CODE, np.uint8)
    tiles[:channels] = codes.transpose(2, 0, 1)
    tiles = tiles.reshape(rows, columns, height, width)
    plane = tiles.transpose(0, 2, 1, 3).reshape(plane_shape(codes.shape))
    return np.ascontiguousarray(plane)  # A reshape may keep the strides.


def untile(plane, shape):
    """Inverse of `tile`: plane -> codes of `shape` = (h, w, c)."""
    height, width, channels = shape
    rows, columns = grid(channels)
    tiles = plane.reshape(rows, height, columns, width).transpose(1, 3, 0, 2)
    return tiles.reshape(height, width, rows * columns)[..., :channels]
