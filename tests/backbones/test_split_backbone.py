"""Tests of the cut into head side and tail side."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import backbones
from bottlenet_tf.backbones.split_points import split_backbone

SIZE = 32


def images(n=2):
    x = np.random.default_rng(0).uniform(0, 255, (n, SIZE, SIZE, 3))
    return x.astype("float32")


@functools.cache
def create(name):
    return backbones.create(name, image_size=SIZE, num_classes=5)


@pytest.fixture(scope="module")
def resnet20():
    return create("cifar_resnet20")


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("cifar_resnet20", "stem_conv"),
        pytest.param("resnet50", "RB1", marks=pytest.mark.slow),
        pytest.param("resnet50", "RB16", marks=pytest.mark.slow),
        pytest.param("mobilenet_v2", "block_4_add", marks=pytest.mark.slow),
        pytest.param("resnet18", "RB3", marks=pytest.mark.slow),
        pytest.param("efficientnetb0", "block2b_add", marks=pytest.mark.slow),
        pytest.param(
            "densenet121", "conv3_block1_concat", marks=pytest.mark.slow
        ),
    ],
)
def test_both_halves_equal_the_whole_bit_for_bit(name, cut):
    backbone = create(name)
    prefix, suffix = split_backbone(backbone, cut)
    x = images()
    np.testing.assert_array_equal(suffix(prefix(x)), backbone.model(x))


def test_every_split_point_of_resnet20_gives_the_whole(resnet20):
    x, whole = images(1), resnet20.model(images(1))
    for point in resnet20.split_points:
        prefix, suffix = split_backbone(resnet20, point.name)
        np.testing.assert_array_equal(suffix(prefix(x)), whole, point.name)


def test_the_feature_has_the_declared_shape(resnet20):
    prefix, suffix = split_backbone(resnet20, "RB4")
    assert prefix.output_shape == suffix.input_shape == (None, 16, 16, 32)


def test_each_variable_of_the_backbone_belongs_to_one_half(resnet20):
    prefix, suffix = split_backbone(resnet20, "RB4")
    halves = [id(v) for v in (*prefix.variables, *suffix.variables)]
    assert sorted(halves) == sorted(id(v) for v in resnet20.model.variables)


@pytest.fixture(scope="module")
def after_a_step():
    """Gradients and statistics of whole and split network, one step each."""
    found = []
    backbone = create.__wrapped__("cifar_resnet20")
    start = backbone.model.get_weights()
    for split in (False, True):
        backbone.model.set_weights(start)
        prefix, suffix = split_backbone(backbone, "RB4")
        with tf.GradientTape() as tape:
            if split:
                logits = suffix(prefix(images(), training=True), training=True)
            else:
                logits = backbone.model(images(), training=True)
            loss = tf.reduce_mean(logits**2)
        gradients = tape.gradient(loss, backbone.model.trainable_variables)
        found.append((gradients, backbone.model.get_weights()))
    return start, *found


def test_gradients_are_those_of_the_whole_network(after_a_step):
    _, (whole, _), (split, _) = after_a_step
    for ours, theirs in zip(split, whole, strict=True):
        # Sums may run in another order: float32 rounding, relative to size.
        scale = np.abs(theirs).max() + 1e-6
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * scale)


def test_training_updates_batch_statistics_as_in_the_whole(after_a_step):
    start, (_, whole), (_, split) = after_a_step
    for ours, theirs in zip(split, whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    changed = [
        not np.array_equal(a, b) for a, b in zip(start, split, strict=True)
    ]
    assert sum(changed) == 2 * 19  # mean and variance of 19 normalisations


def test_a_frozen_prefix_leaves_only_the_suffix_to_train():
    backbone = create.__wrapped__("cifar_resnet20")
    prefix, suffix = split_backbone(backbone, "RB4")
    prefix.trainable = False
    trainable = {id(v) for v in backbone.model.trainable_variables}
    assert trainable == {id(v) for v in suffix.trainable_variables}


def test_splitting_leaves_the_backbones_cuts_as_they_were(resnet20):
    before = resnet20.split_point("stem_relu")
    split_backbone(resnet20, "RB2")
    assert resnet20.split_point("stem_relu") == before


def test_a_shared_layer_on_both_sides_of_the_cut_works():
    image = keras.Input((SIZE, SIZE, 3))
    shared = keras.layers.Conv2D(3, 3, padding="same")
    x = keras.layers.Conv2D(3, 1, name="middle")(shared(image))
    x = keras.layers.GlobalAveragePooling2D()(shared(x))
    model = keras.Model(image, keras.layers.Dense(5)(x))
    backbone = backbones.Backbone("shared", model, ())
    prefix, suffix = split_backbone(backbone, "middle")
    np.testing.assert_array_equal(suffix(prefix(images())), model(images()))


@pytest.mark.parametrize("half", [0, 1])
def test_a_saved_half_gives_identical_output(resnet20, half, tmp_path):
    model = split_backbone(resnet20, "RB4")[half]
    model.save(tmp_path / "half.keras")
    revived = keras.saving.load_model(tmp_path / "half.keras")
    x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:]))
    x = x.astype("float32")
    np.testing.assert_array_equal(revived(x), model(x))


def test_a_cut_that_does_not_separate_lists_those_that_do(resnet20):
    with pytest.raises(ValueError, match="RB1, .*RB9.*stage1_block1_1_conv"):
        split_backbone(resnet20, "stage1_block1_1_conv")
