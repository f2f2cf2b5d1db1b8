"""Tests of the fused batch normalisation against Keras's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import BatchNormalization

SHAPE = (4, 5, 3, 6)


def pair(**kwargs):
    """The fused layer and Keras's, with the same random weights."""
    rng = np.random.default_rng(1)
    layers = [
        kind(**kwargs)
        for kind in (BatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.build((None, *SHAPE[1:]))
    weights = [rng.uniform(0.5, 2.0, w.shape) for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


@pytest.fixture
def x(rng):
    return tf.constant(rng.normal(3.0, 2.0, SHAPE).astype("float32"))


def test_inference_matches_a_hand_worked_value():
    # gamma 1, beta 0, mean 0, variance 1: 2 / sqrt(1 + 0.001).
    y = BatchNormalization()(tf.fill((1, 1, 1, 1), 2.0))
    np.testing.assert_allclose(np.ravel(y), 2 / np.sqrt(1.001), rtol=1e-6)


def test_inference_equals_keras(x):
    fused, reference = pair()
    # The same equation in another order: a few float32 roundings.
    np.testing.assert_allclose(fused(x), reference(x), rtol=1e-5, atol=1e-5)


def test_training_equals_keras(x):
    fused, reference = pair()
    got, want = (layer(x, training=True) for layer in (fused, reference))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_keras(training, x, rng):
    weights = tf.constant(rng.normal(size=SHAPE).astype("float32"))
    gradients = []
    for layer in pair():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(weights * layer(x, training=training))
        gradients.append(tape.gradient(loss, [x, layer.gamma, layer.beta]))
    for got, want in zip(*gradients):
        # Sums of 60 terms of order 1 in float32.
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_the_moving_mean_equals_keras(x):
    fused, reference = pair()
    for layer in (fused, reference):
        layer(x, training=True)
    np.testing.assert_allclose(
        fused.moving_mean, reference.moving_mean, rtol=1e-5
    )


def test_the_moving_variance_is_the_unbiased_one(x):
    fused, _ = pair(momentum=0.9)
    before = fused.moving_variance.numpy()
    fused(x, training=True)
    # ddof=1 divides by n - 1, n = 4 * 5 * 3 values a channel.
    unbiased = np.var(x, axis=(0, 1, 2), ddof=1)
    want = 0.9 * before + 0.1 * unbiased
    np.testing.assert_allclose(fused.moving_variance, want, rtol=1e-5)


def test_a_frozen_layer_uses_its_moving_statistics(x):
    fused, _ = pair()
    fused.trainable = False
    before = fused.moving_mean.numpy()
    np.testing.assert_array_equal(fused(x, training=True), fused(x))
    np.testing.assert_array_equal(fused.moving_mean, before)


@pytest.mark.parametrize(
    "kwargs", [{"scale": False}, {"center": False}, {"epsilon": 1e-7}]
)
def test_what_the_fused_op_cannot_do_equals_keras(kwargs, x):
    fused, reference = pair(**kwargs)
    x = x * 1e-3  # A variance of 4e-6, where the small epsilon matters.
    got, want = (layer(x, training=True) for layer in (fused, reference))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_float64_is_left_to_keras(x):
    layer = BatchNormalization(dtype="float64")
    assert layer(tf.cast(x, tf.float64), training=True).dtype == tf.float64


def test_dense_features_are_left_to_keras(rng):
    x = rng.normal(size=(8, 3)).astype("float32")
    y = BatchNormalization()(x, training=True)
    # Normalised over the batch: mean 0 to float32's accuracy.
    np.testing.assert_allclose(np.mean(y, 0), 0.0, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("training", [True, False])
def test_mixed_precision_computes_in_its_own_type(policy, training, x):
    layer = BatchNormalization(dtype=policy)
    assert layer(x, training=training).dtype == layer.compute_dtype
    assert layer.moving_mean.dtype == "float32"


def test_a_saved_model_gives_identical_output(revive, x):
    layer, _ = pair(momentum=0.8)
    model, loaded = revive(layer, x)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_get_config_is_that_of_keras():
    layer = BatchNormalization(momentum=0.7)
    twin = BatchNormalization.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
