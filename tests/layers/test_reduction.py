"""Tests of the device half: channel-wise and spatial reduction."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import ChannelReduction, SpatialReduction

EPSILON = 1e-3  # Batch normalisation's, with variance 1 before training.
LAYERS = [
    lambda **kw: ChannelReduction(2, **kw),
    lambda **kw: SpatialReduction(2, 2, **kw),
]


def test_channel_reduction_matches_a_hand_worked_value():
    layer = ChannelReduction(2)
    layer.build((None, 1, 1, 3))
    layer.conv.kernel.assign([[[[1, 1], [2, 0], [3, -5]]]])
    y = layer(tf.constant([[[[1.0, 10.0, 100.0]]]]))
    # 1 + 20 + 300 = 321; 1 - 500 < 0, which ReLU cuts off.
    want = [321 / np.sqrt(1 + EPSILON), 0]
    np.testing.assert_allclose(np.ravel(y), want, rtol=1e-6)


def test_spatial_reduction_matches_a_hand_worked_value():
    layer = SpatialReduction(1, stride=2)
    layer.build((None, 3, 3, 1))
    layer.conv.kernel.assign(tf.ones((3, 3, 1, 1)))
    y = layer(tf.reshape(tf.range(9.0), (1, 3, 3, 1)))
    # "same" at stride 2 pads one row around: each window sees a corner of
    # [[0, 1, 2], [3, 4, 5], [6, 7, 8]]: 0+1+3+4, 1+2+4+5, 3+4+6+7, 4+5+7+8.
    want = np.array([8, 12, 20, 24]) / np.sqrt(1 + EPSILON)
    np.testing.assert_allclose(np.ravel(y), want, rtol=1e-6)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_positions_are_divided_by_the_stride_rounding_up(size, stride):
    layer = SpatialReduction(2, stride, kernel_size=5)
    shape = (1, size, size + 1, 3)
    want = (1, -(-size // stride), -(-(size + 1) // stride), 2)
    assert layer(tf.zeros(shape)).shape == want
    assert layer.compute_output_shape(shape) == want


@pytest.mark.parametrize("make", LAYERS)
def test_relu_keeps_the_latent_from_being_negative(make, rng):
    y = make()(rng.normal(size=(2, 5, 5, 4)).astype("float32"))
    assert np.min(y) == 0


@pytest.mark.parametrize("make", LAYERS)
def test_without_activation_the_latent_has_both_signs(make, rng):
    x = rng.normal(size=(2, 5, 5, 4)).astype("float32")
    assert np.min(make(activation=None)(x)) < 0


@pytest.mark.parametrize("make", LAYERS)
def test_every_weight_gets_a_gradient(make, rng):
    layer = make(activation=None)
    x = rng.normal(size=(2, 5, 5, 4)).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) ** 3)
    gradients = tape.gradient(loss, layer.trainable_variables)
    assert all(np.any(g) for g in gradients) and len(gradients) == 3


@pytest.mark.parametrize("make", LAYERS)
def test_a_saved_model_gives_identical_output(make, revive, rng):
    x = rng.normal(size=(2, 5, 5, 4)).astype("float32")
    model, loaded = revive(make(activation=None), x)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("make", LAYERS)
def test_get_config_rebuilds_the_layer(make):
    layer = make(kernel_size=5, activation=None)
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_its_own_type(make, policy):
    layer = make(dtype=policy)
    assert layer(tf.zeros((1, 5, 5, 4))).dtype == layer.compute_dtype
    assert layer.conv.kernel.dtype == "float32"


def test_macs_match_the_papers_first_block():
    # RB1: 56 * 56 * 256 channels to 1 = 802,816; then 28 * 28 * 9 = 7,056.
    assert ChannelReduction(1).macs((56, 56, 256)) == 802_816
    assert SpatialReduction(1, 2).macs((56, 56, 1)) == 7_056


@pytest.mark.parametrize("name", ["filters", "kernel_size"])
@pytest.mark.parametrize("value", [0, 1.5, None])
def test_sizes_must_be_positive_integers(name, value):
    sizes = {"filters": 2, "kernel_size": 3, name: value}
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        ChannelReduction(**sizes)


@pytest.mark.parametrize("stride", [0, 1.5, None])
def test_a_stride_must_be_a_positive_integer(stride):
    with pytest.raises(ValueError, match=f"Received: stride={stride}"):
        SpatialReduction(2, stride)


def test_a_kernel_must_overlap_its_neighbour():
    with pytest.raises(ValueError, match="kernel_size=2, stride=2"):
        SpatialReduction(2, stride=2, kernel_size=2)
