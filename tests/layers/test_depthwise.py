"""Tests of the depthwise halves: positions away, and back."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import DepthwiseReduction, DepthwiseRestoration

EPSILON = 1e-3  # Batch normalisation's, with variance 1 before training.
SIZES = [(1, 2), (4, 4), (7, 5), (8, 9)]
STRIDES = [1, 2, 3, 5]


def test_reduction_matches_a_hand_worked_value():
    layer = DepthwiseReduction(2, stride=2)
    layer.build((None, 2, 2, 2))
    layer.conv.kernel.assign(np.ones((3, 3, 2, 1)) * [[[1], [-1]]])
    x = tf.constant([[[[1.0, 1.0], [2.0, 2.0]], [[3.0, 3.0], [4.0, 4.0]]]])
    # The one window holds all four; the second channel is rectified.
    want = np.array([10.0, 0.0]) / np.sqrt(1 + EPSILON)
    np.testing.assert_allclose(np.ravel(layer(x)), want, rtol=1e-6)


def test_restoration_matches_a_hand_worked_value():
    layer = DepthwiseRestoration(1, 2, (4, 1))
    layer.build((None, 2, 1, 1))
    kernel = np.zeros((3, 3, 1, 1))
    kernel[:, 1, 0, 0] = 1, 2, 4
    layer.conv.kernel.assign(kernel[::-1])  # Stored upside down.
    y = layer(tf.constant([[[[1.0]], [[10.0]]]]))
    # 4 rows to 2, 3 of a window: the reduction pads none before the first.
    # Input 0 reaches rows 0 to 2, input 1 rows 2 to 4, of which 4 is cropped.
    want = np.array([1, 2, 4 + 10, 20]) / np.sqrt(1 + EPSILON)
    np.testing.assert_allclose(np.ravel(y), want, rtol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", STRIDES)
def test_restoration_is_the_transpose_of_the_reduction(size, stride, rng):
    reduction = DepthwiseReduction(2, stride)
    reduction.build((None, *size, 2))
    x = rng.normal(size=(1, *size, 2)).astype("float32")
    y = reduction.conv(x)
    restoration = DepthwiseRestoration(2, stride, size, activation=None)
    restoration.build(tuple(y.shape))
    kernel = reduction.conv.kernel.numpy()
    restoration.conv.kernel.assign(kernel[::-1, ::-1])
    given = rng.normal(size=y.shape).astype("float32")
    restored = restoration(given) * np.sqrt(1 + EPSILON)
    # <A x, g> = <x, A^T g> for all x and g makes the one the other's.
    np.testing.assert_allclose(
        np.sum(y * given), np.sum(x * restored), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", STRIDES)
def test_every_size_is_restored_exactly(size, stride):
    x = tf.zeros((1, *size, 3))
    reduced = DepthwiseReduction(3, stride)(x)
    assert reduced.shape == (1, *(-(-n // stride) for n in size), 3)
    layer = DepthwiseRestoration(3, stride, size)
    assert layer(reduced).shape == x.shape
    assert layer.compute_output_shape(reduced.shape) == x.shape


def test_channels_do_not_mix(rng):
    x = rng.normal(size=(1, 6, 6, 2)).astype("float32")
    for layer in (
        DepthwiseReduction(2, 2, None),
        DepthwiseRestoration(2, 2, (12, 12), None),
    ):
        before = layer(x)
        after = layer(x * [1.0, 2.0])
        np.testing.assert_allclose(after, before * [1.0, 2.0], rtol=1e-5)


LAYERS = [
    lambda: DepthwiseReduction(4, 3),
    lambda: DepthwiseRestoration(4, 2, (13, 14), None),
]


@pytest.mark.parametrize("make", LAYERS)
def test_layers_survive_a_file(make, revive, rng):
    x = rng.normal(size=(2, 7, 7, 4)).astype("float32")
    model, loaded = revive(make(), x)
    np.testing.assert_array_equal(model(x), loaded(x))
    assert model.layers[-1].get_config() == loaded.layers[-1].get_config()


def test_macs_are_those_of_taps_that_hold_something():
    # 4 x 4 positions of 3 x 3 taps and 5 channels, either way.
    reduction = DepthwiseReduction(5, 2)
    assert reduction.macs((7, 8, 5)) == 4 * 4 * 9 * 5
    restoration = DepthwiseRestoration(5, 2, (7, 8))
    assert restoration.macs((4, 4, 5)) == 4 * 4 * 9 * 5


@pytest.mark.parametrize("stride", [0, -1, 1.5, True])
def test_a_stride_that_is_no_positive_integer_is_refused(stride):
    with pytest.raises(ValueError, match="Received: stride="):
        DepthwiseReduction(2, stride)
    with pytest.raises(ValueError, match="Received: stride="):
        DepthwiseRestoration(2, stride, (4, 4))


@pytest.mark.parametrize("size", [(4,), (4, 0), (4, 2.0)])
def test_an_output_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="Received: output_size="):
        DepthwiseRestoration(2, 2, size)


def test_an_input_of_another_size_is_refused():
    layer = DepthwiseRestoration(2, 2, (7, 7))
    with pytest.raises(ValueError, match=r"\(4, 4\).*input_shape="):
        layer.build((None, 3, 4, 2))
    with pytest.raises(ValueError, match="2 channels.*input_shape="):
        layer.build((None, 4, 4, 3))
