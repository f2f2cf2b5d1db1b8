"""Tests of the generic graph form, with a codec from outside the package."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import CODECS, Codec, PayloadError, create_codec
from bottlenet_tf.layers import (
    BottleneckUnit,
    ByteRoundTrip,
    JpegRoundTrip,
    codec_layer,
)


class HalvingCodec(Codec):
    """Keeps `kept` of 8 bits; a byte form only, as a third party writes it."""

    name = "halving"

    def __init__(self, kept=4):
        self.mask = 0xFF << (8 - kept) & 0xFF
        self.kept = kept

    def encode(self, codes):
        return (codes & self.mask).tobytes()

    def decode(self, data, shape):
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
    assert type(codec_layer(create_codec("raw"))) is ByteRoundTrip


def test_jpeg_gets_its_own_graph_form():
    assert type(codec_layer(create_codec("jpeg"))) is JpegRoundTrip


def test_the_byte_form_is_called_for_each_image(halving):
    # 4 kept bits: 0x5f -> 0x50, 0xe1 -> 0xe0. 2 pixels = 2 bytes an image.
    codes = tf.reshape(tf.constant([95.0, 225.0, 16.0, 15.0]), (2, 1, 2, 1))
    decoded, size = codec_layer(create_codec("halving"))(codes)
    np.testing.assert_array_equal(np.ravel(decoded), [80, 224, 16, 0])
    assert size == 2


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


def test_rate_is_one_value_an_image_and_never_zero():
    rate = codec_layer(create_codec("raw")).rate(tf.zeros((3, 4, 4, 2)))
    np.testing.assert_array_equal(rate, [1.0, 1.0, 1.0])


def test_a_saved_model_gives_identical_output(revive, rng):
    codes = rng.integers(0, 256, (2, 7, 7, 3)).astype("float32")
    model, loaded = revive(codec_layer(create_codec("png")), codes)
    for want, got in zip(model(codes), loaded(codes)):
        np.testing.assert_array_equal(got, want)
