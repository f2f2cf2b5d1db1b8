"""Which split is trained next, on curves that are made up."""

import pytest

from bottlenet_tf.search import bounds

# 90 % is acceptable. "early" doesn't come so far before training.
CURVES = {
    "early": [(200.0, 80.0), (800.0, 88.0)],
    "middle": [(100.0, 86.0), (400.0, 91.0)],
    "late": [(40.0, 90.5), (80.0, 91.5)],
}
DEVICE_MS = {"early": 1.0, "middle": 3.0, "late": 9.0}


def _price(ms_a_byte, rival=float("inf")):
    def of(split, size):
        return DEVICE_MS[split] + ms_a_byte * size

    return bounds.Price("made up", of, rival)


def _next(price, trained, optimism=0.25):
    return bounds.next_split(price, CURVES, trained, 90.0, optimism)


def test_optimistic_bytes_are_a_share_of_what_the_curve_needs():
    # 90 % is four fifths of the way from 100 to 400, in the logarithm.
    needed = 100 * 4**0.8
    assert bounds.optimistic_bytes(
        CURVES["middle"], 90.0, 0.25
    ) == pytest.approx(needed / 4)
    # Reached at every point: the smallest is enough.
    assert bounds.optimistic_bytes(CURVES["late"], 90.0, 0.25) == 10.0
    # Never reached: as if it were, at the most accurate point.
    assert bounds.optimistic_bytes(CURVES["early"], 90.0, 0.25) == 200.0


def test_the_split_of_least_hoped_for_cost_is_next():
    # By computing alone the earliest, by bytes alone the latest.
    assert _next(_price(0.0), {}) == "early"
    assert _next(_price(1.0), {}) == "late"


def test_it_ends_when_no_other_can_beat_what_is_trained():
    # Over this link early may cost 3, middle 3.76, late 9.1.
    price = _price(0.01)
    assert _next(price, {}) == "early"
    good = {"early": [(250.0, 90.0), (100.0, 88.0)]}  # 3.5 ms
    assert _next(price, good) is None
    short = {"early": [(600.0, 90.0)]}  # 7 ms
    assert _next(price, short) == "middle"


def test_a_unit_that_is_not_accurate_enough_beats_nothing():
    never = {"early": [(10.0, 89.9)]}
    price = _price(0.01)
    assert bounds.best_known(price, never, 90.0) == float("inf")
    assert _next(price, never) == "middle"
    every = {split: [(10.0, 89.9)] for split in CURVES}
    assert _next(price, every) is None


def test_nothing_is_trained_where_a_rival_costs_less_than_any_hope():
    assert _next(_price(0.01, rival=2.9), {}) is None
    assert _next(_price(0.01, rival=3.1), {}) == "early"
