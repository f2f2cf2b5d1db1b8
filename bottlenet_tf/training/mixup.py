"""Blends of training images.

Reference:
    Zhang et al., 2018, arXiv:1710.09412; as an aid to distillation: Beyer et
    al., 2022, arXiv:2106.05237.
"""

import tensorflow as tf

# Share of the run, at its end, with unblended images: batch statistics and
# bytes settle on those of inference.
WHOLE_IMAGES_AT_END = 0.2


def blend_shares(count, alpha, seed, step, total_steps):
    """Draws the partners' shares of a batch from Beta(alpha, alpha).

    A function of seed and step (int32 tensor, from 0), so that a resumed run
    draws the same. Returns float32 `(count,)` in 0..1; zeros in the last
    `WHOLE_IMAGES_AT_END` of the run.
    """
    # Beta(a, a) is x / (x + y) of two Gamma(a). Where a small alpha draws
    # two zeros, the example stays unblended.
    x, y = tf.unstack(
        tf.random.stateless_gamma((2, count), tf.stack([seed, step]), alpha)
    )
    shares = tf.math.divide_no_nan(x, x + y)
    is_over = step >= round((1.0 - WHOLE_IMAGES_AT_END) * total_steps)
    return tf.where(is_over, 0.0, shares)


def blend(values, shares):
    """Blends example i of `(batch, ...)` with example `batch - 1 - i`.

    `shares` are the partners', float32 `(batch,)`. Returns float32.
    """
    values = tf.cast(values, tf.float32)
    shares = tf.reshape(shares, [-1] + [1] * (values.shape.rank - 1))
    return values + shares * (values[::-1] - values)
