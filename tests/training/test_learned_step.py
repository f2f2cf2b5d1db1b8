"""Tests of a learned unit's training step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training import optimizers
from bottlenet_tf.training.learned_step import LearnedStepper
from bottlenet_tf.training.losses import feature_loss, task_loss
from bottlenet_tf.training.step import Outputs
from tests.eager import eagerly

STEPS = 1000


def _stepper(config, network, learning_rate=None, steps=STEPS):
    if learning_rate is None:
        learning_rate = config.learning_rate
    config = type(config)(**{**vars(config), "learning_rate": learning_rate})
    return LearnedStepper(
        config,
        network.model,
        network.teacher,
        optimizers.for_learned_unit(config, network.model, 3, steps),
        tf.distribute.get_strategy(),
        steps,
    )


@pytest.fixture(scope="module")
def batch(digits):
    images, labels = next(iter(digits.train.batches(32)))
    return images, labels


def _run(stepper, batch, indices):
    with eagerly():
        return [
            Outputs(*stepper.with_codec(*batch, tf.constant(i)).numpy() / 32)
            for i in indices
        ]


def test_the_loss_is_that_of_its_equation(start_learned, batch):
    config, network = start_learned()
    stepper, unit = _stepper(config, network), network.model.unit
    index = 300
    images, labels = batch
    feature = network.model.features(images)
    point, noise = stepper._draw(32, tf.constant(index))
    restored, size, bits = unit.transmit(feature, point, noise=noise)
    logits = network.model.answer(restored, point)
    task = task_loss(
        tf.one_hot(labels, 10),
        logits,
        network.untouched(tf.cast(images, tf.float32)),
        distillation=1.0,
        temperature=config.temperature,
    )
    # 1e-5 to 1e-2, log-linear; past the first tenth, in full.
    weight = np.exp(np.log(1e-5) + (point + 1) / 2 * np.log(1e3))
    # From 0.5, half of the way to a tenth of it at 60 % of the run.
    wanted = np.mean(task + weight * bits) + 0.5 * 0.55 * float(
        feature_loss(feature, restored)
    )
    (means,) = _run(stepper, batch, [index])
    assert means.loss == pytest.approx(float(wanted), rel=1e-4)
    assert means.task_loss == pytest.approx(np.mean(task), rel=1e-4)
    assert means.image_data_bytes == pytest.approx(np.mean(bits) / 8, rel=1e-4)


def test_the_weight_of_bits_rises_in_the_first_tenth(start_learned, batch):
    config, network = start_learned(feature_weight=0.0)
    unit = network.model.unit
    stepper = _stepper(config, network, 1e-12)
    feature = network.model.features(batch[0])
    for index, share in ((0, 0.1), (45, 0.55), (100, 1.0), (999, 1.0)):
        point, noise = stepper._draw(32, tf.constant(index))
        _, _, bits = unit.transmit(feature, point, noise=noise)
        paid = np.mean(unit.rate_weight(point) * bits)
        (means,) = _run(stepper, batch, [index])
        added = means.loss - means.task_loss
        assert added == pytest.approx(share * paid, rel=1e-3)


@pytest.mark.parametrize(
    "mode, done, share",
    [
        ("frozen", 0.0, 1.0), ("frozen", 0.3, 0.55), ("frozen", 0.6, 0.1),
        ("frozen", 1.0, 0.1), ("tail", 0.3, 0.7), ("tail", 1.0, 0.4),
    ],
)  # fmt: skip
def test_the_weight_of_the_feature_falls_in_60_percent(
    learned_run, replace, mode, done, share
):
    stepper = LearnedStepper.__new__(LearnedStepper)
    stepper.config = replace(learned_run, mode=mode, feature_weight=2.0)
    assert float(stepper._feature_weight(done)) == pytest.approx(2 * share)


def test_each_image_has_a_point_and_a_noise_of_its_own(start_learned):
    stepper = _stepper(*start_learned())
    point, noise = stepper._draw(500, tf.constant(7))
    assert noise.shape == (500, 96)
    # Uniform: mean 0, deviation of 2 / sqrt(12) and 1 / sqrt(12).
    assert np.mean(point) == pytest.approx(0, abs=0.1)
    assert np.std(point) == pytest.approx(0.577, abs=0.05)
    assert np.std(noise) == pytest.approx(0.2887, abs=0.005)
    assert np.abs(noise).max() <= 0.5 and np.abs(point).max() <= 1
    again, _ = stepper._draw(500, tf.constant(7))
    other, _ = stepper._draw(500, tf.constant(8))
    np.testing.assert_array_equal(again, point)
    assert np.mean(np.abs(other - point)) > 0.3


@pytest.mark.parametrize("mode", ["frozen", "tail"])
def test_the_loss_falls_and_the_frozen_parts_stay(start_learned, batch, mode):
    config, network = start_learned(mode=mode)
    model = network.model
    before = [v.numpy() for v in model.prefix.weights]
    suffix = [v.numpy() for v in model.suffix.weights]
    unit = [v.numpy() for v in model.unit.trainable_variables]
    stepper = _stepper(config, network, 3e-3, steps=40)
    # Beyond the last step, so that weights and rates of the loss stay.
    first, *_, last = [
        np.mean([v.loss for v in _run(stepper, batch, [100, 101, 102])])
        for _ in range(5)
    ]
    assert last < 0.97 * first
    for old, new in zip(before, model.prefix.weights, strict=True):
        np.testing.assert_array_equal(new, old)
    moved = [
        np.any(old != new.numpy())
        for old, new in zip(suffix, model.suffix.weights, strict=True)
    ]
    assert any(moved) == (mode == "tail")
    for old, new in zip(unit, model.unit.trainable_variables, strict=True):
        assert np.any(old != new.numpy()), new.path


def test_with_distillation_alone_labels_are_never_read(start_learned, batch):
    images, labels = batch
    weights = []
    for seen in (labels, 9 - labels):
        config, network = start_learned(mode="tail")
        stepper = _stepper(config, network)
        _run(stepper, (images, seen), [0, 1])
        weights.append(network.model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_labels_count_by_what_is_left_of_distillation(start_learned, batch):
    images, labels = batch
    config, network = start_learned(distillation=0.5)
    stepper = _stepper(config, network, 1e-12)
    (right,) = _run(stepper, batch, [0])
    (wrong,) = _run(stepper, (images, 9 - labels), [0])
    assert right.task_loss != wrong.task_loss


def test_gradients_are_clipped_by_their_global_norm(start_learned, batch):
    config, network = start_learned(clip_norm=1e-3)
    stepper, norms = _stepper(config, network), []
    apply = stepper.optimizer.apply

    def note(gradients, variables):
        norms.append(float(keras.ops.sqrt(sum(
            tf.reduce_sum(g**2) for g in gradients
        ))))  # fmt: skip
        apply(gradients, variables)

    stepper.optimizer.apply = note
    _run(stepper, batch, [0])
    assert norms == [pytest.approx(1e-3, rel=1e-3)]
