"""Tests of the generic graph form, with a codec from outside the package."""

import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import CODECS, Codec, PayloadError, create_codec
from bottlenet_tf.layers import (
    BottleneckUnit,
    ByteRoundTrip,
    JpegRoundTrip,
    PngRoundTrip,
    RawRoundTrip,
    codec_layer,
)
from bottlenet_tf.layers.codec_layer import to_bytes
from tests.point_unit import VectorCodec


class HalvingCodec(Codec):
    """Keeps `kept` of 8 bits; a byte form only, as a third party writes it."""

    name = "halving"

    def __init__(self, kept=4):
        self.mask = 0xFF << (8 - kept) & 0xFF
        self.kept = kept

    def encode(self, codes, point=0):
        return (codes & self.mask).tobytes()

    def decode(self, data, shape, point=0):
        if len(data) != np.prod(shape):
            raise PayloadError(f"Wrong size. Received: {len(data)} bytes")
        return np.frombuffer(data, np.uint8).reshape(shape)

    def get_config(self):
        return {"kept": self.kept}


@pytest.fixture
def halving(monkeypatch):
    """Registers the codec for one test."""
    monkeypatch.setattr(CODECS, "_entries", dict(CODECS._entries))
    CODECS.register("halving")(HalvingCodec)


def test_codecs_without_a_graph_form_get_the_generic_one():
    assert type(codec_layer(HalvingCodec())) is ByteRoundTrip


@pytest.mark.parametrize(
    "name, layer",
    [("jpeg", JpegRoundTrip), ("png", PngRoundTrip), ("raw", RawRoundTrip)],
)
def test_the_built_in_codecs_have_graph_forms_of_their_own(name, layer):
    assert type(codec_layer(create_codec(name))) is layer


def test_the_byte_form_is_called_for_each_image(halving):
    # 4 kept bits: 0x5f -> 0x50, 0xe1 -> 0xe0. 2 pixels = 2 bytes an image.
    codes = tf.reshape(tf.constant([95.0, 225.0, 16.0, 15.0]), (2, 1, 2, 1))
    decoded, size = codec_layer(create_codec("halving"))(codes)
    np.testing.assert_array_equal(np.ravel(decoded), [80, 224, 16, 0])
    assert size == 2


@pytest.mark.parametrize("name", ["png", "raw"])
def test_codes_a_little_off_a_whole_number_are_rounded(name):
    codes = tf.reshape(
        tf.constant([84.9999, 85.0001, 0.4, 254.6]), (1, 2, 2, 1)
    )
    decoded, _ = codec_layer(create_codec(name))(codes)
    np.testing.assert_array_equal(np.ravel(decoded), [85, 85, 0, 255])


@pytest.mark.parametrize("name", ["png", "raw"])
def test_image_data_bytes_is_the_real_mean(name, rng):
    codes = rng.integers(0, 256, (5, 7, 7, 3), np.uint8)
    codec = create_codec(name)
    decoded, size = codec_layer(codec)(codes.astype("float32"))
    np.testing.assert_array_equal(decoded, codes)
    # The mean passes through float32: 7 digits.
    want = np.mean([len(codec.encode(image)) for image in codes])
    np.testing.assert_allclose(size, want, rtol=1e-6)


