"""A differentiable stand-in for JPEG's bits in training."""

import numpy as np
import tensorflow as tf

BLOCK = 8  # JPEG codes blocks of 8x8 pixels.
# JPEG's luminance table, ITU-T T.81 (1992), table K.1.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.int32,
)


def quantization_table(quality):
    """Returns the 8x8 float32 steps libjpeg uses at `quality` (a tensor)."""
    quality = tf.cast(quality, tf.int32)
    scale = tf.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    steps = (_LUMINANCE * scale + 50) // 100
    return tf.cast(tf.clip_by_value(steps, 1, 255), tf.float32)


def jpeg_rate(planes, quality):
    """Returns a differentiable stand-in for bits, `(batch,)`.

    sum log2(1 + |coefficient / step|) over all DCT coefficients, DC as the
    difference to the previous block: the size category that Huffman coding
    spends bits on, without its rounding. Plus 1: never zero.

    Args:
        planes: float32 `(batch, H, W, 1)`, pixels 0..255.
        quality: JPEG quality, 1 to 100, a scalar tensor.
    """
    rows, columns = (-(-size // BLOCK) for size in planes.shape[1:3])
    planes = whole_blocks(planes) - 128.0
    blocks = tf.reshape(planes, (-1, rows, BLOCK, columns, BLOCK))
    dct = _dct_matrix()
    coefficients = tf.einsum("uy,nryxz->nruxz", dct, blocks)
    coefficients = tf.einsum("vz,nruxz->nrxuv", dct, coefficients)
    scaled = coefficients / quantization_table(quality)
    bits = tf.math.log1p(tf.abs(scaled))
    dc = tf.reshape(scaled[..., 0, 0], (-1, rows * columns))
    before = tf.pad(dc[:, :-1], ((0, 0), (1, 0)))
    dc_bits = tf.math.log1p(tf.abs(dc - before))
    total = (
        tf.reduce_sum(bits, axis=(1, 2, 3, 4))
        - tf.reduce_sum(bits[..., 0, 0], axis=(1, 2))
        + tf.reduce_sum(dc_bits, axis=1)
    )
    return 1.0 + total / np.log(2.0)


def whole_blocks(planes):
    """Returns planes `(batch, H, W, 1)` padded to complete blocks.

    The last row and column are repeated, as libjpeg does it.
    """
    bottom, right = (-size % BLOCK for size in planes.shape[1:3])
    if bottom:
        edge = tf.repeat(planes[:, -1:], bottom, axis=1)
        planes = tf.concat([planes, edge], axis=1)
    if right:
        edge = tf.repeat(planes[:, :, -1:], right, axis=2)
        planes = tf.concat([planes, edge], axis=2)
    return planes


def _dct_matrix():
    k = np.arange(BLOCK)
    matrix = 0.5 * np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
