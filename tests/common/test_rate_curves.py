"""Bytes at an accuracy and BD-rate, worked out by hand."""

import math

import numpy as np
import pytest

from bottlenet_tf.common import rate_curves
from bottlenet_tf.common.rate_curves import Unit

CURVE = [(400, 90.0), (100, 80.0), (200, 86.0)]


def test_the_front_rises_in_bytes_and_accuracy():
    points = [(3, 50), (1, 40), (2, 30), (2, 45), (4, 50)]
    assert rate_curves.front(points) == [(1, 40), (2, 45), (3, 50)]


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="more than 0 bytes.*bytes=0"):
        rate_curves.bytes_at([(0, 40), (1, 50)], 45)


def test_bytes_are_interpolated_in_their_logarithm():
    # Halfway from 86 to 90: the geometric mean of 200 and 400.
    found = rate_curves.bytes_at(CURVE, 88.0)
    assert found.value == pytest.approx(math.sqrt(200 * 400))
    assert found.reason is None
    # A sixth of the way from 80 to 86.
    found = rate_curves.bytes_at(CURVE, 81.0)
    assert found.value == pytest.approx(100 * 2 ** (1 / 6))


@pytest.mark.parametrize(("size", "accuracy"), CURVE)
def test_the_accuracy_of_a_measured_point_gives_its_bytes(size, accuracy):
    assert rate_curves.bytes_at(CURVE, accuracy).value == pytest.approx(size)


def test_a_point_that_is_worse_than_a_smaller_one_does_not_count():
    # 300 B is worse than 200 B: the line to 400 B starts at 200 B.
    found = rate_curves.bytes_at([*CURVE, (300, 85.0)], 88.0)
    assert found.value == pytest.approx(math.sqrt(200 * 400))


@pytest.mark.parametrize(
    ("accuracy", "reason", "at_most"),
    [
        (90.1, "90.10 % is above the 90.00 % of the most accurate", None),
        (79.9, "79.90 % is below the 80.00 % of the smallest", 100),
    ],
)
def test_nothing_is_extrapolated(accuracy, reason, at_most):
    found = rate_curves.bytes_at(CURVE, accuracy)
    assert found.value is None
    assert reason in found.reason
    assert found.at_most == at_most


def test_no_points_give_a_reason():
    assert rate_curves.bytes_at([], 80.0).reason == "nothing was measured"


@pytest.mark.parametrize(
    ("size", "accuracy"),
    # A half of a doubling, a sixth of one; measured; more than any takes.
    [(math.sqrt(2) * 200, 88.0), (100 * 2 ** (1 / 6), 81.0), (200, 86.0),
     (5000, 90.0)],
)  # fmt: skip
def test_an_accuracy_is_interpolated_over_the_logarithm_of_bytes(
    size, accuracy
):
    found = rate_curves.accuracy_at(CURVE, size)
    assert found == rate_curves.Figure(pytest.approx(accuracy))


@pytest.mark.parametrize("size", [99.9, 0.0, -20.0])
def test_fewer_bytes_than_any_point_takes_reach_nothing_known(size):
    found = rate_curves.accuracy_at(CURVE, size)
    assert found.value is None
    assert f"{size:.1f} bytes are fewer than the 100.0" in found.reason
    assert rate_curves.accuracy_at([], size).reason == "nothing was measured"


def test_bytes_at_drops_are_named_by_them():
    found = rate_curves.bytes_at_drop(CURVE, 90.5)
    assert list(found) == ["2", "1", "0.5"]
    # 88.5, 89.5 and 90 %.
    expected = [200 * 2 ** (2.5 / 4), 200 * 2 ** (3.5 / 4), 400.0]
    values = [figure.value for figure in found.values()]
    assert values == pytest.approx(expected)


def test_without_an_unsplit_accuracy_there_is_no_drop():
    found = rate_curves.bytes_at_drop(CURVE, None)
    assert found["2"].value is None
    assert "isn't known" in found["2"].reason


def test_half_the_bytes_everywhere_is_a_bd_rate_of_minus_50():
    half = [(size / 2, accuracy) for size, accuracy in CURVE]
    found = rate_curves.bd_rate(half, CURVE)
    assert found.percent == pytest.approx(-50.0)
    assert (found.low, found.high) == (80.0, 90.0)
    assert rate_curves.bd_rate(CURVE, half).percent == pytest.approx(100.0)


def test_a_curve_has_no_bd_rate_against_itself():
    assert rate_curves.bd_rate(CURVE, CURVE[::-1]).percent == pytest.approx(0)


def test_bd_rate_of_straight_lines_by_hand():
    # ln bytes over accuracy: 0 to 1 from 80 to 90 against a constant slope of
    # 0.2 to 80 .. 90. PCHIP through two points is their line. They differ by
    # 0 at 80 and by 1 - 2 = -1 at 90: -0.5 in the mean.
    ours = [(1.0, 80.0), (math.e, 90.0)]
    theirs = [(1.0, 80.0), (math.e**2, 90.0)]
    found = rate_curves.bd_rate(ours, theirs)
    assert found.percent == pytest.approx(100 * (math.exp(-0.5) - 1))