def test_the_gradient_is_the_identity(halving, rng):
    codes = tf.constant(rng.integers(0, 256, (2, 3, 3, 2)).astype("float32"))
    weights = tf.constant(rng.normal(size=codes.shape).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        decoded, _ = codec_layer(create_codec("halving"))(codes)
        loss = tf.reduce_sum(weights * decoded)
    np.testing.assert_array_equal(tape.gradient(loss, codes), weights)


def test_a_foreign_codec_trains_in_the_unit(halving, rng):
    unit = BottleneckUnit(3, codec="halving", codec_config={"kept": 6})
    inputs = keras.Input((7, 7, 8))
    model = keras.Model(inputs, unit(inputs))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x = np.abs(rng.normal(size=(16, 7, 7, 8))).astype("float32")
    history = model.fit(x, x, epochs=8, batch_size=8, verbose=0)
    loss = history.history["loss"]
    assert loss[-1] < loss[0]


def test_a_foreign_codec_survives_a_model_file(halving, revive, rng):
    x = rng.normal(size=(2, 7, 7, 8)).astype("float32")
    unit = BottleneckUnit(3, codec="halving", codec_config={"kept": 2})
    model, loaded = revive(unit, x)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_graph_takes_any_batch_size(batch, rng):
    layer = codec_layer(create_codec("raw"))
    spec = tf.TensorSpec((None, 4, 4, 2))
    run = tf.function(lambda x: layer(x), input_signature=[spec])
    codes = rng.integers(0, 256, (batch, 4, 4, 2)).astype("float32")
    decoded, _ = run(codes)
    np.testing.assert_array_equal(decoded, codes)


def test_rate_matches_a_hand_worked_value():
    # Differences: left 1 and 3, above 0 and 2:
    # 1 + log2(2) + log2(4) + log2(1) + log2(3).
    codes = tf.reshape(tf.constant([5.0, 6.0, 5.0, 8.0]), (1, 2, 2, 1))
    rate = codec_layer(create_codec("raw")).rate(codes)
    np.testing.assert_allclose(rate, [4 + np.log2(3)], rtol=1e-6)


def test_rate_of_codes_of_one_axis_matches_a_hand_worked_value():
    # Differences 1, -3 and 0: 1 + log2(2) + log2(4) + log2(1).
    codes = tf.constant([[5.0, 6.0, 3.0, 3.0]])
    rate = codec_layer(create_codec("raw")).rate(codes)
    np.testing.assert_allclose(rate, [4.0], rtol=1e-6)


@pytest.mark.parametrize("codes", [[[-300.0, 7.0]], [[0.0, 0.0]]])
def test_codes_of_one_axis_and_another_type_are_coded(codes):
    layer = codec_layer(VectorCodec())
    decoded, size = layer(tf.constant(codes))
    np.testing.assert_array_equal(decoded, codes)
    assert size == len(layer.codec.encode(np.int16(codes[0])))


def test_rate_is_one_value_an_image_and_never_zero():
    rate = codec_layer(create_codec("raw")).rate(tf.zeros((3, 4, 4, 2)))
    np.testing.assert_array_equal(rate, [1.0, 1.0, 1.0])


def test_a_saved_model_gives_identical_output(revive, rng):
    codes = rng.integers(0, 256, (2, 7, 7, 3)).astype("float32")
    model, loaded = revive(codec_layer(create_codec("png")), codes)
    for want, got in zip(model(codes), loaded(codes)):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("order", ["big", "little"])
def test_whole_numbers_become_their_bytes(order):
    numbers = [0, 1, 255, 256, 0x01020304, 2**32 - 1]
    strings = to_bytes(tf.constant(numbers, tf.int64), 4, order)
    assert strings.numpy().tolist() == [n.to_bytes(4, order) for n in numbers]
    one = to_bytes(tf.constant(0x0102), 2, order)
    assert one.numpy() == (0x0102).to_bytes(2, order)


def test_a_byte_form_alone_decodes_nothing_in_the_graph():
    with pytest.raises(NotImplementedError, match="codec='halving'"):
        codec_layer(HalvingCodec()).graph_decoder((9, 7, 3))


def streams(honest, size):
    """Yields zlib streams that a receiver may be sent, by an insider too."""
    raw = zlib.decompress(honest)
    yield honest
    for length in range(len(honest)):
        yield honest[:length]
    for extra in (b"\0", b"end", honest, honest[-4:], b"\0" + honest[-4:]):
        yield honest + extra
    yield honest[:-4] + b"\0" + honest[-4:]
    for level in (0, 1, 6):
        yield zlib.compress(raw, level)
    yield zlib.compress(raw[:-1])
    yield zlib.compress(raw + b"\0")
    yield zlib.compress(b"")
    yield zlib.compress(bytes(1000 * size))  # A bomb.
    with_dictionary = zlib.compressobj(zdict=raw[:10])
    yield with_dictionary.compress(raw) + with_dictionary.flush()
    # All the content, and no end: a last block that is none.
    endless = zlib.compressobj()
    body = endless.compress(raw) + endless.flush(zlib.Z_SYNC_FLUSH)
    yield body
    yield body + honest[-4:]
    yield body + b"\0\x10\0\xef\xff" + honest[-4:]
    for width in (9, 12):  # Smaller windows.
        small = zlib.compressobj(wbits=width)
        yield small.compress(raw) + small.flush()
    headless = zlib.compressobj(wbits=-15)
    yield headless.compress(raw) + headless.flush()
    wrapped = zlib.compressobj(wbits=31)
    yield wrapped.compress(raw) + wrapped.flush()


@pytest.mark.parametrize("name", ["png", "raw"])
def test_streams_are_decoded_or_refused_as_by_the_byte_form(name, rng):
    shape = (9, 7, 3)
    codec = create_codec(name)
    codes = rng.integers(100, 104, shape, np.uint8)
    size = 9 * 7 * 3 if name == "raw" else 18 * (14 + 1)
    image_data = list(streams(codec.encode(codes), size))
    decode = tf.function(codec_layer(codec).graph_decoder(shape))
    point = tf.zeros(len(image_data), tf.int32)
    decoded, decodable = decode(tf.constant(image_data), point)
    accepted = 0
    for data, got, is_decodable in zip(image_data, decoded, decodable):
        try:
            want = codec.decode(data, shape)
        except PayloadError:
            assert not is_decodable, data.hex()
            continue
        assert is_decodable, data.hex()
        np.testing.assert_array_equal(got, want)
        accepted += 1
    # The honest one, at other levels, with smaller windows.
    assert accepted >= 5


def test_a_png_row_has_one_of_five_filters():
    image_data = [
        zlib.compress(bytes([0, 1, 2, 3, row_filter, 4, 5, 6]))
        for row_filter in range(256)
    ]
    codec = create_codec("png")
    decode = codec_layer(codec).graph_decoder((2, 3, 1))
    point = tf.zeros(len(image_data), tf.int32)
    decoded, decodable = decode(tf.constant(image_data), point)
    assert decodable.numpy().tolist() == [True] * 5 + [False] * 251
    want = [codec.decode(data, (2, 3, 1)) for data in image_data[:5]]
    np.testing.assert_array_equal(decoded[:5], want)
