"""Tests of tiling in the graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import tiling
from bottlenet_tf.layers import Tile, Untile


@pytest.mark.parametrize("channels", range(1, 65))
def test_planes_equal_the_byte_side_s_and_lose_no_channel(channels, rng):
    codes = rng.integers(0, 256, (2, 3, 5, channels), np.uint8)
    planes = Tile()(codes.astype("float32"))
    want = np.stack([tiling.tile(image) for image in codes])[..., None]
    np.testing.assert_array_equal(planes, want)
    restored = Untile((3, 5, channels))(planes)
    np.testing.assert_array_equal(restored, codes)


def test_the_gradient_of_tiling_is_that_of_a_permutation(rng):
    codes = tf.constant(rng.normal(size=(1, 3, 5, 3)).astype("float32"))
    weights = tf.constant(rng.normal(size=codes.shape).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        restored = Untile((3, 5, 3))(Tile()(codes))
        loss = tf.reduce_sum(weights * restored)
    np.testing.assert_array_equal(tape.gradient(loss, codes), weights)


def test_symbolic_shapes_are_the_real_ones():
    planes = Tile()(keras.Input((7, 5, 10)))
    # 10 channels: 3 rows of 4 columns.
    assert planes.shape == (None, 21, 20, 1)
    assert Untile((7, 5, 10))(planes).shape == (None, 7, 5, 10)


def test_a_saved_model_gives_identical_output(revive, rng):
    x = rng.integers(0, 256, (2, 3, 5, 3)).astype("float32")
    model, loaded = revive(Tile(), x)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_get_config_rebuilds_untile():
    layer = Untile((3, 5, 2))
    twin = Untile.from_config(layer.get_config())
    assert twin.shape == (3, 5, 2)


@pytest.mark.parametrize("plane", [(21, 10, 1), (20, 21, 1), (21, 20, 3)])
def test_planes_of_another_size_are_refused(plane):
    with pytest.raises(
        ValueError, match=r"\(21, 20, 1\).*Received: input_shap"
    ):
        Untile((7, 5, 10))(np.zeros((2, *plane), "float32"))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_codes_survive_mixed_precision(policy):
    # 255 is exact in float16, but 253 isn't in bfloat16: stay in float32.
    codes = np.full((1, 2, 2, 1), 253.0, "float32")
    planes = Tile(dtype=policy)(codes)
    assert planes.dtype == tf.float32
