"""Tests of the range coder, its plain form and the one in C alike."""

import json
import os
import pathlib

import numpy as np
import pytest

from bottlenet_tf.codec import PayloadError, range_coder
from bottlenet_tf.codec.tables import TOTAL, Tables
from tests.entropy_examples import (
    SILENT,
    hostile_streams,
    random_codes,
    random_tables,
)

GOLDEN = pathlib.Path(__file__).parent / "golden" / "range_coder.json"


@pytest.fixture(params=["plain", "c"])
def coder(request, monkeypatch):
    """The module with each of its forms."""
    if request.param == "plain":
        monkeypatch.setattr(range_coder, "_native", None)
    elif range_coder._native is None:
        pytest.skip("the C form is not built")
    return range_coder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def one_table(first, frequencies, coefficients):
    """Tables of one point that code all coefficients alike."""
    index = np.zeros((1, coefficients), int)
    return Tables([first], [frequencies], index)


def encoded(coder, codes, tables, point):
    """The stream of one image."""
    return coder.encode_batch(codes[None], tables, point)[0]


def accepted(coder, data, tables, point):
    """The codes of a stream, or None."""
    try:
        return coder.decode(data, tables, point)
    except PayloadError:
        return None


def golden_cases():
    """Tables, and codes for them, that say something about the format."""
    rng = np.random.default_rng(7)
    tables = random_tables(rng, 24, points=3)
    cases = [(np.zeros(24, np.int16), point) for point in range(3)]
    cases += [(random_codes(rng, 24), point % 3) for point in range(24)]
    edges = np.resize([-32768, 32767, -1, 0, 1], 24).astype(np.int16)
    cases += [(edges, point) for point in range(3)]
    return tables, cases


