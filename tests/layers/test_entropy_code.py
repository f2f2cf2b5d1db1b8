"""Tests of the entropy codec in the graph: sizes, and the server's decoder."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import PayloadError
from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import Tables
from bottlenet_tf.layers import EntropyCode, codec_layer
from tests.entropy_examples import (
    hostile_streams,
    random_codes,
    random_tables,
)

GOLDEN = pathlib.Path(__file__).parents[1] / "codec/golden/range_coder.json"


@pytest.fixture
def codec(rng):
    return EntropyCodec(random_tables(rng, 20, points=3), [-1, 0, 1])


def check_decoder(codec, decode, data, points):
    """Holds a decoder against the byte form; returns how many it took."""
    shape = (codec.tables.coefficients,)
    codes, decodable = decode(tf.constant(data, tf.string), points)
    assert codes.dtype == tf.float32 and codes.shape == (len(data), *shape)
    accepted = 0
    for i, each in enumerate(data):
        try:
            want = codec.decode(each, shape, int(points[i]))
        except PayloadError:
            assert not decodable[i], each.hex()
            continue
        assert decodable[i], each.hex()
        np.testing.assert_array_equal(codes[i], want)
        accepted += 1
    return accepted


def test_the_entropy_codec_has_this_graph_form(codec):
    assert type(codec_layer(codec)) is EntropyCode


def test_training_would_see_codes_and_bytes_as_they_are(codec, revive, rng):
    codes = np.stack([random_codes(rng, 20) for _ in range(5)])
    layer = codec_layer(codec)
    model, loaded = revive(layer, codes.astype("float32"))
    for each in (model, loaded):
        decoded, size = each(codes.astype("float32"))
        np.testing.assert_array_equal(decoded, codes)
        assert size == np.float32(np.mean(codec.sizes(codes)))


def test_golden_streams_are_decoded():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    tables = Tables.from_bytes(bytes.fromhex(golden["packed"]))
    codec = EntropyCodec(tables, range(tables.points))
    decode = codec_layer(codec).graph_decoder((tables.coefficients,))
    streams = golden["streams"]
    codes, decodable = decode(
        tf.constant([bytes.fromhex(case["stream"]) for case in streams]),
        tf.constant([case["point"] for case in streams]),
    )
    assert decodable.numpy().all()
    want = [case["codes"] for case in streams]
    np.testing.assert_array_equal(codes, want)


def test_a_mixed_batch_is_decoded_and_refused_as_by_the_byte_form(rng):
    # Honest and hostile, of all points together; with silent tables and
    # without.
    accepted = sent = 0
    for coefficients, silent in ((1, True), (2, False), (30, True)):
        tables = random_tables(rng, coefficients, 3, silent)
        codec = EntropyCodec(tables, [-1, 0, 1])
        layer = codec_layer(codec)
        decode = tf.function(layer.graph_decoder((coefficients,)))
        data, points = [], []
        for i in range(24):
            honest = codec.encode(random_codes(rng, coefficients), i % 3)
            data += [honest, *hostile_streams(rng, honest)]
            points += [i % 3] * (len(data) - len(points))
        order = rng.permutation(len(data))
        data = [data[i] for i in order]
        accepted += check_decoder(codec, decode, data, np.array(points)[order])
        sent += len(data)
    assert 100 < accepted < sent - 100


def test_an_image_does_not_depend_on_its_neighbours(codec, rng):
    decode = codec_layer(codec).graph_decoder((20,))
    codes = np.stack([random_codes(rng, 20) for _ in range(12)])
    points = np.arange(12, dtype=np.int32) % 3
    data = [
        codec.encode(image, point)
        for image, point in zip(codes, points, strict=True)
    ]
    together, _ = decode(tf.constant(data), points)
    for i in range(12):
        alone, decodable = decode(
            tf.constant(data[i : i + 1]), points[i : i + 1]
        )
        assert decodable[0]
        np.testing.assert_array_equal(alone[0], together[i])
        np.testing.assert_array_equal(alone[0], codes[i])


def test_data_longer_than_any_and_unknown_points_are_refused(codec):
    decode = codec_layer(codec).graph_decoder((20,))
    honest = codec.encode(np.zeros(20, np.int16))
    too_long = b"\1" * (codec.max_bytes((20,)) + 1)
    data = tf.constant([honest, too_long, honest, honest])
    _, decodable = decode(data, tf.constant([0, 0, 3, -1]))
    assert decodable.numpy().tolist() == [True, False, False, False]


def test_an_empty_batch_gives_an_empty_one(codec):
    decode = tf.function(codec_layer(codec).graph_decoder((20,)))
    empty = tf.constant([], tf.string), tf.constant([], tf.int32)
    codes, decodable = decode(*empty)
    assert codes.shape == (0, 20) and decodable.shape == (0,)


def test_steps_end_with_the_last_coefficient_that_is_not_silent(rng):
    # 5000 silent coefficients and 3 others.
    index = np.zeros((1, 5003), int)
    index[0, [0, 70, 4000]] = 1
    tables = Tables([0, -1], [[65535, 1], [20000, 20000, 25536]], index)
    decode = codec_layer(EntropyCodec(tables, [0])).graph_decoder((5003,))
    # Three coefficients and the flag.
    assert decode._first_rows(tf.constant([0])).shape == (1, 4)


def test_another_shape_is_refused(codec):
    with pytest.raises(ValueError, match="shape"):
        codec_layer(codec).graph_decoder((21,))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A codec, and its decoder as a server loads it."""
    tables = random_tables(np.random.default_rng(0), 20, points=3)
    codec = EntropyCodec(tables, [-1, 0, 1])
    decode = codec_layer(codec).graph_decoder((20,))
    module = tf.Module()
    specs = [tf.TensorSpec([None], kind) for kind in (tf.string, tf.int32)]
    module.decode = tf.function(decode, input_signature=specs)
    folder = tmp_path_factory.mktemp("served")
    tf.saved_model.save(module, folder)
    return codec, tf.saved_model.load(folder)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_server_takes_a_batch_without_any_escape(served, count):
    codec, loaded = served
    codes = np.zeros((count, 20), np.int16)
    points = np.arange(count, dtype=np.int32)
    data = [
        codec.encode(image, int(point))
        for image, point in zip(codes, points, strict=True)
    ]
    assert check_decoder(codec, loaded.decode, data, points) == count


def test_a_server_loads_it_without_this_package(served, rng):
    codec, loaded = served
    data, points = [], []
    for i in range(30):
        data.append(codec.encode(random_codes(rng, 20), i % 3))
        points.append(i % 3)
    points = np.array(points, np.int32)
    assert check_decoder(codec, loaded.decode, data, points) == 30
