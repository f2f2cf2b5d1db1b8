"""The choice, its limits, its front and how sure it is."""

import dataclasses

import pytest

from bottlenet_tf.selection import (
    ENERGY,
    LATENCY,
    Choice,
    Goal,
    Limits,
    Link,
    Machines,
    Way,
    cheapest,
    cost,
    pareto_front,
    refusals,
    sensitivity,
)

EARLY = Choice("early", Way.SPLIT, 1000, 88.0, "early")
LATE = Choice("late", Way.SPLIT, 10, 91.0, "late")
FAST = Link("fast", 8.0, 100.0, 200.0)
SLOW = Link("slow", 0.8, 1000.0, 200.0)


@pytest.fixture
def machines(device, cloud):
    return Machines(device, cloud)


@pytest.mark.parametrize(
    ("link", "winner"),
    # fast: 2.5 + 1 + 0.9 = 4.4 against 6.5 + 0.01 + 0.5 = 7.01;
    # slow: 2.5 + 10 + 0.9 = 13.4 against 6.5 + 0.1 + 0.5 = 7.1.
    [(FAST, "early"), (SLOW, "late")],
)
def test_the_least_latency_wins(machines, link, winner):
    found = cheapest([EARLY, LATE], machines, link, LATENCY)
    assert found.choice.name == winner


def test_energy_may_choose_otherwise(machines):
    # early: 5 mJ + 1 ms at 20 W = 25 mJ; late: 13 mJ + 0.2.
    hungry = Link("hungry", 8.0, 0.0, 20000.0)
    assert cheapest([EARLY, LATE], machines, hungry, LATENCY).choice is EARLY
    assert cheapest([EARLY, LATE], machines, hungry, ENERGY).choice is LATE
    # In ms: 4.4 against 7.01; 0.01 mJ weighs less than that, 1 mJ more.
    assert (
        cheapest([EARLY, LATE], machines, hungry, Goal(1.0, 0.01)).choice
        is EARLY
    )
    assert (
        cheapest([EARLY, LATE], machines, hungry, Goal(1.0, 1.0)).choice is LATE
    )


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (0.0, 0.0)])
def test_a_goal_must_weigh_something(weights):
    with pytest.raises(ValueError, match="nothing would be minimised"):
        Goal(*weights)


def test_energy_cannot_be_chosen_by_unless_it_is_known(machines):
    with pytest.raises(ValueError, match="--power_w when profiling"):
        cheapest([EARLY], machines, Link("x", 1.0), ENERGY)


def test_nothing_to_choose_from_is_an_error(machines):
    with pytest.raises(ValueError, match="Nothing is left"):
        cheapest([], machines, FAST, LATENCY)


@pytest.mark.parametrize(
    ("limits", "early", "late"),
    [
        (Limits(), [], []),
        (Limits(min_accuracy=90.0), ["88.00 % is below 90.00 %"], []),
        (Limits(max_bytes=500), ["1000.0 B are more than 500 B"], []),
        (Limits(max_memory_mb=60.0), [], ["80 MB are more than 60 MB"]),
    ],
)
def test_limits_say_why(machines, limits, early, late):
    assert refusals(EARLY, machines, FAST, limits) == early
    assert refusals(LATE, machines, FAST, limits) == late


@pytest.mark.parametrize(
    "limits",
    [
        Limits(min_accuracy=88.0),
        Limits(max_bytes=1000),
        Limits(max_memory_mb=50.0),
    ],
)
def test_what_just_reaches_a_limit_keeps_to_it(machines, limits):
    assert refusals(EARLY, machines, FAST, limits) == []


def test_a_limit_of_bytes_counts_the_message(machines):
    link = dataclasses.replace(FAST, message_overhead_bytes=154)
    assert refusals(EARLY, machines, link, Limits(max_bytes=1154)) == []
    assert refusals(EARLY, machines, link, Limits(max_bytes=1153)) == [
        "1154.0 B are more than 1153 B"
    ]


def test_what_sends_nothing_keeps_to_any_limit_of_bytes(machines):
    mobile_only = Choice("m", Way.DEVICE, 0)
    link = dataclasses.replace(FAST, message_overhead_bytes=154)
    assert refusals(mobile_only, machines, link, Limits(max_bytes=1)) == []


def test_a_memory_limit_needs_a_measured_peak(make_profile, cloud):
    machines = Machines(make_profile("phone", {}), cloud)
    with pytest.raises(
        ValueError, match="phone.json: field 'head_memory_mb' of split 'early'"
    ):
        refusals(EARLY, machines, FAST, Limits(max_memory_mb=1.0))


def test_the_front_drops_what_another_beats_in_all(machines):
    worse = Choice("worse", Way.SPLIT, 1001, 87.0, "early")
    costs = [cost(c, machines, FAST) for c in (EARLY, LATE, worse)]
    # Early is faster, late is more accurate and smaller.
    assert [c.choice.name for c in pareto_front(costs)] == ["early", "late"]


def test_equals_both_stay_on_the_front(machines):
    costs = [cost(c, machines, FAST) for c in (EARLY, EARLY)]
    assert len(pareto_front(costs)) == 2


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