def test_only_accuracies_that_both_reach_count():
    # They share 85 to 90, where the lines are 0.5 .. 1 and 0 .. 0.5 + 0.
    ours = [(1.0, 80.0), (math.e, 90.0)]
    theirs = [(1.0, 85.0), (math.e, 95.0)]
    found = rate_curves.bd_rate(ours, theirs)
    assert (found.low, found.high) == (85.0, 90.0)
    # Everywhere 0.5 apart.
    assert found.percent == pytest.approx(100 * (math.exp(0.5) - 1))


def test_bd_rate_agrees_with_a_pchip_by_hand():
    # ln bytes 0, 1, 4 at accuracies 0, 1, 2: secants 1 and 3. Slopes of
    # Fritsch and Butland: inside the harmonic mean 1.5; at the ends
    # (3 * 1 - 3) / 2 = 0 and (3 * 3 - 1) / 2 = 4.
    # A cubic Hermite piece of width 1 has the integral
    # (y0 + y1) / 2 + (d0 - d1) / 12.
    # 1 / 2 - 1.5 / 12 = 0.375 and 5 / 2 - 2.5 / 12 = 2.2917: 2.6667 in all.
    ours = [(1.0, 0.0), (math.e, 1.0), (math.e**4, 2.0)]
    flat = [(1.0, 0.0), (1.0 + 1e-12, 2.0)]
    found = rate_curves.bd_rate(ours, flat)
    expected = (0.5 - 1.5 / 12 + 2.5 + (1.5 - 4) / 12) / 2
    assert math.log1p(found.percent / 100) == pytest.approx(expected)


def test_dense_curves_agree_with_an_integral_by_numpy():
    accuracies = np.linspace(60.0, 90.0, 61)

    def curve(scale, bend):
        return [(scale * math.exp(bend * (a / 90) ** 3), a) for a in accuracies]

    found = rate_curves.bd_rate(curve(30, 3.0), curve(50, 4.0))
    x = np.linspace(60.0, 90.0, 100_001)
    mean = np.mean(math.log(30 / 50) - (x / 90) ** 3)
    # PCHIP's error through 61 smooth points is far below 1e-4.
    assert found.percent == pytest.approx(100 * math.expm1(mean), abs=1e-3)


def test_curves_without_a_common_accuracy_have_no_bd_rate():
    found = rate_curves.bd_rate(CURVE, [(10, 20.0), (20, 70.0)])
    assert found.percent is None and found.low is None
    assert "80.00 to 90.00 % and 20.00 to 70.00 %" in found.reason


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (CURVE[:1], CURVE, "the curve has 1"),
        (CURVE, [], "the anchor has 0"),
        (CURVE, [(10, 80.0), (20, 80.0)], "the anchor has 1"),
    ],
)
def test_a_single_point_has_no_bd_rate(ours, theirs, reason):
    assert rate_curves.bd_rate(ours, theirs).reason.endswith(reason)


ONE = Unit("RB3", "aware", "jpeg", ((90, 85.0),), (90, 85.0))
TWO = ONE._replace(points=((40, 80.0),), default=(40, 80.0))
LEARNED = Unit("RB3", "tail", "learned", ((9, 70.0), (30, 88.0)), (30, 88.0))


def test_units_of_one_point_form_a_curve():
    joined, own = rate_curves.unit_curves([ONE, LEARNED, TWO])
    assert joined.points == joined.marked == ((40, 80.0), (90, 85.0))
    assert joined.members == (0, 2)
    assert own.points == LEARNED.points
    assert own.marked == ((30, 88.0),)


@pytest.mark.parametrize(
    "change", [{"split": "RB4"}, {"mode": "naive"}, {"kind": "png"}]
)
def test_units_of_another_kind_form_another_curve(change):
    found = rate_curves.unit_curves([ONE, TWO._replace(**change)])
    assert [len(curve.points) for curve in found] == [1, 1]


def test_two_units_of_several_points_stay_apart():
    assert len(rate_curves.unit_curves([LEARNED, LEARNED])) == 2


def test_a_learned_unit_is_compared_with_jpeg_units_of_its_split():
    units = [ONE, LEARNED, TWO._replace(mode="naive"), TWO._replace(split="x")]
    curves = rate_curves.unit_curves(units)
    found = [rate_curves.jpeg_units(curve, units) for curve in curves]
    assert found == [[], [ONE, TWO._replace(mode="naive")], [], []]


def test_a_tuned_rival_may_leave_the_network_as_it_is():
    untouched = [("webp", 90, 70.0), ("jpeg", 80, 60.0), ("webp", 40, 50.0)]
    tuned = [("webp", 50, 65.0), ("avif", 30, 60.0)]
    assert rate_curves.rival_curves(untouched, tuned) == (
        {"webp": [(90, 70.0), (40, 50.0)], "jpeg": [(80, 60.0)]},
        {
            "webp": [(90, 70.0), (40, 50.0), (50, 65.0)],
            "avif": [(30, 60.0)],
        },
    )


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({"kind": "learned"}, "learned"),
        ({"kind": "datta"}, "datta"),
        ({"kind": "bottlenet", "codec": "png"}, "png"),
        ({}, "jpeg"),
    ],
)
def test_a_kind_is_the_codec_or_learned(flags, kind):
    assert rate_curves.unit_kind(flags) == kind
