"""Blends of training images: more of the teacher's function to imitate.

Reference:
    Zhang et al., 2018, arXiv:1710.09412; as an aid to distillation: Beyer et
    al., 2022, arXiv:2106.05237.
"""

import tensorflow as tf

# The last steps see whole images, as the test does: batch statistics, and the
# bytes that a budget is held against, settle on what will be sent.
WHOLE_IMAGES_AT_END = 0.2


def blend_shares(count, alpha, seed, step, total_steps):
    """Draws how much of its partner each example of a batch gets.

    Args:
        count: Examples in the batch.
        alpha: Positive; shares come from Beta(alpha, alpha). 1 draws them
            uniformly, small values keep most examples nearly whole.
        seed: Integer; shares are a function of `(seed, step)`, so that a
            resumed run draws the same.
        step: int32 scalar tensor, from 0.
        total_steps: Steps of the whole run.

    Returns:
        float32 `(count,)` in 0..1; zeros in the last `WHOLE_IMAGES_AT_END` of
        the run.
    """
    # Beta(a, a) is x / (x + y) of two Gamma(a). Where a small alpha draws
    # two zeros, the example stays whole.
    x, y = tf.unstack(
        tf.random.stateless_gamma((2, count), tf.stack([seed, step]), alpha)
    )
    shares = tf.math.divide_no_nan(x, x + y)
    is_over = step >= round((1.0 - WHOLE_IMAGES_AT_END) * total_steps)
    return tf.where(is_over, 0.0, shares)


def blend(values, shares):
    """Blends example i of a batch with example `batch - 1 - i`.

    Args:
        values: Number tensor `(batch, ...)`.
        shares: float32 `(batch,)`, the partner's share of each example.

    Returns:
        float32 `(batch, ...)`.
    """
    values = tf.cast(values, tf.float32)
    shares = tf.reshape(shares, [-1] + [1] * (values.shape.rank - 1))
    return values + shares * (values[::-1] - values)
