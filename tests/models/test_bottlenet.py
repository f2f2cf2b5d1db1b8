"""Tests of the split network: how its halves run in training."""

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.backbones.macs import count_macs
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts
from bottlenet_tf.config.run import LearnedUnitConfig, UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet
from tests.point_unit import POINTS, point_network

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
def test_frozen_halves_draw_no_random_numbers(model, images, how):
    freeze(model, "prefix", how)
    freeze(model, "suffix", how)
    inference = model.prefix(images, training=False)
    for _ in range(2):
        passed = model.transmit(images, training=True)
        np.testing.assert_array_equal(passed.feature, inference)
        np.testing.assert_array_equal(
            passed.logits, model.suffix(passed.restored, training=False)
        )
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


@pytest.fixture(params=[False, True], ids=["plane", "flat"])
def points_model(request):
    return point_network(request.param)


@pytest.fixture
def small_images():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, 24, 24, 3))
    return keras.ops.convert_to_tensor(images, "float32")


def test_a_tail_takes_a_point_for_each_image(points_model, small_images):
    points = np.float32(POINTS)
    coefficients = points_model.head(small_images, training=False)
    codes = coefficients["coefficients"] * points_model.unit.gains()
    codes = np.clip(np.rint(codes), 0, 255)
    logits = points_model.tail({"codes": codes, "point": points})
    for i, point in enumerate(points):
        image, value = small_images[i : i + 1], points[i : i + 1]
        alone = points_model.encode(image, value)
        np.testing.assert_allclose(
            codes[i], alone["codes"][0], atol=1
        )  # Sums in another order.
        want = points_model.decode({"codes": codes[i : i + 1]}, value)
        np.testing.assert_allclose(logits[i], want[0], rtol=1e-4, atol=1e-4)


def test_codes_follow_the_point_by_hand(points_model, small_images):
    feature = np.asarray(points_model.features(small_images))
    points = keras.ops.array(POINTS, "float32")
    scale = 2 * np.exp(POINTS)[:, None, None, None]
    want = np.clip(feature * scale, 0, 255).round().reshape(3, -1)
    codes = points_model.encode(small_images, points)["codes"]
    # One graph against another: a value on an edge may fall to either side.
    apart = np.abs(np.asarray(codes).reshape(3, -1) - want)
    assert apart.max() <= 1 and np.mean(apart > 1e-3) < 1e-3


def test_without_a_point_the_default_one_is_taken(points_model, small_images):
    default = np.full(3, POINTS[1], np.float32)
    want = points_model(small_images, point=default)
    np.testing.assert_array_equal(points_model(small_images), want)
    assert np.any(points_model(small_images, point=-default) != want)
    passed = points_model.transmit(small_images, training=False)
    np.testing.assert_allclose(passed.logits, want, rtol=1e-5, atol=1e-5)


def test_the_tail_of_a_unit_without_a_point_has_no_such_input(model):
    assert set(model.tail.input) == {"codes", "range"}


def test_halves_that_take_a_point_survive_a_file(
    points_model, small_images, tmp_path
):
    points = keras.ops.array(POINTS, "float32")
    sent = points_model.encode(small_images, points)
    inputs = {"head": small_images, "tail": {**sent, "point": points}}
    for name, given in inputs.items():
        half, path = getattr(points_model, name), tmp_path / f"{name}.keras"
        half.save(path)
        loaded = keras.saving.load_model(path)
        for want, got in zip(
            keras.tree.flatten(half(given)), keras.tree.flatten(loaded(given))
        ):
            np.testing.assert_array_equal(got, want)


def test_multiply_accumulates_need_no_single_input(points_model):
    macs = points_model.macs()
    assert macs.head + macs.tail == macs.whole  # The unit has none.
    assert count_macs(points_model.head) == macs.head
    assert count_macs(points_model.tail) == macs.tail


def test_a_networks_layers_may_have_the_names_of_those_put_beside_them():
    layers = keras.layers
    image = x = keras.Input((16, 16, 3), name="image")
    for name in ("unit_head", "codes", "cut", "unit_tail", "restored_feature"):
        x = layers.Conv2D(4, 3, padding="same", name=name)(x)
    for name in ("tail_point", "tail_embedding", "unit_tail_modulation"):
        x = layers.BatchNormalization(name=name)(x)
    x = layers.GlobalAveragePooling2D(name="point")(x)
    network = keras.Model(image, layers.Dense(3, name="range")(x), name="tail")
    backbone = Backbone("net", network, describe_cuts(network))
    unit = LearnedUnitConfig(patch=4, mixed=32, mixed_to=16, coefficients=32)
    model = build_bottlenet(backbone, "cut", unit, tells_tail=True)
    images = np.zeros((2, 16, 16, 3), np.float32)
    sent = model.head(images)
    point = model.unit.points[0]
    point = keras.ops.full((2,), point, "float32")
    codes = model.encode(images, point)["codes"]
    assert sent["coefficients"].shape == codes.shape
    answer = model.tail({"codes": codes, "point": point})
    assert answer.shape == (2, 3)
