"""Tests of accuracy-matched bytes, worked out by hand."""

import pytest

from bottlenet_tf.evaluation import CloudPoint
from bottlenet_tf.evaluation.matching import matched_bytes


def _points(codec, *pairs):
    return [
        CloudPoint(codec, quality, 32, size, size, accuracy)
        for quality, (size, accuracy) in enumerate(pairs, start=1)
    ]


JPEG = _points("jpeg", (100, 40.0), (200, 60.0), (400, 70.0))
WEBP = _points("webp", (150, 55.0), (250, 65.0), (500, 72.0))


def test_bytes_are_interpolated_between_neighbours():
    # 65 lies halfway from 60 to 70, so halfway from 200 to 400 bytes.
    match = matched_bytes(JPEG, 65.0)
    assert (match.bytes_mean, match.codec) == (300.0, "jpeg")
    assert not match.at_most and match.reason is None


def test_order_of_points_does_not_matter():
    assert matched_bytes(JPEG[::-1], 65.0) == matched_bytes(JPEG, 65.0)


def test_best_codec_counts():
    # JPEG 200; WebP halfway from 150 to 250 is 200 at 60, 190 at 59.
    assert matched_bytes(JPEG + WEBP, 59.0).bytes_mean == 190.0
    assert matched_bytes(JPEG + WEBP, 59.0).codec == "webp"


def test_accuracy_of_a_measured_point_gives_its_bytes():
    match = matched_bytes(JPEG, 40.0)
    assert (match.bytes_mean, match.at_most) == (100.0, False)
    assert matched_bytes(JPEG, 70.0).bytes_mean == 400.0


def test_below_the_cheapest_point_its_bytes_are_only_a_bound():
    match = matched_bytes(JPEG, 30.0)
    assert (match.bytes_mean, match.codec) == (100.0, "jpeg")
    assert match.at_most and "cheapest point of jpeg" in match.reason


def test_bound_of_one_codec_makes_the_best_a_bound():
    # JPEG needs 150 at 50; WebP's cheapest point, 180 bytes, is better than
    # that, so with fewer bytes it might still be as good.
    dear = _points("webp", (180, 55.0), (250, 65.0))
    match = matched_bytes(JPEG + dear, 50.0)
    assert (match.bytes_mean, match.codec) == (150.0, "jpeg")
    assert match.at_most and "webp" in match.reason


def test_nothing_is_extrapolated_above_the_best_point():
    match = matched_bytes(JPEG + WEBP, 72.5)
    assert (match.bytes_mean, match.codec, match.at_most) == (None, None, False)
    assert "72.50 is above the 72.00" in match.reason


def test_codec_that_does_not_reach_the_accuracy_is_left_out():
    match = matched_bytes(JPEG + WEBP, 71.0)
    # From 65 to 72 in WebP: 250 + 6/7 * 250.
    assert match.bytes_mean == pytest.approx(250 + 250 * 6 / 7)
    assert match.codec == "webp"


def test_dip_in_the_curve_never_raises_the_bytes():
    # 300 B is worse than 200 B: the line to 400 B starts at 200 B.
    dip = _points("jpeg", (100, 40.0), (200, 60.0), (300, 58.0), (400, 70.0))
    assert matched_bytes(dip, 65.0).bytes_mean == 300.0


def test_a_plateau_counts_from_its_first_point():
    # 300 B is no better than 200 B: the line to 400 B starts at 200 B.
    flat = _points("jpeg", (100, 40.0), (200, 60.0), (300, 60.0), (400, 70.0))
    assert matched_bytes(flat, 65.0).bytes_mean == 300.0


def test_of_points_of_equal_bytes_the_more_accurate_counts():
    twins = _points("jpeg", (100, 40.0), (100, 60.0), (200, 70.0))
    match = matched_bytes(twins, 50.0)
    assert (match.bytes_mean, match.at_most) == (100.0, True)


def test_points_are_needed():
    with pytest.raises(ValueError, match="at least one cloud-only point"):
        matched_bytes([], 50.0)