def write_golden():
    """Replaces the golden file by what the plain form makes."""
    tables, cases = golden_cases()
    lists = [np.diff(each).tolist() for each in tables.lists()]
    content = {
        "firsts": tables.firsts.tolist(),
        "frequencies": lists,
        "index": tables.index.tolist(),
        "packed": tables.to_bytes().hex(),
        "sha256": tables.sha256,
        "streams": [
            {
                "point": point,
                "codes": codes.tolist(),
                "stream": range_coder._encode(codes, tables, point).hex(),
            }
            for codes, point in cases
        ],
    }
    rows = json.dumps(content).replace('{"point', '\n{"point')
    GOLDEN.write_text(rows + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def golden():
    """The golden file; BOTTLENET_REGENERATE_GOLDEN=1 replaces it."""
    if os.environ.get("BOTTLENET_REGENERATE_GOLDEN") == "1":
        write_golden()
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_golden_tables_are_read_as_they_were_made(golden):
    tables = Tables(golden["firsts"], golden["frequencies"], golden["index"])
    assert Tables.from_bytes(bytes.fromhex(golden["packed"])) == tables
    assert tables.sha256 == golden["sha256"]


def test_golden_streams_come_out_and_in(golden, coder):
    tables = Tables.from_bytes(bytes.fromhex(golden["packed"]))
    for case in golden["streams"]:
        codes = np.array(case["codes"], np.int16)
        stream, point = bytes.fromhex(case["stream"]), case["point"]
        assert encoded(coder, codes, tables, point) == stream
        decoded = coder.decode(stream, tables, point)
        np.testing.assert_array_equal(decoded, codes)


def test_a_byte_for_eight_bits(coder):
    # Four symbols of a quarter each, 00 01 10 11 in binary, but for the
    # escape's 1 of 65536. 1, 0, 3, 2 are 01 00 11 10 = 0x4e, and the interval
    # is 2**-8 wide, so no shorter number lies in it.
    tables = one_table(0, [16384, 16384, 16384, 16383, 1], 4)
    codes = np.array([1, 0, 3, 2], np.int16)
    assert encoded(coder, codes, tables, 0) == b"\x4e"


def test_all_most_likely_is_no_byte_at_all(coder):
    tables = one_table(0, [65000, 500, 36], 10)
    assert encoded(coder, np.zeros(10, np.int16), tables, 0) == b""
    assert not coder.decode(b"", tables, 0).any()


def test_an_escaped_value_takes_16_bits(coder):
    # The escape [1/2, 1) is a bit 1; then 0x1234, and 7 bits of nothing:
    # 1000 1001 0001 1010 0 = 0x89 0x1a.
    tables = one_table(0, [32768, 32768], 1)
    codes = np.array([0x1234], np.int16)
    assert encoded(coder, codes, tables, 0) == b"\x89\x1a"


def test_negative_escaped_values_are_two_s_complement(coder):
    # 1, then 0xfffe: 1 1111 1111 1111 1110 = 0xff 0xff 0.
    tables = one_table(0, [32768, 32768], 1)
    stream = encoded(coder, np.array([-2], np.int16), tables, 0)
    assert stream == b"\xff\xff"
    assert coder.decode(stream, tables, 0).tolist() == [-2]


@pytest.mark.parametrize("value", [-32768, 32767, -1, 1])
def test_silent_coefficients_may_still_be_anything(coder, value):
    firsts, frequencies = zip(SILENT, (0, [32768, 32768]), strict=True)
    tables = Tables(firsts, frequencies, [[0, 1, 0]])
    codes = np.array([0, 0, value], np.int16)
    stream = encoded(coder, codes, tables, 0)
    np.testing.assert_array_equal(coder.decode(stream, tables, 0), codes)
    # Flag, escape and value, 16 bits each, and one for the active 0: 49 bits.
    assert len(stream) <= 7


def test_silent_zeros_cost_nothing_however_many(coder):
    firsts, frequencies = zip(SILENT, (0, [32768, 32768]), strict=True)
    index = np.zeros((1, 20000), int)
    index[0, 7] = 1
    tables = Tables(firsts, frequencies, index)
    codes = np.zeros(20000, np.int16)
    codes[7] = 0x1234
    assert encoded(coder, codes, tables, 0) == b"\x89\x1a"


@pytest.mark.parametrize("tail", [b"", bytes(12) + b"\1"])
def test_carries_run_through_all_bytes(coder, tail):
    # C just above 1/2: until the interval lies above 1/2, low is 0x7fff...,
    # and then all those bytes must become 0x8000...
    tables = one_table(-1, [21845, 21846, 21844, 1], 80)
    codes = coder.decode(b"\x80" + tail, tables, 0)
    assert encoded(coder, codes, tables, 0) == b"\x80" + tail


@pytest.mark.parametrize("silent", [True, False])
def test_any_codes_come_back(coder, rng, silent):
    for coefficients in (1, 2, 3, 7, 40, 300):
        for _ in range(30):
            tables = random_tables(rng, coefficients, silent=silent)
            codes = random_codes(rng, coefficients)
            for point in (0, 1):
                stream = encoded(coder, codes, tables, point)
                decoded = coder.decode(stream, tables, point)
                assert decoded.dtype == np.int16
                np.testing.assert_array_equal(decoded, codes)


def test_a_stream_is_accepted_only_as_its_codes_encode(coder, rng):
    accepted_streams = refused = 0
    for _ in range(40):
        coefficients = int(rng.choice([1, 2, 5, 30]))
        tables = random_tables(rng, coefficients)
        honest = encoded(coder, random_codes(rng, coefficients), tables, 0)
        for data in hostile_streams(rng, honest):
            codes = accepted(coder, data, tables, 0)
            if codes is None:
                refused += 1
            else:
                accepted_streams += 1
                assert encoded(coder, codes, tables, 0) == data
    assert accepted_streams > 100 and refused > 100


@pytest.mark.skipif(
    range_coder._native is None, reason="the C form is not built"
)
def test_both_forms_make_and_refuse_the_same(rng, monkeypatch):
    native = range_coder._native
    for _ in range(60):
        coefficients = int(rng.choice([1, 2, 5, 30]))
        tables = random_tables(rng, coefficients, silent=rng.random() < 0.7)
        codes = random_codes(rng, coefficients)
        honest = range_coder._encode(codes, tables, 1)
        assert encoded(range_coder, codes, tables, 1) == honest
        for data in hostile_streams(rng, honest):
            monkeypatch.setattr(range_coder, "_native", None)
            want = accepted(range_coder, data, tables, 1)
            monkeypatch.setattr(range_coder, "_native", native)
            got = accepted(range_coder, data, tables, 1)
            assert (got is None) == (want is None), data.hex()
            if want is not None:
                np.testing.assert_array_equal(got, want)


def test_streams_take_a_third_of_a_byte_more_than_their_symbols(rng):
    # Few symbols, so that rounding up to bytes is nearly all there is.
    frequencies = np.array([500, 6000, 50000, 8000, 1035, 1])
    tables = one_table(-2, frequencies, 30)
    odds = frequencies[:-1] / frequencies[:-1].sum()
    codes = rng.choice(5, (5000, 30), p=odds) - 2
    streams = range_coder.encode_batch(codes.astype(np.int16), tables, 0)
    bits = np.log2(TOTAL / frequencies)[codes + 2].sum(axis=1)
    over = np.array([len(stream) for stream in streams]) - bits / 8
    # A width of 2**-b, b bits, takes ceil(b / 8) bytes, half a byte more on
    # average; and one fewer if such a number happens to lie in it, which is
    # the mean of 2**-x over x from 0 to 8: 1 / (8 ln 2) = 0.18.
    assert abs(over.mean() - 0.32) < 0.05
    assert over.max() < 1.001  # Rounding of the widths.


def test_long_streams_lose_next_to_nothing(coder, rng):
    frequencies = np.array([20000, 30000, 15535, 1])
    tables = one_table(0, frequencies, 15000)
    codes = rng.integers(0, 3, 15000).astype(np.int16)
    bits = np.log2(TOTAL / frequencies)[codes].sum()
    # Rounding loses 15000 times about 1e-6 bits.
    assert len(encoded(coder, codes, tables, 0)) < bits / 8 + 1.01


def test_a_batch_is_coded_as_its_images(coder, rng):
    tables = random_tables(rng, 50)
    codes = np.stack([random_codes(rng, 50) for _ in range(9)])
    streams = coder.encode_batch(codes, tables, 1)
    assert streams == [encoded(coder, each, tables, 1) for each in codes]
    assert coder.encode_batch(codes[:0], tables, 1) == []


@pytest.mark.parametrize("step", [2, -1])
def test_codes_need_not_be_contiguous(coder, rng, step):
    tables = random_tables(rng, 20)
    codes = rng.integers(-2, 3, 40).astype(np.int16)[::step][:20]
    want = encoded(coder, codes.copy(), tables, 0)
    assert encoded(coder, codes, tables, 0) == want


@pytest.mark.skipif(
    range_coder._native is None, reason="the C form is not built"
)
def test_the_c_form_checks_what_it_is_given(rng):
    native = range_coder._native
    tables = random_tables(rng, 10)
    plan = tables.plan(0)
    fine = [*plan, tables.starts, tables.firsts, tables.cumulative]
    codes = np.zeros(10, np.int16)

    def refused(arguments, codes=codes):
        with pytest.raises(ValueError, match="must be"):
            native.encode(codes, *arguments)
        with pytest.raises(ValueError, match="must be"):
            native.decode(b"", codes, *arguments)

    for i, value in ((0, 10), (0, -1), (1, 6), (3, -1), (4, 2**20), (5, 7)):
        array = np.array(fine[i])
        array[:] = value
        refused([*fine[:i], array, *fine[i + 1 :]])
    for i in (0, 1, 3, 4):
        refused([*fine[:i], fine[i][:-1], *fine[i + 1 :]])
    for active in (-1, 11):
        refused([*fine[:2], active, *fine[3:]])
    refused(fine, codes[:9])
    native.encode(codes, *fine)
