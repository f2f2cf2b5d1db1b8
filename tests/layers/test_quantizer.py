"""Tests of the uniform quantizers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import (
    QUANTIZERS,
    LearnedRangeQuantizer,
    PerImageQuantizer,
)
from bottlenet_tf.layers.quantizer import Quantizer

BOTH = [PerImageQuantizer, LearnedRangeQuantizer]


def image(*values):
    return tf.reshape(tf.constant(values, tf.float32), (1, 1, -1, 1))


def round_trip(layer, x):
    return layer.dequantize(*layer(x))


def test_per_image_codes_match_a_hand_worked_example():
    # 2 bits on the image's own [-1, 2]: step 1, codes 255 / 3 = 85 apart.
    codes, code_range = PerImageQuantizer(bits=2)(image(-1.0, 0.4, 0.6, 2.0))
    np.testing.assert_array_equal(np.ravel(codes), [0, 85, 170, 255])
    np.testing.assert_array_equal(code_range, [[-1.0, 2.0]])


def test_learned_codes_match_a_hand_worked_example():
    # 2 bits on [0, 3]: step 1, codes 85 apart; what lies outside is clipped.
    layer = LearnedRangeQuantizer(bits=2, initial_high=3.0)
    codes, code_range = layer(image(-5.0, 0.4, 0.6, 2.2, 9.0))
    np.testing.assert_array_equal(np.ravel(codes), [0, 0, 85, 170, 255])
    np.testing.assert_array_equal(code_range, [[0.0, 3.0]])


def test_dequantize_matches_a_hand_worked_example():
    # low + code / 255 * (high - low) = -1 + code / 255 * 6; a lossy codec
    # makes codes between the levels too.
    features = PerImageQuantizer(bits=2).dequantize(
        image(0.0, 85.0, 102.0, 255.0), tf.constant([[-1.0, 5.0]])
    )
    # Inexact in float32: one rounding of values up to 6.
    np.testing.assert_allclose(np.ravel(features), [-1, 1, 1.4, 5], atol=1e-6)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("bits", range(1, 9))
def test_any_code_of_any_width_decodes_into_the_range(kind, bits):
    code_range = tf.constant([[-1.5, 6.5]])
    every = image(*range(256))
    features = np.ravel(kind(bits=bits).dequantize(every, code_range))
    assert features[0] == -1.5 and features[255] == 6.5
    assert np.all((features >= -1.5) & (features <= 6.5))


def test_eight_bits_are_the_levels_themselves(rng):
    x = rng.uniform(-3, 5, (2, 8, 8, 3)).astype("float32")
    codes, code_range = PerImageQuantizer(bits=8)(x)
    low, high = (np.reshape(code_range[:, i], (-1, 1, 1, 1)) for i in (0, 1))
    share = np.clip((x - low) / (high - low), 0, 1) * np.float32(255)
    np.testing.assert_array_equal(codes, np.rint(share))
    features = PerImageQuantizer(bits=8).dequantize(codes, code_range)
    want = np.rint(share) / np.float32(255) * (high - low) + low
    np.testing.assert_array_equal(features, want)


def test_each_image_has_its_own_range(rng):
    x = rng.normal(size=(3, 4, 4, 2)).astype("float32")
    want = np.stack([x.min((1, 2, 3)), x.max((1, 2, 3))], -1)
    _, code_range = PerImageQuantizer()(x)
    np.testing.assert_array_equal(code_range, want.astype("float16"))


@pytest.mark.parametrize("bits", range(1, 9))
def test_codes_are_the_levels_of_the_width_spread_over_8_bits(bits, rng):
    x = rng.uniform(size=(2, 40, 40, 2)).astype("float32")
    codes, _ = PerImageQuantizer(bits=bits)(x)
    np.testing.assert_array_equal(
        np.unique(codes), np.rint(np.linspace(0, 255, 2**bits))
    )


@pytest.mark.parametrize("bits", range(1, 9))
def test_per_image_error_is_half_a_step_and_the_range_s_rounding(bits, rng):
    x = rng.uniform(-3, 5, (2, 8, 8, 3)).astype("float32")
    error = np.abs(round_trip(PerImageQuantizer(bits=bits), x) - x)
    # Half a step by construction. float16 spaces numbers in 4..8 by 1/256,
    # so an end of the range is off by up to 1/512, and what it cuts off too.
    bound = 8 / (2**bits - 1) / 2 + 1 / 512 + 1e-5
    # Levels are off by up to half a code where 255 / levels isn't whole.
    assert error.max() <= bound + (0 if 255 % (2**bits - 1) == 0 else 4 / 255)


@pytest.mark.parametrize("bits", range(1, 9))
def test_learned_error_is_half_a_step_inside_the_range(bits, rng):
    x = rng.uniform(0, 4, (2, 8, 8, 3)).astype("float32")
    error = np.abs(round_trip(LearnedRangeQuantizer(bits=bits), x) - x)
    # 1e-6 covers float32 rounding of values up to 4.
    bound = 4 / (2**bits - 1) / 2 + 1e-6
    # Levels are off by up to half a code where 255 / levels isn't whole.
    assert error.max() <= bound + (0 if 255 % (2**bits - 1) == 0 else 2 / 255)


@pytest.mark.parametrize("value", [0.0, -0.0, 2.5, -7.0])
def test_a_constant_image_comes_back(value):
    features = round_trip(PerImageQuantizer(), image(value, value))
    np.testing.assert_array_equal(np.ravel(features), [value, value])


def test_ranges_beyond_float16_are_clipped_to_it():
    _, code_range = PerImageQuantizer()(image(-1e6, np.inf))
    np.testing.assert_array_equal(code_range, [[-65504.0, 65504.0]])


def test_infinite_features_get_the_outermost_codes():
    codes, _ = PerImageQuantizer()(image(-np.inf, 0.0, np.inf))
    assert np.ravel(codes)[0] == 0 and np.ravel(codes)[2] == 255


def test_a_narrow_range_counts_as_a_thousandth_above_its_low():
    layer = PerImageQuantizer()
    codes, code_range = layer(image(2.0, 2.0))
    np.testing.assert_array_equal(code_range, [[2.0, 2.0]])
    np.testing.assert_array_equal(np.ravel(codes), [0, 0])
    features = layer.dequantize(image(0.0, 255.0), code_range)
    # float32 spaces numbers above 2 by 2.4e-7.
    np.testing.assert_allclose(np.ravel(features), [2, 2.001], atol=3e-7)


def test_a_narrow_range_far_from_zero_is_rounded_to_float16():
    # float16 spaces numbers from 512 to 1024 by 0.5.
    _, code_range = PerImageQuantizer()(image(1000.1, 1000.3))
    np.testing.assert_array_equal(code_range, [[1000.0, 1000.5]])


def test_a_learned_range_turned_inside_out_swaps_its_ends():
    layer = LearnedRangeQuantizer()
    layer.build((1, 1, 1, 1))
    layer.high.assign(-1.0)
    codes, code_range = layer(image(-2.0, -0.6, 2.0))
    np.testing.assert_array_equal(code_range, [[-1.0, 0.0]])
    np.testing.assert_array_equal(np.ravel(codes), [0, 102, 255])


@pytest.mark.parametrize("value, low, high", [(9.0, 1, 0), (-9.0, 0, 1)])
def test_the_ends_of_a_range_turned_inside_out_keep_learning(value, low, high):
    # The range is [-1, 0]: `low` holds its upper end.
    layer = LearnedRangeQuantizer()
    layer.build((1, 1, 1, 1))
    layer.high.assign(-1.0)
    with tf.GradientTape() as tape:
        y = round_trip(layer, image(value))
    gradients = tape.gradient(y, [layer.low, layer.high])
    np.testing.assert_allclose(gradients, [low, high], atol=1e-6)


def test_the_gradient_passes_the_per_image_rounding(rng):
    x = tf.constant(rng.uniform(0, 1, (1, 4, 4, 1)).astype("float32"))
    # The extremes are clipped (the tie at the range's end), so left out.
    inside = (x > tf.reduce_min(x)) & (x < tf.reduce_max(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = round_trip(PerImageQuantizer(bits=4), x)
    # Two divisions by the span: a few units in float32's last place.
    np.testing.assert_allclose(tape.gradient(y, x)[inside], 1.0, rtol=1e-5)


def test_the_gradient_of_clipped_elements_is_zero():
    x = image(-1.0, 2.0, 9.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = round_trip(LearnedRangeQuantizer(), x)
    # Division and multiplication by the span 4 are exact.
    np.testing.assert_array_equal(np.ravel(tape.gradient(y, x)), [0, 1, 0])


@pytest.mark.parametrize("value, low, high", [(-1.0, 1, 0), (9.0, 0, 1)])
def test_a_clipped_element_moves_the_end_that_clipped_it(value, low, high):
    layer = LearnedRangeQuantizer()
    with tf.GradientTape() as tape:
        y = round_trip(layer, image(value))
    gradients = tape.gradient(y, [layer.low, layer.high])
    np.testing.assert_allclose(gradients, [low, high], atol=1e-6)


def test_an_inner_element_moves_the_range_by_its_rounding_error():
    # 2 bits on [0, 3]: 1.2 -> level 1, code 85. d/dhigh = 85 / 255 - x / 3 =
    # -0.2 / 3, d/dlow the opposite (the rule of learned step size).
    layer = LearnedRangeQuantizer(bits=2, initial_high=3.0)
    with tf.GradientTape() as tape:
        y = round_trip(layer, image(1.2))
    gradients = tape.gradient(y, [layer.low, layer.high])
    np.testing.assert_allclose(gradients, [0.2 / 3, -0.2 / 3], atol=1e-6)


def test_the_per_image_range_carries_no_gradient():
    x = image(0.0, 1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        _, code_range = PerImageQuantizer()(x)
    assert tape.gradient(code_range, x) is None


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_deployment_gets_the_codes_that_training_saw(kind, bits, rng):
    x = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    layer = kind(bits=bits)
    seen = layer(x)
    for got, want in zip(layer.encode(x), seen, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", BOTH)
def test_a_saved_model_gives_identical_output(kind, revive, rng):
    x = rng.normal(size=(2, 4, 4, 2)).astype("float32")
    model, loaded = revive(kind(bits=5), x)
    for want, got in zip(model(x), loaded(x)):
        np.testing.assert_array_equal(got, want)


def test_get_config_rebuilds_the_layer():
    layer = LearnedRangeQuantizer(bits=3, initial_low=-1.0, initial_high=2.0)
    twin = LearnedRangeQuantizer.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_leaves_codes_and_range_float32(kind, policy):
    codes, code_range = kind(dtype=policy)(image(0.0, 1.0))
    assert codes.dtype == code_range.dtype == tf.float32


@pytest.mark.parametrize("kind", BOTH)
def test_the_graph_is_of_operations_that_tensorrt_has(kind):
    layer = kind()
    layer.build((1, 4, 4, 2))
    graph = (
        tf.function(layer.call)
        .get_concrete_function(tf.TensorSpec((1, 4, 4, 2)))
        .graph
    )
    # Divisions that guard themselves become Where; TensorRT 8 has no Mod.
    plain = {"Sub", "Mul", "AddV2", "RealDiv", "Round", "Min", "Max"}
    plain |= {"Minimum", "Maximum", "Cast", "Reshape", "Pack", "Const"}
    plain |= {"StridedSlice", "StopGradient", "Identity", "Placeholder"}
    plain |= {"BroadcastTo", "ReadVariableOp", "NoOp"}
    assert {op.type for op in graph.get_operations()} <= plain


@pytest.mark.parametrize("bits", [0, 9, 2.5, True])
def test_an_unusable_bit_width_is_named_in_the_error(bits):
    with pytest.raises(ValueError, match=f"Received: bits={bits}"):
        PerImageQuantizer(bits=bits)


def test_a_learned_range_must_be_ordered():
    with pytest.raises(ValueError, match="initial_low=1.0, initial_high=1.0"):
        LearnedRangeQuantizer(initial_low=1.0, initial_high=1.0)


def test_an_unknown_quantizer_lists_the_choices():
    with pytest.raises(ValueError, match="learned, per_image"):
        QUANTIZERS.get("log")


def test_the_base_class_names_what_is_missing():
    with pytest.raises(NotImplementedError, match="Quantizer must say"):
        Quantizer().code_range(keras.ops.zeros((1, 1, 1, 1)))
