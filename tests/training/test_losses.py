"""Tests of the task loss."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training.losses import feature_loss, task_loss

TARGETS = tf.constant([[1.0, 0.0]])
# softmax of [log 3, 0] is [3/4, 1/4].
LOGITS = tf.constant([[np.log(3.0), 0.0]], tf.float32)


def test_without_options_it_is_the_cross_entropy():
    loss = task_loss(TARGETS, LOGITS)
    np.testing.assert_allclose(loss, [-np.log(0.75)], rtol=1e-6)


def test_smoothing_moves_mass_to_all_classes_evenly():
    # Targets [0.9 + 0.05, 0.05] for smoothing 0.1 over two classes.
    loss = task_loss(TARGETS, LOGITS, label_smoothing=0.1)
    expected = -0.95 * np.log(0.75) - 0.05 * np.log(0.25)
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_a_perfect_copy_of_the_teacher_costs_nothing():
    loss = task_loss(TARGETS, LOGITS, LOGITS, distillation=1.0)
    np.testing.assert_allclose(loss, [0.0], atol=1e-7)


def test_distillation_is_the_scaled_divergence_from_the_teacher():
    # At T = 2 a teacher of [2 log 3, 0] is [3/4, 1/4], a student of zeros
    # [1/2, 1/2]; KL = 3/4 log(3/2) + 1/4 log(1/2), times T**2 = 4.
    teacher = tf.constant([[2 * np.log(3.0), 0.0]], tf.float32)
    student = tf.zeros((1, 2))
    loss = task_loss(TARGETS, student, teacher, distillation=0.5, temperature=2)
    divergence = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    expected = 0.5 * np.log(2.0) + 0.5 * 4 * divergence
    np.testing.assert_allclose(loss, [expected], rtol=1e-5)


def test_the_loss_is_one_number_for_each_example():
    assert task_loss(tf.ones((3, 2)) / 2, tf.zeros((3, 2))).shape == (3,)


def test_the_feature_loss_counts_in_units_of_each_channels_variance():
    # Channel 0 has variance 1, channel 1 variance 100; both restored as their
    # mean, 0.
    feature = tf.reshape(
        tf.constant([[1.0, 10.0], [-1.0, -10.0]]), (2, 1, 1, 2)
    )
    loss = feature_loss(feature, tf.zeros_like(feature))
    np.testing.assert_allclose(loss, 1.0, rtol=1e-6)
    assert feature_loss(feature, feature) == 0.0


def _noisy(feature, error=0.05):
    """A restored feature whose every element is off by `error`."""
    signs = np.random.default_rng(1).choice([-1, 1], feature.shape)
    return tf.constant(np.float32(feature) + np.float32(error * signs))


def _feature(*deviations, shape=(8, 4, 4)):
    """A feature whose channels have exactly these standard deviations."""
    values = np.random.default_rng(0).normal(size=(*shape, len(deviations)))
    values -= values.mean((0, 1, 2))
    values *= deviations / values.std((0, 1, 2))
    return values.astype("float32")


@pytest.mark.parametrize("dead", [0.0, 1e-8, 1e-4, 1e-2])
def test_a_nearly_dead_channel_counts_as_if_it_had_a_tenth_of_the_others(dead):
    # 15 channels of deviation 1 and one that hardly varies: the mean variance
    # is 15/16, a hundredth of it the least that a channel counts with.
    feature = _feature(*[1.0] * 15, dead)
    loss = feature_loss(feature, _noisy(feature))
    mean_variance = (15 + dead**2) / 16
    expected = 0.05**2 * (15 + 1 / (0.01 * mean_variance)) / 16
    np.testing.assert_allclose(loss, expected, rtol=1e-3)


@pytest.mark.parametrize("live", [1, 8])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3])
def test_dead_channels_cost_at_most_a_hundred_times_the_plain_error(
    live, scale
):
    feature = scale * _feature(*[1.0] * live, *[1e-5] * (64 - live))
    restored = _noisy(feature, 0.05 * scale)
    plain = np.sum((restored - feature) ** 2) / np.sum(
        (feature - feature.mean((0, 1, 2))) ** 2
    )
    assert feature_loss(feature, restored) <= 100 * plain * (1 + 1e-4)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e4])
def test_the_feature_loss_does_not_depend_on_the_features_unit(scale):
    feature = _feature(1.0, 0.3, 1e-4)
    loss = feature_loss(scale * feature, scale * _noisy(feature))
    np.testing.assert_allclose(
        loss, feature_loss(feature, _noisy(feature)), rtol=1e-3
    )


# 0.1 and 5000.1 have no exact mean in float32: it leaves a variance of
# rounding errors, by which nothing must be divided.
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 5000.1, 3e5])
@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (1, 1, 1, 3), (7, 9, 11, 3)])
def test_a_feature_that_never_varies_counts_as_it_is(value, shape):
    feature = tf.fill(shape, tf.constant(value, tf.float32))
    loss = feature_loss(feature, feature + 1.0)
    # float32 spaces numbers around 3e5 by 1/32.
    np.testing.assert_allclose(loss, 1.0, rtol=0.05)


def test_one_example_has_the_variance_of_its_positions():
    feature = _feature(2.0, 3.0, shape=(1, 6, 6))
    mean = feature.mean((0, 1, 2), keepdims=True)
    loss = feature_loss(feature, np.broadcast_to(mean, feature.shape))
    np.testing.assert_allclose(loss, 1.0, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_half_precision_feature_loses_nothing_but_its_own_rounding(dtype):
    # Squares up to 300**2 = 90,000 don't fit float16.
    feature = tf.cast(_feature(300.0, 1.0, 1e-3), dtype)
    loss = feature_loss(feature, _noisy(tf.cast(feature, tf.float32)))
    whole = tf.cast(feature, tf.float32)
    np.testing.assert_allclose(loss, feature_loss(whole, _noisy(whole)))
    assert np.isfinite(loss)


def test_the_gradient_of_a_dead_channel_is_bounded_by_the_live_ones():
    feature = _feature(*[1.0] * 15, 1e-4)
    restored = tf.Variable(_noisy(feature))
    with tf.GradientTape() as tape:
        loss = feature_loss(feature, restored)
    gradient = np.abs(tape.gradient(loss, restored))
    assert np.all(np.isfinite(gradient))
    live, dead = gradient[..., :15].max(), gradient[..., 15].max()
    np.testing.assert_allclose(dead / live, 16 / 15 * 100, rtol=1e-3)


def test_a_constant_feature_leaves_a_finite_gradient():
    feature, restored = (
        tf.zeros((1, 1, 1, 4)),
        tf.Variable(tf.ones((1, 1, 1, 4))),
    )
    with tf.GradientTape() as tape:
        loss = feature_loss(feature, restored)
    np.testing.assert_allclose(tape.gradient(loss, restored), 0.5 * restored)


def test_no_gradient_of_the_feature_loss_flows_into_the_feature():
    feature = tf.Variable([[[[1.0]]], [[[2.0]]]])
    with tf.GradientTape() as tape:
        loss = feature_loss(feature, 2 * tf.ones_like(feature))
    assert tape.gradient(loss, feature) is None
