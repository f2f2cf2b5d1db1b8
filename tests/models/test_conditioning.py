"""Tests of a tail that is told the operating point."""

import keras
import numpy as np
import pytest

from bottlenet_tf.layers.learned.modulation import Modulation
from bottlenet_tf.models.conditioning import conditioned


def suffix(norm=True):
    feature = keras.Input((8, 8, 4))
    x = keras.layers.Conv2D(6, 3, padding="same", name="conv")(feature)
    if norm:
        x = keras.layers.BatchNormalization(name="bn")(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(feature, keras.layers.Dense(3)(x))


@pytest.fixture
def feature():
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 8, 8, 4)).astype(np.float32)


@pytest.mark.parametrize("norm", [True, False])
def test_it_begins_with_the_same_answers_at_every_point(feature, norm):
    plain = suffix(norm)
    points = np.linspace(-1, 1, 5).astype(np.float32)
    np.testing.assert_array_equal(
        conditioned(plain)([feature, points]), plain(feature)
    )


@pytest.mark.parametrize(
    "norm, name", [(True, "bn_modulation"), (False, "conv_modulation")]
)
def test_norms_are_modulated_or_else_convolutions(norm, name):
    layers = conditioned(suffix(norm)).layers
    found = [each.name for each in layers if isinstance(each, Modulation)]
    assert found == [name]


def test_once_trained_answers_depend_on_the_point(feature):
    model = conditioned(suffix())
    dense = model.get_layer("bn_modulation").dense
    dense.kernel.assign(np.ones(dense.kernel.shape))
    low, high = (
        model([feature, np.full(5, t, np.float32)]) for t in (-1.0, 1.0)
    )
    assert np.abs(low - high).max() > 1e-3


def test_its_layers_are_those_of_the_suffix():
    plain = suffix()
    assert conditioned(plain).get_layer("bn") is plain.get_layer("bn")


def test_it_is_saved_and_loaded(feature, tmp_path):
    model = conditioned(suffix())
    model.save(tmp_path / "tail.keras")
    loaded = keras.saving.load_model(tmp_path / "tail.keras")
    points = np.zeros(5, np.float32)
    np.testing.assert_allclose(
        loaded([feature, points]), model([feature, points]), rtol=1e-6
    )


def test_a_suffix_without_either_stays_as_it_is():
    feature = keras.Input((4,))
    plain = keras.Model(feature, keras.layers.Dense(3)(feature))
    assert conditioned(plain) is plain
