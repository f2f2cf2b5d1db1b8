"""Tests of the entropy codec's byte form."""

import json

import numpy as np
import pytest

from bottlenet_tf.codec import (
    PayloadError,
    create_codec,
    entropy,
    range_coder,
)
from bottlenet_tf.codec.tables import Tables
from tests.entropy_examples import random_codes, random_tables


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def tables(rng):
    return random_tables(rng, 20, points=3)


@pytest.fixture
def codec(tables):
    return entropy.EntropyCodec(tables, [-1, 0.5, 1])


def test_it_is_the_codec_named_entropy(codec):
    # By the configuration, as JSON, in which it travels.
    config = json.loads(json.dumps(codec.get_config()))
    again = create_codec("entropy", **config)
    assert again.tables == codec.tables
    assert again.points == codec.points == (-1.0, 0.5, 1.0)
    assert again.get_config() == codec.get_config()


def test_codes_come_back_at_every_point(codec, rng):
    for point in range(3):
        codes = random_codes(rng, 20)
        data = codec.encode(codes, point)
        assert isinstance(data, bytes)
        decoded = codec.decode(data, (20,), point)
        assert decoded.dtype == codec.code_dtype
        np.testing.assert_array_equal(decoded, codes)


def test_a_batch_gives_its_images_data_and_sizes(codec, rng):
    codes = np.stack([random_codes(rng, 20) for _ in range(5)])
    want = [codec.encode(each, 2) for each in codes]
    assert codec.encode_batch(codes, 2) == want
    assert codec.sizes(codes, 2).tolist() == [len(data) for data in want]


def test_codes_of_most_energy_are_the_most_important(codec, tables):
    def energy(table):
        sums = tables.lists()[table]
        symbols = tables.firsts[table] + np.arange(len(sums) - 1)
        return np.sum(np.diff(sums) / 2**16 * symbols.astype(float) ** 2)

    for point in range(3):
        order = codec.by_importance((20,), point)
        assert sorted(order) == list(range(20))
        energies = [energy(tables.index[point, place]) for place in order]
        assert energies == sorted(energies, reverse=True)


def test_codes_of_one_table_are_as_important_as_they_come_first():
    tables = Tables([-1, 0], [[9, 65518, 9], [65535, 1]], [[1, 0, 1, 0, 1]])
    codec = entropy.EntropyCodec(tables, [0])
    assert codec.by_importance((5,)).tolist() == [1, 3, 0, 2, 4]


def test_no_bytes_are_image_data_too(tables):
    firsts, frequencies = [0], [[65000, 536]]
    codec = entropy.EntropyCodec(Tables(firsts, frequencies, [[0] * 4]), [0])
    assert codec.min_bytes == 0
    assert codec.encode(np.zeros(4, np.int16)) == b""
    assert codec.decode(b"", (4,)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("coefficients", [1, 2, 5, 1000])
@pytest.mark.parametrize("width", [1, 2])
def test_the_dearest_codes_take_at_most_max_bytes(coefficients, width):
    # Two symbols, or silent: an escape of frequency 1 for each coefficient.
    frequencies = [65536 - width, *[1] * width]
    tables = Tables([0], [frequencies], np.zeros((1, coefficients), int))
    codec = entropy.EntropyCodec(tables, [0])
    limit = codec.max_bytes((coefficients,))
    longest = 0
    for value in (-1, -2, -256, 2, 0x5555, 32767, -32768):
        codes = np.full(coefficients, value, np.int16)
        longest = max(longest, len(codec.encode(codes)))
    assert limit - 6 <= longest <= limit


def test_longer_data_are_refused_before_they_are_read(codec, monkeypatch):
    monkeypatch.setattr(range_coder, "decode", None)
    with pytest.raises(PayloadError, match="not be longer"):
        codec.decode(bytes(codec.max_bytes((20,)) + 1), (20,))


def test_damaged_data_are_refused_or_other_codes(codec, rng):
    codes = random_codes(rng, 20)
    data = codec.encode(codes)
    for length in range(len(data)):
        try:
            decoded = codec.decode(data[:length], (20,))
        except PayloadError:
            continue
        assert (decoded != codes).any()
    with pytest.raises(PayloadError, match="Received: 1 bytes"):
        codec.decode(b"\0", (20,))


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros(20),
        np.zeros(20, np.uint8),
        np.zeros(19, np.int16),
        np.zeros((1, 20), np.int16),
        [0] * 20,
    ],
)
def test_other_codes_are_refused(codec, codes):
    with pytest.raises(ValueError, match="shape"):
        codec.encode(codes)


@pytest.mark.parametrize("shape", [(19,), (20, 1), (1, 1, 20), ()])
def test_other_shapes_are_refused(codec, shape):
    with pytest.raises(ValueError, match="shape"):
        codec.check_shape(shape)
    with pytest.raises(ValueError, match="shape"):
        codec.decode(b"", shape)


@pytest.mark.parametrize("point", [3, -1, 0.0, True])
def test_other_points_are_refused(codec, point):
    with pytest.raises(ValueError, match="index"):
        codec.encode(np.zeros(20, np.int16), point)
    with pytest.raises(ValueError, match="index"):
        codec.decode(b"", (20,), point)


@pytest.mark.parametrize(
    "points",
    [(), (0, 1), (0, 1, 2, 3), (0, 0, 1), (1, 0, 2), (0, 1, np.inf), 3, "abc"],
)
def test_points_ascend_and_are_the_tables(tables, points):
    with pytest.raises(ValueError, match="points"):
        entropy.EntropyCodec(tables, points)


@pytest.mark.parametrize("text", ["", "a", "?", "AAAA", "ä", b"AAAA", None])
def test_other_texts_are_no_tables(text):
    with pytest.raises(ValueError, match="ables"):
        entropy.EntropyCodec(text, [0])
