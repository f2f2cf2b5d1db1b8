"""Tests of the training step."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import backbones
from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.training.losses import feature_loss, task_loss
from bottlenet_tf.training.step import Outputs, Stepper
from tests.eager import eagerly


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


IMAGES = tf.constant(
    np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)), tf.uint8
)
LABELS = tf.range(8) % 10
TEACHER = tf.random.stateless_normal((8, 10), (0, 0))


def _ready(tiny_backbone, learning_rate=0.0, **changes):
    """A step of a tiny split network; it learns nothing by itself."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(
        backbone=tiny_backbone,
        split="cut",
        unit=UnitConfig(channels=3, codec="raw", quantizer="learned"),
        **changes,
    )
    backbone = backbones.create(tiny_backbone, image_size=32, num_classes=10)
    model = build_bottlenet(backbone, "cut", config.unit)
    optimizer = keras.optimizers.SGD(learning_rate)
    optimizer.build(model.trainable_variables)
    return Stepper(
        config,
        model,
        (lambda *_: TEACHER) if config.distillation else None,
        optimizer,
        tf.distribute.get_strategy(),
        total_steps=1000,
        overhead_bytes=6,
    )


def _means(stepper, index=0):
    """Returns a step's `Outputs` for one example."""
    with eagerly():
        sums = stepper.with_codec(IMAGES, LABELS, tf.constant(index)).numpy()
    assert sums[4] == 8
    return Outputs(*sums / 8)


@pytest.mark.parametrize(
    ("changes", "weight", "scale"),
    [
        ({"rate_weight": 0.4}, 0.4, 100.0),
        ({"byte_budget": 56.0}, 0.05, 50.0),
        ({"byte_budget": 56.0, "rate_weight": 0.4}, 0.4, 50.0),
    ],
)
def test_the_loss_adds_the_bytes_in_units_of_their_scale(
    tiny_backbone, changes, weight, scale
):
    stepper = _ready(tiny_backbone, **changes)
    passed = stepper.model.transmit(IMAGES, training=True)
    means = _means(stepper)
    size = float(passed.image_data_bytes)
    np.testing.assert_allclose(means.image_data_bytes, size, rtol=1e-6)
    np.testing.assert_allclose(
        means.loss - means.task_loss, weight * size / scale, rtol=1e-5
    )
    # The budget, if there is one, follows the bytes of an image.
    followed = float(stepper.budget.recent_bytes)
    assert followed == pytest.approx(size if stepper.steers_bytes else 0.0)


def test_the_bytes_have_the_relative_gradient_of_the_rate(tiny_backbone):
    stepper = _ready(tiny_backbone, rate_weight=0.4)
    rate = tf.Variable([300.0, 100.0])
    passed = types.SimpleNamespace(rate=rate, image_data_bytes=50.0)
    with tf.GradientTape() as tape:
        loss = stepper._unit_loss(passed, use_codec=True)
    # 0.4 * 50 / 100, and that per mean rate of 200, halved for two examples.
    np.testing.assert_allclose(loss, 0.2, rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(loss, rate), [0.0005, 0.0005], rtol=1e-6
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.3},
        {"distillation": 0.5, "temperature": 4.0},
    ],
)
def test_the_task_loss_gets_the_flags(tiny_backbone, options):
    stepper = _ready(tiny_backbone, **options)
    logits = stepper.model.transmit(IMAGES, training=True).logits
    teacher = TEACHER if "distillation" in options else None
    expected = task_loss(tf.one_hot(LABELS, 10), logits, teacher, **options)
    np.testing.assert_allclose(
        _means(stepper).task_loss, np.mean(expected), rtol=1e-5
    )


@pytest.mark.parametrize("limit", [0.01, None])
def test_gradients_are_clipped_by_their_norm_together(tiny_backbone, limit):
    stepper = _ready(tiny_backbone, learning_rate=1.0, clip_norm=limit)
    before = [np.array(v) for v in stepper.variables]
    _means(stepper)
    moved = np.sqrt(
        sum(
            np.sum(np.square(np.array(variable) - value))
            for variable, value in zip(stepper.variables, before, strict=True)
        )
    )
    if limit is None:
        assert moved > 0.1
    else:
        np.testing.assert_allclose(moved, limit, rtol=1e-3)


def test_a_network_without_a_unit_sees_blends(tiny_backbone):
    losses = []
    for mixup in (0.0, 1.0):
        model = keras.saving.load_model(tiny_backbone, compile=False)
        optimizer = keras.optimizers.SGD(0.0)
        optimizer.build(model.trainable_variables)
        config = TrainConfig(
            mode="baseline", backbone=tiny_backbone, mixup=mixup
        )
        strategy = tf.distribute.get_strategy()
        stepper = Stepper(config, model, None, optimizer, strategy, 1000)
        losses.append(_means(stepper).task_loss)
    assert losses[0] != losses[1]


def test_every_step_blends_in_shares_of_its_own(tiny_backbone):
    stepper = _ready(tiny_backbone, mixup=1.0)
    losses = [_means(stepper, index).task_loss for index in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
