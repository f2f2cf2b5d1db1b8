"""Tests of the task loss."""

import numpy as np
import tensorflow as tf

from bottlenet_tf.training.losses import feature_loss, task_loss

TARGETS = tf.constant([[1.0, 0.0]])
# softmax of [log 3, 0] is [3/4, 1/4].
LOGITS = tf.constant([[np.log(3.0), 0.0]], tf.float32)


def test_without_options_it_is_the_cross_entropy():
    loss = task_loss(TARGETS, LOGITS)
    np.testing.assert_allclose(loss, [-np.log(0.75)], rtol=1e-6)


def test_smoothing_moves_mass_to_all_classes_evenly():
    # Targets [0.9 + 0.05, 0.05] for smoothing 0.1 over two classes... of
    # which the label keeps 0.95.
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


def test_a_channel_without_variance_does_not_divide_by_it():
    loss = feature_loss(tf.ones((2, 1, 1, 1)), tf.zeros((2, 1, 1, 1)))
    np.testing.assert_allclose(loss, 1.0)


def test_no_gradient_of_the_feature_loss_flows_into_the_feature():
    feature = tf.Variable([[[[1.0]]], [[[2.0]]]])
    with tf.GradientTape() as tape:
        loss = feature_loss(feature, 2 * tf.ones_like(feature))
    assert tape.gradient(loss, feature) is None
