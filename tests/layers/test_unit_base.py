"""Tests of what every unit has, and of its two halves as layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import create_codec
from bottlenet_tf.layers import (
    BottleneckUnit,
    Unit,
    UnitHead,
    UnitTail,
    codec_layer,
)
from tests.point_unit import POINTS, ScaleUnit

SHAPE = (3, 4, 4, 5)


class SilentUnit(Unit):
    """A unit that says nothing about itself."""

    def __init__(self):
        super().__init__()
        self.byte_codec = create_codec("png")
        self.codec = codec_layer(self.byte_codec)


@pytest.fixture
def feature(rng):
    return tf.constant(rng.uniform(0, 20, SHAPE).astype("float32"))


@pytest.mark.parametrize(
    "call",
    [
        lambda unit, x: unit.encode(x),
        lambda unit, x: unit.decode({"codes": x}),
        lambda unit, x: unit.coefficients(x),
        lambda unit, x: unit.gains(),
        lambda unit, x: unit.macs(x.shape),
        lambda unit, x: unit.cloud_macs(),
    ],
)
def test_what_a_unit_must_say_is_named(call, feature):
    with pytest.raises(NotImplementedError, match="SilentUnit.* must"):
        call(SilentUnit(), feature)


def test_a_unit_has_one_range_point_and_step_unless_it_says_otherwise():
    unit = SilentUnit()
    assert not unit.sends_range and not unit.takes_point
    assert unit.points == (None,) and unit.default_point == 0
    assert unit.code_step == 1


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("use_codec", [False, True])
def test_a_call_is_encode_codec_and_decode_at_the_points(
    feature, flat, use_codec
):
    unit, points = ScaleUnit(flat), np.float32(POINTS)
    restored = unit(feature, points, use_codec=use_codec)
    scale = 2 * np.exp(points)[:, None, None, None]
    want = np.clip(feature * scale, 0, 255).round() / scale
    np.testing.assert_allclose(restored, want, rtol=1e-5)


def test_gradients_pass_straight_through(feature):
    unit, points = ScaleUnit(), np.float32(POINTS)
    with tf.GradientTape() as tape:
        tape.watch(feature)
        restored = unit(feature, points)
    gradient = tape.gradient(restored, feature)
    np.testing.assert_allclose(gradient, np.ones(SHAPE), rtol=1e-5)


@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
def test_the_halves_are_the_unit_s(feature, quantizer):
    unit = BottleneckUnit(3, quantizer=quantizer)
    unit(feature)
    sent = UnitHead(unit)(feature)
    for name, value in unit.deployed_encode(feature).items():
        np.testing.assert_array_equal(sent[name], value)
    np.testing.assert_array_equal(UnitTail(unit)(sent), unit.decode(sent))


@pytest.mark.parametrize("flat", [False, True])
def test_a_head_s_coefficients_times_gains_are_the_codes(feature, flat):
    unit, points = ScaleUnit(flat), tf.constant(POINTS, tf.float32)
    unit(feature, points)
    sent = UnitHead(unit)(feature)
    assert list(sent) == ["coefficients"]
    scaled = sent["coefficients"] * unit.gains()
    wanted = unit.encode(feature, points)
    codes = np.clip(np.rint(scaled), 0, 255)
    np.testing.assert_array_equal(codes, wanted["codes"])
    restored = UnitTail(unit)({**wanted, "point": points})
    np.testing.assert_array_equal(restored, unit.decode(wanted, points))


def test_a_half_is_rebuilt_from_its_configuration(feature):
    unit = ScaleUnit(True)
    unit(feature, np.float32(POINTS))
    for half in (UnitHead(unit), UnitTail(unit)):
        twin = type(half).from_config(half.get_config())
        assert isinstance(twin, keras.layers.Layer)
        assert twin.unit.get_config() == unit.get_config()
