"""Tests of the split network: how its halves run in training."""

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config import UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet

HALVES = ["prefix", "suffix"]


@pytest.fixture
def model(noisy_backbone):
    keras.utils.set_random_seed(0)
    backbone = backbones.create(noisy_backbone, image_size=32, num_classes=10)
    unit = UnitConfig(channels=3, stride=1, codec="raw")
    return build_bottlenet(backbone, "cut", unit)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 32, 32, 3)).astype("float32")


def freeze(model, half, how):
    """Freezes a half as a whole, or its layers one by one."""
    half = getattr(model, half)
    for part in [half] if how == "whole" else half.layers:
        part.trainable = False


@pytest.mark.parametrize("how", ["whole", "layers"])
def test_a_frozen_prefix_draws_no_random_numbers(model, images, how):
    freeze(model, "prefix", how)
    inference = model.prefix(images, training=False)
    for _ in range(2):
        feature = model.transmit(images, training=True).feature
        np.testing.assert_array_equal(feature, inference)


@pytest.mark.parametrize("how", ["whole", "layers"])
def test_a_frozen_suffix_draws_no_random_numbers(model, images, how):
    freeze(model, "suffix", how)
    for _ in range(2):
        passed = model.transmit(images, training=True)
        np.testing.assert_array_equal(
            passed.logits, model.suffix(passed.restored, training=False)
        )


def test_a_frozen_network_gives_the_same_twice_when_called(model, images):
    freeze(model, "prefix", "whole")
    freeze(model, "suffix", "whole")
    once = model(images, training=True)
    np.testing.assert_array_equal(model(images, training=True), once)


@pytest.mark.parametrize("half", HALVES)
def test_a_frozen_half_keeps_its_statistics(model, images, half):
    freeze(model, half, "whole")
    before = getattr(model, half).get_weights()
    model.transmit(images, training=True)
    model(images, training=True)
    for ours, theirs in zip(
        getattr(model, half).get_weights(), before, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("half", HALVES)
def test_a_half_that_trains_keeps_its_dropout(model, images, half):
    (other,) = set(HALVES) - {half}
    freeze(model, other, "whole")
    once, twice = (model.transmit(images, training=True) for _ in range(2))
    assert np.any(once.feature != twice.feature) == (half == "prefix")
    assert np.any(once.logits != twice.logits)


def test_a_half_without_weights_keeps_its_dropout(images):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(10, 3, 2, name="cut")(image)
    x = keras.layers.Dropout(0.5)(x)
    logits = keras.layers.GlobalAveragePooling2D()(x)
    backbone = backbones.Backbone("pooled", keras.Model(image, logits), ())
    model = build_bottlenet(backbone, "cut", UnitConfig(stride=1, codec="raw"))
    once, twice = (model.transmit(images, training=True) for _ in range(2))
    assert np.any(once.logits != twice.logits)
