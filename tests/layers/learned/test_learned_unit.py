"""Tests of the whole learned unit: encode, decode, rate, file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import Tables
from bottlenet_tf.layers.learned.unit import LearnedUnit
from bottlenet_tf.training import closed_form
from tests.layers.learned.closed import solve

WHOLE = dict(patch=2, channels=16, coefficients=96, mixed=20, mixed_to=20)
SMALL = dict(
    patch=2, channels=5, coefficients=14, mixed=9, mixed_to=6, width=8,
    num_points=3,
)  # fmt: skip
SHAPE = (3, 4, 6, 7)
POINTS = np.float32([-1.0, 0.25, 1.0])


def _tables(coefficients=14, points=3):
    """Tables of -1, 0, 1 and an escape, the same for all."""
    frequencies = [[10000, 45000, 10000, 536]]
    return Tables([-1], frequencies, np.zeros((points, coefficients), int))


def _text(**sizes):
    codec = EntropyCodec(_tables(**sizes), np.linspace(-1, 1, 3))
    return codec.get_config()["tables"]


@pytest.fixture
def unit(rng):
    """One of random weights, both branches awake."""
    unit = LearnedUnit(**SMALL, encoder="residual", name="unit")
    unit.build((None, *SHAPE[1:]))
    for weight in unit.weights:
        if weight.dtype == "float32":
            weight.assign(rng.normal(0, 0.3, weight.shape))
    unit.feature_deviation.assign(rng.uniform(1, 2, 7))
    unit.patch_deviation.assign(rng.uniform(1, 2, 5))
    unit.log_gain.assign(rng.uniform(1, 3, 14))
    return unit


@pytest.fixture
def feature(rng):
    return tf.constant(rng.normal(0, 2, SHAPE), tf.float32)


def test_codes_are_whole_numbers_one_for_each_coefficient(unit, feature):
    codes = unit.encode(feature, POINTS)["codes"]
    assert codes.shape == (3, *unit.code_shape) == (3, 14)
    np.testing.assert_array_equal(codes, np.round(codes))
    assert len(np.unique(codes)) > 10


def test_codes_are_the_gain_times_the_coefficients(unit, feature):
    c = np.asarray(unit.coefficients(feature))
    gain = np.exp(
        unit.log_gain.numpy() + POINTS[:, None] * unit.gain_slope.numpy()
    )
    codes = unit.encode(feature, POINTS)["codes"]
    np.testing.assert_allclose(codes, c * gain, atol=0.501)


def test_the_residual_encoder_adds_to_the_patches(unit, feature):
    normal = (feature - unit.feature_mean) / unit.feature_deviation
    added = unit.patch_deviation * unit.encoder(normal)
    z = unit.analysis.patches(feature) + added
    np.testing.assert_array_equal(
        unit.coefficients(feature), unit.analysis.transform(z)
    )
    assert np.abs(added).max() > 0.1


def test_what_is_deployed_encodes_the_same_at_every_point(unit, feature):
    (coefficients,) = unit.deployed_encode(feature).values()
    together = unit.codes_at_points(feature)
    for t, gain, codes in zip(unit.points, unit.gains(), together, strict=True):
        want = unit.encode(feature, np.full(3, t, np.float32))["codes"]
        np.testing.assert_array_equal(np.rint(coefficients * gain), want)
        np.testing.assert_array_equal(codes, want)


def test_gains_are_a_row_for_each_point(unit):
    gains = unit.gains()
    assert gains.shape == (3, 14) and gains.dtype == np.float32
    np.testing.assert_allclose(gains[1], np.exp(unit.log_gain), rtol=1e-6)
    assert np.all(gains > 0)


def test_codes_stay_within_what_can_travel(unit, feature):
    unit.log_gain.assign(np.full(14, 20.0))
    for codes in unit.codes_at_points(feature):
        assert set(np.unique(codes)) == {-32767, 32767}


def test_rounding_passes_gradients_straight_through(unit, feature):
    def gradient(encode):
        with tf.GradientTape() as tape:
            tape.watch(feature)
            total = tf.reduce_sum(encode(feature))
        return tape.gradient(total, feature)

    np.testing.assert_allclose(
        gradient(lambda x: unit.encode(x, POINTS)["codes"]),
        gradient(lambda x: unit.coefficients(x) * unit.gain(POINTS)),
        rtol=1e-6,
    )


def test_fine_steps_restore_the_feature(rng):
    features, _, form = solve(rng, (150, 4, 6, 4), **WHOLE)
    unit = LearnedUnit(**WHOLE)
    unit.build((None, 4, 6, 4))
    closed_form.assign(unit, form)
    points = np.float32([-1.0, 1.0])
    errors = []
    for step in (1.0, 0.1, 0.01):
        middle = np.log(form.scale)
        unit.log_gain.assign(middle - np.log(step))
        unit.log_step.assign(np.log(step) - middle)
        restored = unit(features[:2], points)
        errors.append(np.abs(restored - features[:2]).max())
    # In proportion to the step.
    assert errors[1] < 0.2 * errors[0] and errors[2] < 0.2 * errors[1]
    assert errors[2] < 0.01 * np.abs(features).max()


def test_a_step_is_the_gain_s_inverse_if_its_weights_say_so(unit, feature):
    unit.log_step.assign(-unit.log_gain)
    unit.step_slope.assign(-unit.gain_slope)
    codes = unit.encode(feature, POINTS)
    x, z = unit.synthesis(codes["codes"] / unit.gain(POINTS))
    added = unit.restorer(z / unit.patch_deviation, unit.embedding(POINTS))
    np.testing.assert_allclose(
        unit.decode(codes, POINTS),
        x + unit.feature_deviation * added,
        rtol=1e-4,
        atol=1e-4,
    )


def test_without_width_the_synthesis_is_linear(rng):
    unit = LearnedUnit(**{**SMALL, "width": 0})
    unit.build((None, *SHAPE[1:]))
    assert unit.restorer is None and unit.embedding is None
    codes = {"codes": tf.constant(rng.normal(size=(3, 14)), tf.float32)}
    np.testing.assert_array_equal(
        unit.decode(codes, POINTS),
        unit.synthesis(codes["codes"])[0],
    )


@pytest.mark.parametrize("noisy", [False, True])
def test_the_prior_sees_noise_and_the_decoder_rounded_codes(
    unit, feature, rng, noisy
):
    noise = rng.uniform(-0.5, 0.5, (3, 14)).astype(np.float32)
    restored, size, bits = unit.transmit(
        feature, POINTS, noise=noise if noisy else None
    )
    codes, gain = unit.encode(feature, POINTS), unit.gain(POINTS)
    seen = unit.coefficients(feature) * gain + noise
    seen = seen if noisy else codes["codes"]
    # Worked out in another order.
    np.testing.assert_allclose(bits, unit.prior(seen, gain, POINTS), rtol=1e-5)
    np.testing.assert_allclose(size, np.mean(bits) / 8, rtol=1e-6)
    np.testing.assert_array_equal(restored, unit.decode(codes, POINTS))


def test_the_weight_of_a_bit_is_log_linear_in_the_point():
    unit = LearnedUnit(rate_weights=(1e-4, 1e-2))
    weights = unit.rate_weight(np.float32([-1.0, 0.0, 0.5, 1.0]))
    np.testing.assert_allclose(weights, [1e-4, 1e-3, 10**-2.5, 1e-2], rtol=1e-5)


def test_points_are_evenly_spread_from_fine_to_coarse():
    assert LearnedUnit(num_points=5).points == (-1.0, -0.5, 0.0, 0.5, 1.0)


def test_multiply_accumulates_are_those_of_the_parts(unit):
    # 6 patches of 28 values to 5 channels, the grid of 30 values, 9 * 6
    # mixed; the encoder: 7 channels to 48 on 2 x 3, then to 5.
    analysis = 6 * 28 * 5 + 30 * (2 + 3 + 5) + 54
    encoder = 6 * (9 * 7 * 48 + 48 * 5)
    assert unit.device_macs(SHAPE) == analysis + encoder
    # Back, with 9 taps of 5 channels to 10, then 28 values; the restorer: 5
    # to 8 channels, a block, then to 28.
    synthesis = 300 + 54 + 6 * (9 * 5 * 10 + 10 * 28)
    restorer = 6 * 9 * (5 * 8 + 2 * 8 * 8 + 8 * 28)
    assert unit.cloud_macs() == synthesis + restorer
    assert unit.macs(SHAPE) == unit.device_macs(SHAPE) + unit.cloud_macs()


@pytest.mark.parametrize("tables", [None, _text()], ids=["training", "frozen"])
def test_a_unit_survives_a_file(unit, feature, tables, tmp_path):
    changes = {"tables": tables, "default_point": 2}
    twin = LearnedUnit.from_config({**unit.get_config(), **changes})
    twin.build((None, *SHAPE[1:]))
    twin.set_weights(unit.get_weights())
    inputs = keras.Input(SHAPE[1:]), keras.Input(())
    model = keras.Model(inputs, twin(*inputs))
    model.save(tmp_path / "unit.keras")
    loaded = keras.saving.load_model(tmp_path / "unit.keras")
    np.testing.assert_array_equal(
        loaded((feature, tf.constant(POINTS))), unit(feature, POINTS)
    )
    (layer,) = [v for v in loaded.layers if isinstance(v, LearnedUnit)]
    assert layer.get_config() == twin.get_config()
    assert layer.default_point == 2
    if tables:
        assert layer.byte_codec.tables == _tables()


def test_a_frozen_unit_has_a_codec_of_its_points():
    unit = LearnedUnit(**SMALL, tables=_text())
    assert unit.byte_codec.points == unit.points == (-1.0, 0.0, 1.0)
    assert unit.codec.codec is unit.byte_codec
    assert LearnedUnit(**SMALL).byte_codec is None


def test_tables_of_another_number_of_points_are_refused():
    with pytest.raises(ValueError, match="3 points"):
        LearnedUnit(**{**SMALL, "num_points": 4}, tables=_text())


def test_tables_of_another_number_of_coefficients_are_refused():
    unit = LearnedUnit(**SMALL, tables=_text(coefficients=15))
    with pytest.raises(ValueError, match=r"shape=\(14,\)"):
        unit.build((None, *SHAPE[1:]))


def test_an_unknown_encoder_lists_the_choices():
    with pytest.raises(ValueError, match="linear, residual.*'deep'"):
        LearnedUnit(encoder="deep")


def test_a_feature_of_open_size_is_refused():
    with pytest.raises(ValueError, match="fixed size.*None, None, 7"):
        LearnedUnit(**SMALL).build((None, None, None, 7))
