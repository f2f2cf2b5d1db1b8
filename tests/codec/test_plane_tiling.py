"""Tests of tiling on the byte side."""

import numpy as np
import pytest

from bottlenet_tf.codec import tiling


def test_five_channels_land_row_by_row_with_grey_spares():
    # columns = 2**ceil(log2(5) / 2) = 4, rows = ceil(5 / 4) = 2, 3 spares.
    codes = np.arange(5, dtype=np.uint8).reshape(1, 1, 5)
    want = [[0, 1, 2, 3], [4, 128, 128, 128]]
    np.testing.assert_array_equal(tiling.tile(codes), want)


def test_a_tile_keeps_its_channel_s_pixels_in_place():
    codes = np.arange(2 * 3 * 2, dtype=np.uint8).reshape(2, 3, 2)
    plane = tiling.tile(codes)
    np.testing.assert_array_equal(plane[:, 3:], codes[..., 1])


@pytest.mark.parametrize(
    "channels, rows, columns",
    # By hand from the paper's columns; 3 and 10 are where its rows lose some.
    [(1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 2, 2), (10, 3, 4), (64, 8, 8)],
)
def test_grid_matches_hand_worked_sizes(channels, rows, columns):
    assert tiling.grid(channels) == (rows, columns)


@pytest.mark.parametrize("channels", range(1, 65))
def test_every_channel_comes_back(channels):
    shape = (3, 5, channels)
    codes = np.random.default_rng(channels).integers(0, 256, shape, np.uint8)
    plane = tiling.tile(codes)
    assert plane.shape == tiling.plane_shape(shape)
    np.testing.assert_array_equal(tiling.untile(plane, shape), codes)


@pytest.mark.parametrize("channels", [0, -1, 2.0])
def test_a_channel_count_must_be_a_positive_integer(channels):
    with pytest.raises(ValueError, match=f"Received: channels={channels}"):
        tiling.grid(channels)


@pytest.mark.parametrize("shape", [(5, 1, 1), (5, 1, 2), (1, 5, 3), (4, 4, 5)])
def test_a_plane_lies_in_memory_row_by_row(shape):
    # JPEG libraries take no other.
    assert tiling.tile(np.zeros(shape, np.uint8)).flags["C_CONTIGUOUS"]
