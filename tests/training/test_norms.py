"""Statistics of batch norms, estimated anew."""

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.layers import BatchNormalization, ChannelReduction
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.training.norms import estimate_statistics

KINDS = [keras.layers.BatchNormalization, BatchNormalization]


def make_model(kind):
    """Two norms, the first of which stays as it is."""
    image = keras.Input((4, 4, 3))
    x = kind(name="kept", trainable=False)(image)
    x = keras.layers.Dense(2, name="dense")(x)
    x = kind(name="norm", momentum=0.9)(x)
    return keras.Model(image, x)


@pytest.fixture
def model():
    return make_model(KINDS[0])


@pytest.fixture
def batches():
    """Three batches, each darker than the last."""
    random = np.random.RandomState(0)
    return [
        (random.uniform(0, most, (8, 4, 4, 3)).astype(np.uint8), np.zeros(8))
        for most in (255, 100, 20)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_are_those_of_all_batches_together(kind, batches):
    model = make_model(kind)
    estimate_statistics(model, batches)
    dense, norm = model.get_layer("dense"), model.get_layer("norm")
    scale = 1 / np.sqrt(1 + model.get_layer("kept").epsilon)
    images = np.concatenate([images for images, _ in batches])
    made = np.asarray(dense(np.float32(images) * np.float32(scale)))
    # The variances' mean alone would be less than half of it. Not divided by
    # n - 1, as no batch norm divides by it in training.
    np.testing.assert_allclose(norm.moving_mean, made.mean((0, 1, 2)), 1e-4)
    np.testing.assert_allclose(norm.moving_variance, made.var((0, 1, 2)), 1e-4)


def test_one_batch_gives_its_own_statistics(model):
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    model.get_layer("kept").trainable = True
    estimate_statistics(model, [(images, None)])
    kept = model.get_layer("kept")
    np.testing.assert_allclose(kept.moving_mean, images.mean((0, 1, 2)))
    np.testing.assert_allclose(
        kept.moving_variance, images.var((0, 1, 2)), rtol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_as_before(kind, batches):
    model, twin = make_model(kind), make_model(kind)
    estimate_statistics(model, batches)
    twin.set_weights(model.get_weights())
    for each in (model, twin):
        each(np.float32(batches[0][0]), training=True)
    for ours, theirs in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_norms_inside_layers_and_nested_models_are_found(batches):
    block = ChannelReduction(2, name="block")
    inner = keras.Sequential([keras.Input((4, 4, 2)), KINDS[0](name="inner")])
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, inner(block(image)))
    before = model.get_weights()
    estimate_statistics(model, batches)
    moved = [
        variable.path
        for variable, value in zip(model.weights, before, strict=True)
        if not np.array_equal(variable, value)
    ]
    assert [path.split("/")[-2:] for path in moved] == [
        ["norm", "moving_mean"],
        ["norm", "moving_variance"],
        ["inner", "moving_mean"],
        ["inner", "moving_variance"],
    ]


def test_a_frozen_prefix_is_estimated_through_as_it_is_deployed(noisy_backbone):
    found = []
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    for _ in range(2):
        keras.utils.set_random_seed(0)
        backbone = backbones.create(
            noisy_backbone, image_size=32, num_classes=10
        )
        network = build_bottlenet(backbone, "cut", UnitConfig(codec="raw"))
        network.prefix.trainable = network.suffix.trainable = False
        keras.utils.set_random_seed(len(found))
        estimate_statistics(network, [(images, None)])
        found.append(network.get_weights())
    for once, twice in zip(*found, strict=True):
        np.testing.assert_array_equal(once, twice)


def test_no_batch_at_all_is_refused(model):
    before = model.get_weights()
    with pytest.raises(ValueError, match="at least one batch"):
        estimate_statistics(model, [])
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


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
