"""Tests of the rate-distortion-optimised unit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import TOTAL, Tables
from bottlenet_tf.layers import DattaUnit, EntropyCode

SHAPE = (2, 7, 5, 6)


def make_tables(codes):
    """One table for all: 0, 1, 2 and the escape, a quarter each."""
    return Tables([0], [[TOTAL // 4] * 4], np.zeros((1, codes), np.int64))


def text_of(tables):
    return EntropyCodec(tables, (0.0,)).get_config()["tables"]


@pytest.fixture
def x(rng):
    return tf.constant(np.abs(rng.normal(size=SHAPE)).astype("float32"))


@pytest.fixture
def unit(x):
    unit = DattaUnit(3, stride=2, step=0.25)
    unit.build(x.shape)
    # Latents and codes of some size, as after training.
    unit.reduction.norm.gamma.assign(tf.fill((6,), 8.0))
    return unit


def test_codes_match_a_hand_worked_value():
    unit = DattaUnit(2, stride=2, step=0.5)
    unit.build((None, 2, 4, 1))
    for layer in (unit.reduction, unit.mixing):
        layer.norm.epsilon = 0.0
    kernel = np.zeros((3, 3, 1, 1))
    kernel[0, 0] = 1  # The window's first, as none is padded before it.
    unit.reduction.conv.kernel.assign(kernel)
    unit.mixing.conv.kernel.assign([[[[1.0, -2.0]]]])
    feature = tf.constant([[1.3, 9, -1.6, 9], [9, 9, 9, 9]])[None, ..., None]
    # Rectified 1.3, 0; then 1.3, -2.6, 0, 0, rectified; / 0.5; rounded.
    codes = unit.encode(feature)["codes"]
    assert codes.numpy().tolist() == [[3.0, 0.0, 0.0, 0.0]]
    unit.mixing.conv.kernel.assign([[[[1.0, 2.0]]]])
    assert unit.encode(-feature)["codes"].numpy().tolist() == [[0, 0, 3, 6]]


def test_decoding_matches_a_hand_worked_value():
    unit = DattaUnit(2, stride=1, step=0.5)
    unit.build((None, 1, 1, 2))
    for layer in (unit.unmixing, unit.restoration):
        layer.norm.epsilon = 0.0
    unit.unmixing.conv.kernel.assign([[[[1.0, -1.0], [2.0, 3.0]]]])
    kernel = np.zeros((3, 3, 2, 1))
    kernel[1, 1, :, 0] = 1, -1
    unit.restoration.conv.kernel.assign(kernel)
    # 0.5 (4, 2) = (2, 1) to (2 + 2, -2 + 3); then 4 and -1, rectified.
    restored = unit.decode({"codes": tf.constant([[4.0, 2.0]])})
    assert np.ravel(restored).tolist() == [4.0, 0.0]


def test_only_a_rectified_feature_is_restored_rectified(x):
    for activation, least in (("relu", True), (None, False)):
        unit = DattaUnit(3, restored_activation=activation)
        unit.build(SHAPE)
        unit.restoration.norm.beta.assign(tf.fill((6,), -0.1))
        assert (np.min(unit(x)) >= 0) == least


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(7, 5), (4, 4), (1, 3)])
def test_every_arrangement_restores_the_feature_s_shape(stride, size, rng):
    x = rng.normal(size=(2, *size, 6)).astype("float32")
    unit = DattaUnit(3, stride)
    assert unit(x).shape == x.shape
    rows, columns = (-(-n // stride) for n in size)
    assert unit.code_shape == (rows * columns * 3,)
    assert unit.encode(x)["codes"].shape == (2, *unit.code_shape)


def test_codes_are_whole_numbers_from_0_up(unit, x):
    codes = unit.encode(x)["codes"].numpy()
    np.testing.assert_array_equal(codes, np.rint(codes))
    assert codes.min() == 0 and codes.max() > 1


def test_what_is_deployed_makes_the_same_codes(unit, x):
    np.testing.assert_array_equal(
        unit.deployed_encode(x)["codes"], unit.encode(x)["codes"]
    )


def test_what_is_deployed_makes_no_code_that_cannot_travel(unit, x):
    unit.reduction.norm.gamma.assign(tf.fill((6,), 1e6))
    assert unit.encode(x)["codes"].numpy().max() > 32767
    assert unit.deployed_encode(x)["codes"].numpy().max() == 32767


def test_encode_and_decode_are_the_two_halves_of_call(unit, x):
    np.testing.assert_array_equal(unit.decode(unit.encode(x)), unit(x))


def test_rounding_passes_gradients_straight_through(unit, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(unit.encode(x)["codes"])
    through = tape.gradient(total, x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(unit.mixing(unit.reduction(x))) / 0.25
    np.testing.assert_allclose(through, tape.gradient(total, x), rtol=1e-5)


def test_the_rate_is_the_l1_norm_of_the_rounded_latent(unit, x):
    codes = unit.encode(x)["codes"].numpy()
    _, _, rate = unit.transmit(x)
    np.testing.assert_allclose(rate, 0.25 * codes.sum(axis=1), rtol=1e-6)


def test_the_rate_reaches_every_weight_of_the_encoder(unit, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(unit.transmit(x, training=True)[2])
    encoder = [
        *unit.reduction.trainable_variables,
        *unit.mixing.trainable_variables,
    ]
    # The norm that follows takes the first kernel's scale out, but no more.
    for gradient in tape.gradient(loss, encoder):
        assert np.abs(gradient).max() > 0


def test_bytes_are_estimated_by_the_entropy_of_all_codes(unit, x):
    codes = unit.encode(x)["codes"].numpy().ravel()
    _, counts = np.unique(codes, return_counts=True)
    share = counts / counts.sum()
    bits = -np.sum(share * np.log2(share)) * len(codes) / len(x)
    assert float(unit.transmit(x)[1]) == pytest.approx(bits / 8, rel=1e-5)


def test_a_frozen_unit_s_bytes_are_decoded_to_its_codes(unit, x):
    frozen = DattaUnit(
        **{**unit.get_config(), "tables": text_of(make_tables(36))}
    )
    frozen.build(SHAPE)
    for new, old in zip(frozen.weights, unit.weights, strict=True):
        new.assign(old)
    codes = frozen.encode(x)["codes"].numpy().astype(np.int16)
    assert isinstance(frozen.codec, EntropyCode)
    assert frozen.points == frozen.byte_codec.points == (0.0,)
    for each in codes:
        data = frozen.byte_codec.encode(each)
        again = frozen.byte_codec.decode(data, frozen.code_shape)
        np.testing.assert_array_equal(again, each)


@pytest.mark.parametrize("tables", [None, text_of(make_tables(36))])
def test_a_unit_survives_a_file(tables, revive, x):
    model, loaded = revive(DattaUnit(3, step=0.1, tables=tables), x)
    np.testing.assert_array_equal(model(x), loaded(x))
    assert model.layers[-1].get_config() == loaded.layers[-1].get_config()


def test_restored_features_begin_with_the_given_statistics(unit):
    mean, std = np.arange(6.0), np.arange(1.0, 7.0)
    unit.match_feature(mean, std)
    np.testing.assert_array_equal(unit.restoration.norm.beta, mean)
    np.testing.assert_array_equal(unit.restoration.norm.gamma, std)


def test_macs_are_those_of_the_four_convolutions(unit):
    # 4 x 3 positions; 9 taps of 6 channels, 6 to 3 channels, and back.
    assert unit.device_macs(SHAPE) == 12 * (9 * 6 + 6 * 3)
    assert unit.cloud_macs() == 12 * (3 * 6 + 9 * 6)


def test_codes_stay_float32_under_mixed_precision(x):
    unit = DattaUnit(3, dtype="mixed_bfloat16")
    unit.build(SHAPE)
    assert unit.encode(x)["codes"].dtype == "float32"
    assert unit(x).dtype == "bfloat16"


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": 0},
        {"step": 0.0},
        {"step": float("nan")},
        {"step": float("inf")},
        {"restored_activation": "gelu"},
        {"restored_activation": {"class_name": "Dense"}},
        {"tables": "no tables"},
    ],
)
def test_an_argument_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match="Received: |Packed tables"):
        DattaUnit(**arguments)


def test_a_stride_out_of_range_is_refused():
    with pytest.raises(ValueError, match="stride=0"):
        DattaUnit(stride=0).build(SHAPE)


def test_a_feature_of_unknown_size_is_refused():
    with pytest.raises(ValueError, match="fixed size"):
        DattaUnit().build((None, None, 7, 6))


def test_tables_of_another_size_are_refused():
    unit = DattaUnit(3, tables=text_of(make_tables(35)))
    with pytest.raises(ValueError, match=r"shape=\(36,\)"):
        unit.build(SHAPE)


def test_the_head_and_tail_of_a_network_are_the_unit_s_halves(x, unit):
    from bottlenet_tf.layers import UnitHead, UnitTail

    inputs = keras.Input(SHAPE[1:])
    head = keras.Model(inputs, UnitHead(unit)(inputs))
    sent = head(x)
    np.testing.assert_array_equal(UnitTail(unit)(sent), unit(x))
