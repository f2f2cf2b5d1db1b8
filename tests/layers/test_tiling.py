"""Tests of tiling in the graph."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import tiling
from bottlenet_tf.layers.tiling import tile, untile


@pytest.mark.parametrize("channels", range(1, 65))
def test_planes_equal_the_byte_side_s_and_lose_no_channel(channels, rng):
    codes = rng.integers(0, 256, (2, 3, 5, channels), np.uint8)
    planes = tile(tf.constant(codes, tf.float32))
    want = np.stack([tiling.tile(image) for image in codes])[..., None]
    np.testing.assert_array_equal(planes, want)
    restored = untile(planes, (3, 5, channels))
    np.testing.assert_array_equal(restored, codes)


def test_the_gradient_of_tiling_is_that_of_a_permutation(rng):
    codes = tf.constant(rng.normal(size=(1, 3, 5, 3)).astype("float32"))
    weights = tf.constant(rng.normal(size=codes.shape).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        loss = tf.reduce_sum(weights * untile(tile(codes), (3, 5, 3)))
    np.testing.assert_array_equal(tape.gradient(loss, codes), weights)
