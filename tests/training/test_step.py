"""Tests of how a byte budget is steered, and of what a step learns from."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import backbones
from bottlenet_tf.config import TrainConfig, UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.training.losses import feature_loss
from bottlenet_tf.training.step import Outputs, Stepper

BUDGET = 100.0  # Of image data: no header in these tests.


@pytest.fixture
def stepper():
    return Stepper(
        TrainConfig(byte_budget=BUDGET),
        types.SimpleNamespace(trainable_variables=[]),
        teacher=None,
        optimizer=None,
        strategy=tf.distribute.get_strategy(),
        total_steps=1000,
    )


def _step(stepper, mean_bytes, examples=10.0):
    totals = (0.0, 0.0, 0.0, mean_bytes * examples, examples)
    stepper._follow_budget(Outputs(*map(tf.constant, totals)))


@pytest.mark.parametrize(("mean_bytes", "sign"), [(150, 1), (70, -1), (100, 0)])
def test_the_rate_weight_follows_the_budget(stepper, mean_bytes, sign):
    before = float(stepper.rate_weight)
    _step(stepper, mean_bytes)
    change = float(stepper.rate_weight) - before
    assert change == pytest.approx(0.0) if sign == 0 else change * sign > 0


def test_what_inference_takes_is_held_against_the_budget(stepper):
    _step(stepper, BUDGET)
    # Training meets the budget, but what will be sent is a tenth larger.
    stepper.note_inference_bytes(1.1 * BUDGET)
    assert float(stepper.inference_ratio) == pytest.approx(1.1)
    before = float(stepper.rate_weight)
    _step(stepper, BUDGET)
    assert float(stepper.rate_weight) > before
    before = float(stepper.rate_weight)
    _step(stepper, BUDGET / 1.1)
    assert float(stepper.rate_weight) == pytest.approx(before)


@pytest.mark.parametrize(("factor", "ratio"), [(9.0, 1.25), (0.1, 0.8)])
def test_a_disturbed_inference_does_not_run_away(stepper, factor, ratio):
    _step(stepper, BUDGET)
    stepper.note_inference_bytes(factor * BUDGET)
    assert float(stepper.inference_ratio) == pytest.approx(ratio)


def test_before_the_codec_has_run_there_is_nothing_to_compare(stepper):
    stepper.note_inference_bytes(50.0)
    assert float(stepper.inference_ratio) == 1.0


def test_recent_bytes_forget_the_beginning(stepper):
    _step(stepper, 400)
    assert float(stepper.recent_bytes) == 400.0
    for _ in range(200):
        _step(stepper, 100)
    assert float(stepper.recent_bytes) == pytest.approx(100.0, rel=0.06)


def _feature_error(tiny_backbone, weight, steps=30):
    """Error of the restored feature after some steps on one batch."""
    keras.utils.set_random_seed(0)
    backbone = backbones.create(tiny_backbone, image_size=32, num_classes=10)
    unit = UnitConfig(channels=3, stride=1, codec="raw")
    model = build_bottlenet(backbone, "cut", unit)
    model.prefix.trainable = model.suffix.trainable = False
    optimizer = keras.optimizers.SGD(0.02, momentum=0.9)
    optimizer.build(model.trainable_variables)
    stepper = Stepper(
        TrainConfig(
            mode="frozen", backbone=tiny_backbone, feature_weight=weight
        ),
        model,
        None,
        optimizer,
        tf.distribute.get_strategy(),
        steps,
    )
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (16, 32, 32, 3)), tf.uint8)
    labels = tf.range(16) % 10
    for index in range(steps):
        stepper.without_codec(images, labels, tf.constant(index))
    passed = model.transmit(images, training=True, use_codec=False)
    return float(feature_loss(passed.feature, passed.restored))


def test_a_feature_weight_brings_the_restored_feature_closer(tiny_backbone):
    assert _feature_error(tiny_backbone, 1.0) < 0.6 * _feature_error(
        tiny_backbone, 0.0
    )
