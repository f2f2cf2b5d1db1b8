"""The choice, its front and how sure it is."""

import pytest

from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.choosing import choose, pareto_front, sensitivity
from bottlenet_tf.selection.costs import Machines, cost
from bottlenet_tf.selection.goals import ENERGY, LATENCY, Goal
from bottlenet_tf.selection.links import Link

EARLY = Choice("early", Way.SPLIT, 1000, 88.0, "early")
LATE = Choice("late", Way.SPLIT, 10, 91.0, "late")
FAST = Link("fast", 8.0, 100.0, 200.0)
SLOW = Link("slow", 0.8, 1000.0, 200.0)


@pytest.fixture
def machines(device, cloud):
    return Machines(device, cloud)


def _cheapest(machines, link, goal, choices=(EARLY, LATE)):
    costs = [cost(choice, machines, link) for choice in choices]
    found = choose(costs, goal)
    return found and found.choice


@pytest.mark.parametrize(
    ("link", "winner"),
    # fast: 2.5 + 1 + 0.9 = 4.4 against 6.5 + 0.01 + 0.5 = 7.01;
    # slow: 2.5 + 10 + 0.9 = 13.4 against 6.5 + 0.1 + 0.5 = 7.1.
    [(FAST, "early"), (SLOW, "late")],
)
def test_the_least_latency_wins(machines, link, winner):
    assert _cheapest(machines, link, LATENCY).name == winner


def test_energy_may_choose_otherwise(machines):
    # early: 5 mJ + 1 ms at 20 W = 25 mJ; late: 13 mJ + 0.2.
    hungry = Link("hungry", 8.0, 0.0, 20000.0)
    assert _cheapest(machines, hungry, LATENCY) is EARLY
    assert _cheapest(machines, hungry, ENERGY) is LATE
    # In ms: 4.4 against 7.01; 0.01 mJ weighs less than that, 1 mJ more.
    assert _cheapest(machines, hungry, Goal(1.0, 0.01)) is EARLY
    assert _cheapest(machines, hungry, Goal(1.0, 1.0)) is LATE


def test_energy_cannot_be_chosen_by_unless_it_is_known(machines):
    with pytest.raises(ValueError, match="--power_w when profiling"):
        _cheapest(machines, Link("x", 1.0), ENERGY)


def test_a_tie_goes_to_the_more_accurate_then_to_fewer_bytes(machines):
    endless = Link("endless", 1e300, 0.0, 0.0)
    same = [
        Choice("coarse", Way.SPLIT, 20, 88.0, "early"),
        Choice("fine", Way.SPLIT, 900, 89.0, "early"),
        Choice("lean", Way.SPLIT, 800, 89.0, "early"),
    ]
    assert _cheapest(machines, endless, LATENCY, same).name == "lean"


@pytest.mark.parametrize(
    ("deadline_ms", "winner"),
    # early takes 3.4 ms and 1 us a byte, late 7 ms.
    [
        (3.79, None),
        (3.8, "early at point 2"),
        (4.4, "early at point 0"),
        (7.02, "early at point 0"),
        (7.08, "late at point 0"),
    ],
)
def test_the_most_accurate_within_a_deadline_wins(
    machines, curves, deadline_ms, winner
):
    goal = Goal(deadline_ms=deadline_ms)
    found = _cheapest(machines, FAST, goal, curves)
    assert (found and found.name) == winner


def test_within_a_deadline_equals_are_told_apart_by_bytes(machines, curves):
    # Points 1 and 2 of early count as equally accurate.
    goal = Goal(deadline_ms=4.0)
    assert _cheapest(machines, FAST, goal, curves).name == "early at point 2"


def test_of_nothing_nothing_is_chosen():
    assert choose([], LATENCY) is None


def test_the_front_drops_what_another_beats_in_all(machines):
    worse = Choice("worse", Way.SPLIT, 1001, 87.0, "early")
    costs = [cost(c, machines, FAST) for c in (EARLY, LATE, worse)]
    # Early is faster, late is more accurate and smaller.
    assert [c.choice.name for c in pareto_front(costs)] == ["early", "late"]


def test_equals_both_stay_on_the_front(machines):
    costs = [cost(c, machines, FAST) for c in (EARLY, EARLY)]
    assert len(pareto_front(costs)) == 2


def test_the_front_is_over_all_points_of_all_splits(machines, curves):
    costs = [cost(c, machines, FAST) for c in curves]
    # Early's point 1 counts as accurate as point 2, and takes more bytes.
    dropped = {"early at point 1"}
    names = [c.name for c in curves if c.name not in dropped]
    assert [c.choice.name for c in pareto_front(costs)] == names


def test_a_scenario_that_misses_the_deadline_has_no_winner(machines):
    goal = Goal(deadline_ms=5.0)
    rows = sensitivity([EARLY, LATE], machines, FAST, goal)
    found = {
        (r.rate_factor, r.device_load, r.cloud_load): r.winner for r in rows
    }
    assert found[1.0, 0, 0].choice.name == "early"
    # 1 ms more of sending.
    assert found[0.5, 0, 0] is None
    assert len(found) == 12


def test_the_choice_is_repeated_at_other_rates_and_loads(machines):
    rows = sensitivity([EARLY, LATE], machines, FAST, LATENCY)
    found = {
        (r.rate_factor, r.device_load, r.cloud_load): r.winner.choice.name
        for r in rows
    }
    assert len(found) == 3 * 2 * 2
    assert found[1.0, 0, 0] == "early"
    # Under load 4 the tail of early takes 16 ms more, that of late 8.
    assert found[1.0, 0, 4] == "late"
    # A busy device takes 3 x 2.5 against 3 x 6.5.
    assert found[1.0, 1, 4] == "early"
