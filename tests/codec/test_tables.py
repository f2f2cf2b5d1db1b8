"""Tests of the entropy codec's tables: their rules, order and packed form."""

import pickle
import zlib

import numpy as np
import pytest

from bottlenet_tf.codec.tables import Tables
from tests.entropy_examples import random_tables


@pytest.fixture
def tables():
    """Table 0 is silent; table 1 has the symbols -3 and -2."""
    return Tables(
        [0, -3],
        [[65535, 1], [32768, 16384, 16384]],
        np.array([[0, 1, 0, 1], [1, 1, 0, 0]]),
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def packed(content):
    """Deflated content, as `to_bytes` does it."""
    return zlib.compress(content, 9)


def test_cumulative_frequencies_run_from_0_to_65536(tables):
    # Two intervals, then three: 3 and 4 sums.
    assert tables.starts.tolist() == [0, 3, 7]
    want = [0, 65535, 65536, 0, 32768, 49152, 65536]
    assert tables.cumulative.tolist() == want
    assert tables.lists() == [want[:3], want[3:]]


def test_active_coefficients_come_first_each_kind_in_order(tables):
    plan = tables.plan(0)
    assert plan.order.tolist() == [1, 3, 0, 2]
    assert plan.rows.tolist() == [1, 1, 0, 0]
    assert plan.active == 2
    assert tables.plan(1).order.tolist() == [0, 1, 2, 3]


def test_a_certain_table_is_silent_only_at_0():
    tables = Tables([1], [[65535, 1]], np.zeros((1, 3), int))
    assert tables.plan(0).active == 3


def test_tables_come_back_from_their_bytes(rng):
    for silent in (True, False):
        tables = random_tables(rng, 40, points=5, silent=silent)
        again = Tables.from_bytes(tables.to_bytes())
        assert again == tables and hash(again) == hash(tables)
        for name in ("firsts", "starts", "cumulative", "index"):
            np.testing.assert_array_equal(
                getattr(again, name), getattr(tables, name)
            )
            assert getattr(again, name).dtype == getattr(tables, name).dtype


def test_identity_does_not_depend_on_how_zlib_deflates(tables):
    content = zlib.decompress(tables.to_bytes())
    other = zlib.compress(content, 0)
    again = Tables.from_bytes(other)
    assert again == tables and again.sha256 == tables.sha256
    # Packed once, tables keep their bytes: a configuration's text is fixed.
    assert again.to_bytes() == other


def test_other_content_makes_other_tables(tables):
    index = np.array([[0, 1, 0, 1], [1, 1, 0, 1]])
    other = Tables([0, -3], [[65535, 1], [32768, 16384, 16384]], index)
    assert other != tables and other.sha256 != tables.sha256


def test_tables_survive_pickling(tables):
    assert pickle.loads(pickle.dumps(tables)) == tables


def test_nothing_of_them_can_be_changed(tables):
    with pytest.raises(AttributeError, match="immutable"):
        tables.index = tables.index
    with pytest.raises(AttributeError, match="immutable"):
        del tables.index
    for array in (
        tables.index,
        tables.cumulative,
        tables.firsts,
        *tables.plan(0)[:2],
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_an_index_alike_at_all_points_packs_small(rng):
    row = rng.integers(0, 2, 3000)
    sizes = [
        len(Tables([0, 0], [[1, 65535]] * 2, np.tile(row, (p, 1))).to_bytes())
        for p in (1, 16)
    ]
    assert sizes[1] < 1.5 * sizes[0]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"frequencies": [[65536], [1, 65535]]}, "at least one symbol"),
        ({"frequencies": [[0, 65536], [1, 65535]]}, "positive"),
        ({"frequencies": [[1, 65534], [1, 65535]]}, "sum to 65536"),
        ({"frequencies": [[1, 65534], [1, 65536]]}, "sum to 65536"),
        ({"frequencies": [[0.5, 65535.5], [1, 65535]]}, "integers"),
        ({"frequencies": [[-1, 65537], [1, 65535]]}, "positive"),
        ({"frequencies": [[1, 65535]]}, "first symbol"),
        ({"frequencies": []}, "integers"),
        ({"firsts": [0, 32768]}, "int16"),
        ({"firsts": [-32769, 0]}, "int16"),
        ({"firsts": [0.0, 1.0]}, "integers"),
        ({"firsts": [[0], [1]]}, "first symbol"),
        ({"firsts": [2**40, 0]}, "32 bits"),
        ({"index": [[0, 2]]}, "name tables"),
        ({"index": [[0, -1]]}, "name tables"),
        ({"index": [0, 1]}, "points, coefficients"),
        ({"index": np.zeros((65, 2), int)}, "64"),
        ({"index": np.zeros((2, 0), int)}, "at least one"),
    ],
)
def test_other_values_are_refused(change, message):
    fine = {
        "firsts": [0, 0],
        "frequencies": [[1, 65535], [1, 65535]],
        "index": [[0, 1]],
    }
    Tables(**fine)
    with pytest.raises(ValueError, match=message):
        Tables(**{**fine, **change})


def test_a_symbol_must_fit_int16():
    frequencies = [[65534, 1, 1]]  # Two symbols.
    Tables([32766], frequencies, [[0]])
    with pytest.raises(ValueError, match="int16"):
        Tables([32767], frequencies, [[0]])


def test_bytes_cut_short_or_longer_are_refused(tables):
    data = tables.to_bytes()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="Packed tables"):
            Tables.from_bytes(data[:length])
    for more in (b"\0", data):
        with pytest.raises(ValueError, match="Packed tables"):
            Tables.from_bytes(data + more)


def test_content_that_breaks_a_rule_is_refused(tables):
    content = zlib.decompress(tables.to_bytes())
    accepted = 0
    for i in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[i] ^= 1 << bit
            try:
                other = Tables.from_bytes(packed(bytes(changed)))
            except ValueError:
                continue
            accepted += 1
            assert other != tables
    # Another first symbol, or another table for a coefficient.
    assert 0 < accepted < len(content)


def test_a_bomb_is_not_inflated(tables):
    content = zlib.decompress(tables.to_bytes())
    for bomb in (content + bytes(2**24), content[:4] + b"\xff" * 2**24):
        with pytest.raises(ValueError, match="Packed tables"):
            Tables.from_bytes(packed(bomb))
