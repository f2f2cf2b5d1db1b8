"""Tests of coefficients that become codes."""

import numpy as np
import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import Tables
from bottlenet_tf.runtime import gains
from bottlenet_tf.runtime.gains import Gains

TABLES = Tables([-1], [[10000, 45000, 10000, 536]], np.zeros((2, 3), int))
FORM = PayloadFormat(7, (3,), EntropyCodec(TABLES, (-1.0, 1.0)), False)
TABLE = np.float32([[2, 4, 8], [0.5, 1, 2]])


def test_codes_are_the_rounded_products_at_the_point():
    table = Gains(TABLE, FORM)
    coefficients = np.float32([1.3, -0.6, 0.07])
    for point, want in ((0, [3, -2, 1]), (1, [1, -1, 0])):
        codes = table.codes(coefficients, point)
        assert codes.dtype == np.int16
        np.testing.assert_array_equal(codes, want)


def test_a_product_between_two_integers_goes_to_the_even_one():
    # As TensorFlow rounds.
    codes = Gains(TABLE, FORM).codes(np.float32([1.25, 0.625, -0.4375]), 0)
    np.testing.assert_array_equal(codes, [2, 2, -4])


def test_what_cannot_travel_is_clipped():
    table = Gains(TABLE, FORM)
    for huge in (1e5, 1e30, 3e38, np.inf):
        codes = table.codes(np.float32([huge, -huge, 0]), 0)
        np.testing.assert_array_equal(codes, [32767, -32767, 0])


def test_codes_without_a_sign_are_clipped_to_theirs():
    form = PayloadFormat(7, (1, 1, 3), create_codec("png"), False)
    table = Gains(np.ones((1, 1, 1, 3), np.float32), form)
    codes = table.codes(np.float32([[[-1e30, 254.7, 1e30]]]), 0)
    np.testing.assert_array_equal(codes, [[[0, 255, 255]]])
    assert codes.dtype == np.uint8


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="must be numbers.*2 of 3 are NaN"):
        Gains(TABLE, FORM).codes(np.float32([np.nan, 1, np.nan]), 1)


@pytest.mark.parametrize(
    "table, message",
    [
        (TABLE[:1], r"shape \(2, 3\).*shape=\(1, 3\)"),
        (TABLE[:, :2], r"shape \(2, 3\).*shape=\(2, 2\)"),
        (TABLE.astype(np.float64), "dtype=float64"),
        (0 * TABLE, "positive and finite.*smallest=0.0"),
        (TABLE * np.float32(np.nan), "positive and finite"),
        (TABLE * np.float32(np.inf), "positive and finite"),
    ],
)
def test_unusable_gains_are_refused(table, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Gains(table, FORM)
    path = tmp_path / "gains.npy"
    np.save(path, table)
    with pytest.raises(ValueError, match=f"gains.npy must contain.*{message}"):
        gains.read(path, FORM)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY\1\0", b"PK\3\4", b"text"])
def test_a_damaged_file_is_named(data, tmp_path):
    path = tmp_path / "gains.npy"
    np.save(path, TABLE)
    gains.read(path, FORM)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="gains.npy must contain"):
        gains.read(path, FORM)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "gains.npy"
    np.save(path, np.array([print], object), allow_pickle=True)
    with pytest.raises(ValueError, match="gains.npy must contain"):
        gains.read(path, FORM)
