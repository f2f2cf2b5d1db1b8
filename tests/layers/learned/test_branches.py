"""Tests of the nonlinear branches, which begin as nothing."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers.learned.branches import (
    Encoder,
    ResidualBlock,
    Restorer,
)

EMBEDDED = np.float32([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])


def _awake(layer, rng):
    """Gives a layer's last convolution weights other than zero."""
    for weight in layer.weights:
        if not np.any(np.asarray(weight)):
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return layer


@pytest.mark.parametrize("patch", [1, 2, 4, 8])
def test_a_restorer_begins_as_zero_and_has_the_feature_s_shape(rng, patch):
    z = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    layer = Restorer(patch, channels=7, width=8)
    out = layer(z, EMBEDDED)
    assert out.shape == (2, 3 * patch, 5 * patch, 7)
    assert not np.any(np.asarray(out))


@pytest.mark.parametrize("patch", [1, 2, 4, 8])
def test_an_encoder_begins_as_zero_and_has_the_patches_shape(rng, patch):
    x = rng.normal(size=(2, 3 * patch, 5 * patch, 7)).astype(np.float32)
    layer = Encoder(patch, channels=4, widths=(6, 9))
    out = layer(x)
    assert out.shape == (2, 3, 5, 4)
    assert not np.any(np.asarray(out))


@pytest.mark.parametrize("patch", [1, 4])
def test_an_awake_restorer_gives_every_weight_a_gradient(rng, patch):
    z = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    layer = Restorer(patch, channels=7, width=8, blocks=2)
    layer.build(z.shape, EMBEDDED.shape)
    _awake(layer, rng)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(z, EMBEDDED) ** 2)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.any(np.asarray(gradient))


def test_an_awake_restorer_follows_the_point(rng):
    z = np.repeat(rng.normal(size=(1, 3, 5, 4)), 2, axis=0).astype(np.float32)
    layer = Restorer(2, channels=7, width=8)
    layer.build(z.shape, EMBEDDED.shape)
    first, second = np.asarray(_awake(layer, rng)(z, EMBEDDED))
    assert np.abs(first - second).max() > 0.01


def test_a_residual_block_begins_as_the_identity(rng):
    x = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(ResidualBlock()(x, EMBEDDED), x)


@pytest.mark.parametrize(
    "patch, wanted",
    [
        # On 3 x 5: 4 to 8 channels, one block of two convolutions, to 7.
        (1, 15 * 9 * (4 * 8 + 2 * 8 * 8 + 8 * 7)),
        # The last makes 4 * 7 channels, twice the size.
        (2, 15 * 9 * (4 * 8 + 2 * 8 * 8 + 8 * 28)),
        # 1 x 1 to 4 * 4 channels makes 4 of twice the size.
        (
            4,
            15 * (9 * (4 * 8 + 2 * 8 * 8) + 8 * 16)
            + 60 * 9 * (2 * 4 * 4 + 4 * 28),
        ),
        # And again: 4 * 2 channels make 2 of 12 x 20.
        (
            8,
            15 * (9 * (4 * 8 + 2 * 8 * 8) + 8 * 16)
            + 60 * (9 * 2 * 4 * 4 + 4 * 8)
            + 240 * 9 * (2 * 2 * 2 + 2 * 28),
        ),
    ],
)
def test_a_restorer_s_multiply_accumulates_are_counted(patch, wanted):
    layer = Restorer(patch, channels=7, width=8)
    layer.build((None, 3, 5, 4), (None, 3))
    assert layer.macs((3, 5, 4)) == wanted


@pytest.mark.parametrize(
    "patch, wanted",
    [
        # 7 channels to 6 by 3 x 3, then to 4 by 1 x 1, on 3 x 5.
        (1, 15 * (9 * 7 * 6 + 6 * 4)),
        (2, 15 * (9 * 7 * 6 + 6 * 4)),
        # To 6 at half the size, then to 9.
        (4, 60 * 9 * 7 * 6 + 15 * (9 * 6 * 9 + 9 * 4)),
        (8, 240 * 9 * 7 * 6 + 60 * 9 * 6 * 9 + 15 * (9 * 9 * 9 + 9 * 4)),
    ],
)
def test_an_encoder_s_multiply_accumulates_are_counted(patch, wanted):
    layer = Encoder(patch, channels=4, widths=(6, 9))
    layer.build((None, 3 * patch, 5 * patch, 7))
    assert layer.macs((3 * patch, 5 * patch, 7)) == wanted


@pytest.mark.parametrize("patch", [0, 3, 6])
def test_sizes_double_or_halve_whole_times(patch):
    for make in (Restorer, Encoder):
        with pytest.raises(ValueError, match=f"Received: patch={patch}"):
            make(patch, channels=4)


def test_both_are_rebuilt_from_their_configuration():
    for layer in (
        Restorer(4, 7, 8, 2, name="a"),
        Encoder(4, 7, (6, 9), name="b"),
    ):
        twin = type(layer).from_config(layer.get_config())
        assert twin.get_config() == layer.get_config()
