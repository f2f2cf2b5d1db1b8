"""What is wanted, and what a choice must keep to."""

import dataclasses
import math

import pytest

from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.costs import Machines, cost
from bottlenet_tf.selection.goals import Goal, Limits, refusals
from bottlenet_tf.selection.links import Link

EARLY = Choice("early", Way.SPLIT, 1000, 88.0, "early")
LATE = Choice("late", Way.SPLIT, 10, 91.0, "late")
FAST = Link("fast", 8.0, 100.0, 200.0)


@pytest.fixture
def machines(device, cloud):
    return Machines(device, cloud)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1.0, 2.0), "nothing would be minimised"),
        ((0.0, 0.0), "nothing would be minimised"),
        ((1.0, 0.0, 0.0), "positive and finite.*deadline_ms="),
        ((1.0, 0.0, -1.0), "positive and finite.*deadline_ms="),
        ((1.0, 0.0, math.nan), "positive and finite.*deadline_ms="),
        ((1.0, 0.0, math.inf), "positive and finite.*deadline_ms="),
        ((0.0, 1.0, 50.0), "one or the other.*energy_weight="),
        ((1.0, 0.5, 50.0), "one or the other.*energy_weight="),
        ((2.0, 0.0, 50.0), "one or the other.*energy_weight="),
    ],
)
def test_an_impossible_goal_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Goal(*values)


def test_what_just_keeps_a_deadline_does(machines):
    found = cost(EARLY, machines, FAST)  # 2.5 + 1 + 0.9.
    assert Goal(deadline_ms=found.latency_ms).misses(found) == []
    assert Goal(deadline_ms=4.3).misses(found) == [
        "4.40 ms are more than 4.3 ms"
    ]
    assert Goal().misses(found) == []


def test_a_lucky_point_does_not_keep_a_limit_alone(machines, curves):
    lucky = curves[2]
    assert (lucky.accuracy, lucky.sure_accuracy) == (88.5, 88.0)
    limits = Limits(min_accuracy=88.2)
    assert refusals(lucky, machines, FAST, limits) == [
        "88.00 % of the next finer point is below 88.20 %"
    ]
    assert refusals(lucky, machines, FAST, Limits(min_accuracy=88.0)) == []


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
