"""Tiling in the graph: codes (batch, h, w, c) <-> planes (batch, H, W, 1)."""

from keras import ops

from bottlenet_tf.codec import tiling


def tile(codes):
    """Returns one plane for each image; see `codec.tiling`.

    Args:
        codes: `(batch, h, w, c)`.

    Returns:
        `(batch, rows * h, columns * w, 1)`; spare tiles are 128.
    """
    height, width, channels = codes.shape[1:]
    rows, columns = tiling.grid(channels)
    spare = rows * columns - channels
    if spare:
        codes = ops.pad(
            codes,
            ((0, 0), (0, 0), (0, 0), (0, spare)),
            constant_values=tiling.SPARE_CODE,
        )
    # (batch, h, w, rows, columns) -> (batch, rows, h, columns, w)
    tiles = ops.reshape(codes, (-1, height, width, rows, columns))
    tiles = ops.transpose(tiles, (0, 3, 1, 4, 2))
    return ops.reshape(tiles, (-1, rows * height, columns * width, 1))


def untile(planes, shape):
    """Inverse of `tile`: returns codes of `shape` = (h, w, c) each."""
    height, width, channels = shape
    rows, columns = tiling.grid(channels)
    tiles = ops.reshape(planes, (-1, rows, height, columns, width))
    tiles = ops.transpose(tiles, (0, 2, 4, 1, 3))
    codes = ops.reshape(tiles, (-1, height, width, rows * columns))
    return codes[..., :channels]
