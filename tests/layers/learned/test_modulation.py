"""Tests of how layers follow the operating point."""

import numpy as np
import pytest

from bottlenet_tf.layers.learned.modulation import Modulation, PointEmbedding

POINTS = np.float32([-1.0, 0.0, 0.5])


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 5, 4)])
def test_a_modulation_begins_as_the_identity_at_every_point(rng, shape):
    x = rng.normal(size=shape).astype(np.float32)
    embedded = PointEmbedding(8)(POINTS)
    np.testing.assert_array_equal(Modulation()(x, embedded), x)


def test_a_modulation_scales_and_shifts_each_image_s_channels():
    layer = Modulation()
    layer.build((None, 1, 2, 2), (None, 1))
    # Scales of both channels, then shifts, of one feature e.
    layer.dense.kernel.assign([[1.0, 2.0, 3.0, 4.0]])
    layer.dense.bias.assign([0.5, 0.0, 0.0, -1.0])
    x = np.float32([[[[10, 10], [20, 30]]], [[[10, 10], [20, 30]]]])
    out = layer(x, np.float32([[0.0], [1.0]]))
    # e = 0: x * 1.5 and x - 1; e = 1: x * 2.5 + 3 and x * 3 + 3.
    np.testing.assert_allclose(
        out, [[[[15, 9], [30, 29]]], [[[28, 33], [53, 93]]]]
    )


def test_the_embedding_is_of_three_powers():
    layer = PointEmbedding(2)
    layer.build((None,))
    layer.dense.kernel.assign([[1.0, 0.0], [10.0, -1.0], [100.0, 0.0]])
    layer.dense.bias.assign([0.0, 0.5])
    # t + 10 t^2 + 100 t^3, rectified, and 0.5 - t^2.
    np.testing.assert_allclose(
        layer(POINTS), [[0.0, 0.0], [0.0, 0.5], [15.5, 0.25]], atol=1e-6
    )


def test_multiply_accumulates_are_counted():
    assert PointEmbedding(32).macs((None,)) == 96
    # Scale and shift of 6 channels by 32 features, whatever the size.
    assert Modulation().macs([(None, 9, 9, 6), (None, 32)]) == 384


def test_the_embedding_is_rebuilt_from_its_configuration():
    layer = PointEmbedding(5, name="e")
    twin = PointEmbedding.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert layer.compute_output_shape((4,)) == (4, 5)
