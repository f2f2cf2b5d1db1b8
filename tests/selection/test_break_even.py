"""The round trip above which mobile-only costs less, by hand."""

import dataclasses

import pytest

from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.costs import (
    ALWAYS,
    NEVER,
    Machines,
    break_even_rtt_ms,
    cost,
)
from bottlenet_tf.selection.goals import ENERGY, LATENCY, Goal
from bottlenet_tf.selection.links import Link

LINK = Link("x", 8.0, 100.0, 200.0)  # 1 B in 1 us; 1 W while sending.
WAITING = dataclasses.replace(LINK, waiting_mw=500.0)
EARLY = Choice("early", Way.SPLIT, 1000, 88.0, "early")
MOBILE = Choice("mobile-only", Way.DEVICE, 0)
IMAGE = Choice("cloud-only", Way.CLOUD, 50_000)


@pytest.fixture
def find(device, cloud):
    def find(choice=EARLY, link=LINK, goal=LATENCY):
        machines = Machines(device, cloud)
        mobile_only = cost(MOBILE, machines, link)
        return break_even_rtt_ms(choice, mobile_only, machines, link, goal)

    return find


def _link(**changes):
    return dataclasses.replace(LINK, **changes)


@pytest.mark.parametrize(
    ("options", "rtt_ms"),
    [
        # 10 ms for the whole network; 2.5 + 1.0 + 0.9 for the split.
        ({}, 5.6),
        # The link's own round trip makes no difference.
        ({"link": _link(rtt_ms=3.0)}, 5.6),
        # A message, and the way down, bring it nearer.
        ({"link": _link(message_overhead_bytes=154)}, 5.6 - 0.154),
        ({"link": _link(downlink_mbps=8.0, answer_bytes=1000)}, 5.6 - 1.0),
        # 20 mJ for the whole network; 5 + 1 + 0.9 ms at 0.5 W for the split.
        ({"link": WAITING, "goal": ENERGY}, 13.55 / 0.5),
        # Ahead by 5.6 ms and 13.55 mJ; each ms costs 2 and 3 x 0.5.
        (
            {"link": WAITING, "goal": Goal(2.0, 3.0)},
            (2 * 5.6 + 3 * 13.55) / (2 + 1.5),
        ),
        # A tie, of 9 ms up and 1 ms of the server: 10 ms.
        ({"choice": Choice("cloud-only", Way.CLOUD, 9000)}, 0.0),
    ],
    ids=["split", "rtt", "message", "down", "energy", "weighted", "tie"],
)
def test_it_is_the_round_trip_that_the_split_is_ahead_by(find, options, rtt_ms):
    assert find(**options) == pytest.approx(rtt_ms)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        # An energy doesn't depend on the round trip unless waiting costs.
        ({"goal": ENERGY}, NEVER),
        # 51 ms; and 50 mJ of the radio, whatever the round trip.
        ({"choice": IMAGE}, ALWAYS),
        ({"choice": IMAGE, "goal": ENERGY}, ALWAYS),
        # Nothing is sent.
        ({"choice": MOBILE}, None),
    ],
)
def test_there_may_be_none(find, options, found):
    assert find(**options) == found


def test_at_the_break_even_both_cost_the_same(find, device, cloud):
    goal = Goal(2.0, 3.0)
    link = dataclasses.replace(WAITING, rtt_ms=find(link=WAITING, goal=goal))
    machines = Machines(device, cloud)
    assert goal.of(cost(EARLY, machines, link)) == pytest.approx(
        goal.of(cost(MOBILE, machines, link))
    )


def test_without_a_time_of_the_whole_network_it_is_unknown(device, cloud):
    machines = Machines(device, cloud)
    assert break_even_rtt_ms(EARLY, None, machines, LINK, LATENCY) is None


def test_without_an_energy_that_the_goal_needs_it_is_unknown(find, device):
    device._rows["", "whole", 0] = (10.0, None)
    assert find(goal=ENERGY) is None
    assert find(goal=LATENCY) == pytest.approx(5.6)
