"""Tests of the assembled bottleneck unit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers import BottleneckUnit

ORDERS = ["channels_first", "spatial_first"]
SHAPE = (2, 7, 7, 12)


@pytest.fixture
def x(rng):
    return tf.constant(np.abs(rng.normal(size=SHAPE)).astype("float32"))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("wide", [None, 8])
def test_every_arrangement_restores_the_feature_s_shape(order, stride, wide, x):
    unit = BottleneckUnit(
        3, stride, order, hidden_channels=wide, restoration_channels=wide
    )
    assert unit(x).shape == SHAPE


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("channels", [1, 3, 10])
def test_codes_have_the_reduced_shape(order, channels, x):
    unit = BottleneckUnit(channels, order=order)
    unit(x)
    sent = unit.encode(x)
    codes, code_range = sent["codes"], sent["range"]
    # Stride 2: ceil(7 / 2) = 4 positions a side.
    assert codes.shape == (2, 4, 4, channels)
    assert code_range.shape == (2, 2)
    assert unit.code_shape == (4, 4, channels)


def test_the_orders_differ_in_their_first_convolution(x):
    first = []
    for order in ORDERS:
        unit = BottleneckUnit(3, order=order)
        unit(x)
        first.append(unit.reduction[0].name)
    assert first == ["channel_reduction", "spatial_reduction"]


@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
@pytest.mark.parametrize("activation", ["relu", None])
def test_encode_and_decode_are_the_two_halves_of_call(quantizer, activation, x):
    unit = BottleneckUnit(3, quantizer=quantizer, activation=activation)
    whole = unit(x)
    sent = unit.encode(x)
    sent["codes"], _ = unit.codec(sent["codes"])
    np.testing.assert_array_equal(unit.decode(sent), whole)


def test_the_byte_side_gives_the_tail_what_training_saw(x):
    unit = BottleneckUnit(3, codec_config={"quality": 50})
    whole = unit(x)
    sent = unit.encode(x)
    codec = unit.byte_codec
    decoded = [
        codec.decode(codec.encode(image), unit.code_shape)
        for image in sent["codes"].numpy().astype("uint8")
    ]
    sent["codes"] = tf.constant(np.stack(decoded), tf.float32)
    np.testing.assert_array_equal(unit.decode(sent), whole)


def test_without_codec_the_codes_pass_untouched(x):
    unit = BottleneckUnit(3, codec_config={"quality": 1})
    assert not np.array_equal(unit(x), unit(x, use_codec=False))
    want = unit.decode(unit.encode(x))
    np.testing.assert_array_equal(unit(x, use_codec=False), want)


@pytest.mark.parametrize("use_codec", [True, False])
@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
def test_every_weight_gets_a_gradient(use_codec, quantizer, x, rng):
    unit = BottleneckUnit(3, quantizer=quantizer)
    weights = tf.constant(rng.normal(size=SHAPE).astype("float32"))
    with tf.GradientTape() as tape:
        y = unit(x, training=True, use_codec=use_codec)
        loss = tf.reduce_sum(weights * y)
    variables = unit.trainable_variables
    gradients = tape.gradient(loss, variables)
    untouched = [v.path for v, g in zip(variables, gradients) if not np.any(g)]
    # Four convolutions with kernel, gamma and beta; a learned range's ends.
    assert len(variables) == (14 if quantizer == "learned" else 12)
    assert untouched == []


@pytest.mark.parametrize(
    ("order", "codec", "quantizer"),
    [
        (ORDERS[0], "jpeg", "per_image"),
        (ORDERS[1], "jpeg", "learned"),
        (ORDERS[0], "png", "learned"),
    ],
)
def test_a_saved_model_gives_identical_output(
    order, codec, quantizer, revive, x
):
    unit = BottleneckUnit(3, order=order, codec=codec, quantizer=quantizer)
    unit(x, training=True)  # Moves the statistics off their initial values.
    model, loaded = revive(unit, x)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_get_config_rebuilds_the_unit():
    unit = BottleneckUnit(
        3,
        stride=3,
        order="spatial_first",
        hidden_channels=5,
        restoration_channels=6,
        channel_kernel=3,
        spatial_kernel=5,
        activation=None,
        restored_activation=None,
        bits=6,
        quantizer="learned",
        codec_config={"quality": 33},
    )
    twin = BottleneckUnit.from_config(unit.get_config())
    assert twin.get_config() == unit.get_config()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_the_codes_float32(policy, x):
    unit = BottleneckUnit(3, dtype=policy)
    y = unit(x)
    sent = unit.encode(x)
    assert y.dtype == unit.compute_dtype
    assert sent["codes"].dtype == sent["range"].dtype == tf.float32


def test_a_global_mixed_policy_reaches_the_convolutions_only(x):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        unit = BottleneckUnit(3)
        assert unit(x).dtype == tf.bfloat16
        assert unit.codec(unit.encode(x)["codes"])[0].dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_negative_latent_starts_with_a_learned_range_around_zero(x):
    unit = BottleneckUnit(3, activation=None, quantizer="learned")
    unit(x)
    code_range = unit.encode(x, training=True)["range"]
    np.testing.assert_array_equal(code_range[0], [-4.0, 4.0])


@pytest.mark.parametrize(
    "quantizer, sent",
    [("per_image", ["codes", "range"]), ("learned", ["codes"])],
)
def test_a_range_is_among_the_codes_where_it_is_sent(quantizer, sent, x):
    unit = BottleneckUnit(3, quantizer=quantizer)
    unit(x)
    assert sorted(unit.encode(x)) == sorted(unit.deployed_encode(x)) == sent
    assert unit.sends_range == ("range" in sent)


@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
def test_deployed_codes_are_those_of_encode(quantizer, x):
    unit = BottleneckUnit(3, quantizer=quantizer, bits=6)
    unit(x, training=True)
    want = unit.encode(x)
    for name, value in unit.deployed_encode(x).items():
        np.testing.assert_array_equal(value, want[name])


def test_a_learned_range_restores_alike_in_training_and_deployed(x):
    unit = BottleneckUnit(3, quantizer="learned")
    unit(x)
    sent = unit.encode(x, training=True)
    assert sent["range"].shape == (2, 2)
    alone = {"codes": sent["codes"]}
    np.testing.assert_array_equal(unit.decode(alone), unit.decode(sent))


def test_its_points_are_the_codec_s_and_it_takes_none():
    unit = BottleneckUnit(3, codec_config={"quality": [40, 10]})
    assert unit.points == (40, 10) and unit.default_point == 0
    assert not unit.takes_point
    assert BottleneckUnit(3, codec="png").points == (None,)


def test_with_several_qualities_it_trains_at_the_first(x):
    several = BottleneckUnit(3, codec_config={"quality": [40, 10]})
    one = BottleneckUnit(3, codec_config={"quality": 40})
    several(x), one(x)
    codes = one.encode(x)["codes"]
    for got, want in zip(several.codec(codes), one.codec(codes)):
        np.testing.assert_array_equal(got, want)


def test_device_macs_match_the_paper_s_first_block():
    # RB1: 802,816 for 256 channels to 1, then 28 * 28 * 9 = 7,056.
    unit = BottleneckUnit(1)
    unit.build((None, 56, 56, 256))
    assert unit.device_macs((56, 56, 256)) == 802_816 + 7_056


def test_cloud_macs_match_hand_worked_ones():
    # 28 * 28 codes meet 4 x 4 taps: 12,544; then 56 * 56 of 1 channel to 256.
    unit = BottleneckUnit(1)
    unit.build((None, 56, 56, 256))
    assert unit.cloud_macs() == 12_544 + 802_816


def test_the_unit_s_reduction_is_of_operations_that_onnx_has(x):
    unit = BottleneckUnit(3)
    unit(x)
    graph = tf.function(unit.encode).get_concrete_function(x).graph
    guarded = {"DivNoNan", "MulNoNan", "Where", "SelectV2", "FloorMod"}
    assert not guarded & {op.type for op in graph.get_operations()}


@pytest.mark.parametrize("name", ["order", "quantizer", "codec"])
def test_an_unknown_choice_is_named_in_the_error(name):
    with pytest.raises(ValueError, match="Received: .*='other'"):
        BottleneckUnit(3, **{name: "other"})


def test_a_refused_quality_is_named_in_the_error():
    with pytest.raises(ValueError, match="Received: quality=0"):
        BottleneckUnit(3, codec_config={"quality": 0})


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6])
def test_jpeg_adds_little_to_the_quantisation_of_fewer_bits(bits):
    ramp = np.linspace(0.0, 2.0, 32, dtype="float32")
    x = tf.constant((ramp[:, None] + ramp)[None, :, :, None])

    def error(bits):
        unit = BottleneckUnit(1, bits=bits)
        unit.build((None, 64, 64, 4))
        codes, code_range = unit.quantizer(x)
        codes, _ = unit.codec(codes)
        restored = unit.quantizer.dequantize(codes, code_range)
        return np.sqrt(np.mean((restored - x) ** 2))

    # Half a step is the most that quantisation itself is off.
    assert error(bits) <= error(8) + 4 / (2**bits - 1) / 2


@pytest.mark.parametrize("name", ["hidden_channels", "restoration_channels"])
@pytest.mark.parametrize("width", [0, -1, 2.0])
def test_a_width_must_be_a_positive_integer(name, width):
    with pytest.raises(ValueError, match=f"Received: {name}={width}"):
        BottleneckUnit(3, stride=1, **{name: width})


@pytest.mark.parametrize("size", [(None, None, 12), (7, 7, None)])
def test_a_feature_of_unknown_size_is_refused(size):
    with pytest.raises(ValueError, match="fixed size.*Received: input_shape="):
        BottleneckUnit(3).build((None, *size))
