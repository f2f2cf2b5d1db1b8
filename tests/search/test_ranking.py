"""Units trained equally long, in the order of what they promise."""

import math

import pytest

from bottlenet_tf.search.ranking import log_odds, percent, ranked
from bottlenet_tf.search.trials import Outcome, Point, Trial


def rank(target, **points):
    """`points`: of each split's only trial, `(quality, bytes, accuracy)`."""
    trials = {name: Trial(name, 1, 1, 50, 0, 8) for name in points}
    outcomes = {
        trials[name].name: Outcome(tuple(Point(*p) for p in found), 8)
        for name, found in points.items()
    }
    order = ranked(trials.values(), outcomes, target)
    return [(trial.split, quality) for trial, quality in order]


def test_those_that_reach_the_target_come_first_by_bytes():
    order = rank(
        90.0,
        large=[(50, 100.0, 95.0)],
        small=[(50, 60.0, 91.0)],
        never=[(50, 10.0, 89.0)],
    )
    assert [name for name, _ in order] == ["small", "large", "never"]


def test_others_come_by_accuracy():
    order = rank(
        90.0,
        worse=[(50, 10.0, 80.0)],
        better=[(20, 9.0, 70.0), (50, 20.0, 85.0)],
    )
    assert order == [("better", 50), ("worse", 50)]


def test_bytes_are_interpolated_between_qualities():
    # 90 % lies at 55 bytes of one, a tenth of the way up, and at 60 of the
    # other, whose nearest quality is smaller.
    order = rank(
        90.0,
        coarse=[(20, 50.0, 89.0), (50, 100.0, 99.0)],
        fine=[(20, 59.0, 89.0), (50, 61.0, 91.0)],
    )
    assert [name for name, _ in order] == ["coarse", "fine"]


def test_the_quality_is_the_lowest_that_reaches_the_target():
    points = [(20, 10.0, 80.0), (50, 20.0, 91.0), (75, 30.0, 95.0)]
    assert rank(90.0, unit=points) == [("unit", 50)]


def test_what_another_beats_at_all_qualities_is_left_out():
    order = rank(
        90.0,
        good=[(20, 10.0, 91.0), (50, 20.0, 95.0)],
        beaten=[(20, 12.0, 90.5), (50, 25.0, 94.0)],
        smaller=[(20, 9.0, 60.0), (50, 25.0, 94.0)],
    )
    assert {name for name, _ in order} == {"good", "smaller"}


@pytest.mark.parametrize("accuracy", [0.1, 10.0, 50.0, 99.9])
def test_log_odds_and_back(accuracy):
    assert percent(log_odds(accuracy)) == pytest.approx(accuracy)


def test_log_odds_are_finite():
    assert math.isfinite(log_odds(0.0))
    assert math.isfinite(log_odds(100.0))
