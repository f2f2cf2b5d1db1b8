"""Tests of the cloud half: spatial and channel restoration."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import ChannelRestoration, SpatialRestoration

EPSILON = 1e-3  # Batch normalisation's, with variance 1 before training.


def test_channel_restoration_matches_a_hand_worked_value():
    layer = ChannelRestoration(3)
    layer.build((None, 1, 1, 1))
    layer.conv.kernel.assign([[[[1, -1, 0.5]]]])
    y = layer(tf.constant([[[[4.0]]]]))
    want = np.array([4, 0, 2]) / np.sqrt(1 + EPSILON)
    np.testing.assert_allclose(np.ravel(y), want, rtol=1e-6)


def test_spatial_restoration_matches_a_hand_worked_value():
    layer = SpatialRestoration(1, stride=2, output_size=(4, 4))
    layer.build((None, 2, 2, 1))
    layer.conv.kernel.assign(tf.ones((4, 4, 1, 1)))
    y = layer(tf.constant([[[[1.0], [2.0]], [[4.0], [8.0]]]]))
    # A 4x4 kernel of ones at stride 2, cropped by 1: input i reaches rows
    # 2i - 1 to 2i + 2, so the middle rows and columns see both inputs.
    rows = np.array([[1, 0], [1, 1], [1, 1], [0, 1]])
    want = rows @ [[1, 2], [4, 8]] @ rows.T / np.sqrt(1 + EPSILON)
    np.testing.assert_allclose(np.squeeze(y), want, rtol=1e-6)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_every_size_is_restored_exactly(size, stride):
    full = (size, size + 1)
    reduced = [-(-n // stride) for n in full]
    layer = SpatialRestoration(2, stride, full)
    x = tf.zeros((1, *reduced, 3))
    assert layer(x).shape == (1, *full, 2)
    assert layer.compute_output_shape(x.shape) == (1, *full, 2)


LAYERS = [
    lambda **kw: ChannelRestoration(6, **kw),
    lambda **kw: SpatialRestoration(6, 2, (7, 7), **kw),
]


@pytest.mark.parametrize("make", LAYERS)
def test_relu_keeps_the_feature_from_being_negative(make, rng):
    y = make()(rng.normal(size=(2, 4, 4, 3)).astype("float32"))
    assert np.min(y) == 0


@pytest.mark.parametrize("make", LAYERS)
def test_every_weight_gets_a_gradient(make, rng):
    layer = make(activation=None)
    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) ** 3)
    gradients = tape.gradient(loss, layer.trainable_variables)
    assert all(np.any(g) for g in gradients) and len(gradients) == 3


@pytest.mark.parametrize("make", LAYERS)
def test_a_saved_model_gives_identical_output(make, revive, rng):
    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
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
    assert layer(tf.zeros((1, 4, 4, 3))).dtype == layer.compute_dtype


def test_a_reduced_size_of_another_feature_is_refused():
    with pytest.raises(ValueError, match=r"input_shape=\(1, 3, 4, 2\)"):
        SpatialRestoration(2, 2, (7, 7))(tf.zeros((1, 3, 4, 2)))


@pytest.mark.parametrize("stride", [0, 1.5, None])
def test_a_stride_must_be_a_positive_integer(stride):
    with pytest.raises(ValueError, match=f"Received: stride={stride}"):
        SpatialRestoration(2, stride, (7, 7))


@pytest.mark.parametrize("size", [7, (7,), (7, 0), (7, 3.5)])
def test_an_output_size_must_be_two_positive_integers(size):
    with pytest.raises(ValueError, match="Received: output_size="):
        SpatialRestoration(2, 2, size)
