"""Statistics of batch norms, estimated anew."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training.norms import estimate_statistics


@pytest.fixture
def model():
    """Two norms, the first of which stays as it is."""
    image = keras.Input((4, 4, 3))
    x = keras.layers.BatchNormalization(name="kept", trainable=False)(image)
    x = keras.layers.Dense(2, name="dense")(x)
    x = keras.layers.BatchNormalization(name="norm", momentum=0.9)(x)
    return keras.Model(image, x)


@pytest.fixture
def batches():
    random = np.random.RandomState(0)
    return [
        (random.uniform(0, 255, (8, 4, 4, 3)).astype(np.uint8), np.zeros(8))
        for _ in range(3)
    ]


def test_statistics_are_the_mean_of_the_batches(model, batches):
    estimate_statistics(model, batches)
    dense, norm = model.get_layer("dense"), model.get_layer("norm")
    scale = 1 / np.sqrt(1 + model.get_layer("kept").epsilon)
    made = [
        np.asarray(dense(tf.cast(images, tf.float32) * scale))
        for images, _ in batches
    ]
    mean = np.mean([x.mean((0, 1, 2)) for x in made], axis=0)
    variance = np.mean([x.var((0, 1, 2)) for x in made], axis=0)
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-3)


def test_momentum_and_frozen_norms_stay(model, batches):
    estimate_statistics(model, batches)
    assert model.get_layer("norm").momentum == 0.9
    np.testing.assert_array_equal(model.get_layer("kept").moving_mean, 0)
    np.testing.assert_array_equal(model.get_layer("kept").moving_variance, 1)


def test_momentum_comes_back_after_an_error(model):
    def broken():
        yield np.zeros((8, 4, 4, 3), np.uint8), None
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        estimate_statistics(model, broken())
    assert model.get_layer("norm").momentum == 0.9
