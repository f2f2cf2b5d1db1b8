"""The round trip above which mobile-only costs less, by hand."""

import dataclasses

import pytest

from bottlenet_tf.selection import (
    ALWAYS,
    ENERGY,
    LATENCY,
    NEVER,
    Choice,
    Goal,
    Link,
    Machines,
    Way,
    break_even_rtt_ms,
    cost,
)

LINK = Link("x", 8.0, 100.0, 200.0)  # 1 B in 1 us; 1 W while sending.
WAITING = dataclasses.replace(LINK, waiting_mw=500.0)
EARLY = Choice("early", Way.SPLIT, 1000, 88.0, "early")
MOBILE = Choice("mobile-only", Way.DEVICE, 0)


@pytest.fixture
def find(device, cloud):
    def find(choice=EARLY, link=LINK, goal=LATENCY):
        machines = Machines(device, cloud)
        mobile_only = cost(MOBILE, machines, link)
        return break_even_rtt_ms(choice, mobile_only, machines, link, goal)

    return find


def test_it_is_what_the_split_is_ahead_by(find):
    # 10 ms for the whole network; 2.5 + 1.0 + 0.9 for the split.
    assert find() == pytest.approx(5.6)


def test_the_link_s_own_round_trip_makes_no_difference(find):
    assert find(link=dataclasses.replace(LINK, rtt_ms=3.0)) == find()


def test_at_the_break_even_both_cost_the_same(find, device, cloud):
    goal = Goal(2.0, 3.0)
    link = dataclasses.replace(WAITING, rtt_ms=find(link=WAITING, goal=goal))
    machines = Machines(device, cloud)
    assert goal.of(cost(EARLY, machines, link)) == pytest.approx(
        goal.of(cost(MOBILE, machines, link))
    )


def test_a_message_brings_it_nearer(find):
    link = dataclasses.replace(LINK, message_overhead_bytes=154)
    assert find(link=link) == pytest.approx(5.6 - 0.154)


def test_the_way_down_brings_it_nearer(find):
    link = dataclasses.replace(LINK, downlink_mbps=8.0, answer_bytes=1000)
    assert find(link=link) == pytest.approx(5.6 - 1.0)


def test_energy_does_not_depend_on_it_unless_waiting_costs(find):
    assert find(goal=ENERGY) == NEVER
    # 20 mJ for the whole network; 5 + 1 + 0.9 ms at 0.5 W for the split.
    assert find(link=WAITING, goal=ENERGY) == pytest.approx(13.55 / 0.5)


def test_a_weighted_goal_has_its_own(find):
    # Ahead by 5.6 ms and 13.55 mJ; each ms costs 2 and 3 x 0.5.
    found = find(link=WAITING, goal=Goal(2.0, 3.0))
    assert found == pytest.approx((2 * 5.6 + 3 * 13.55) / (2 + 1.5))


def test_what_is_behind_at_once_is_so_at_any_round_trip(find):
    image = Choice("cloud-only", Way.CLOUD, 50_000)
    assert find(image) == ALWAYS  # 51 ms.
    # 50 mJ of the radio, whatever the round trip.
    assert find(image, goal=ENERGY) == ALWAYS


def test_a_tie_is_a_break_even_of_nothing(find):
    # 9 ms up and 1 ms of the server: 10 ms.
    assert find(Choice("cloud-only", Way.CLOUD, 9000)) == 0.0


def test_what_is_not_sent_has_none(find):
    assert find(MOBILE) is None


def test_without_a_time_of_the_whole_network_it_is_unknown(device, cloud):
    machines = Machines(device, cloud)
    assert break_even_rtt_ms(EARLY, None, machines, LINK, LATENCY) is None


def test_without_an_energy_that_the_goal_needs_it_is_unknown(find, device):
    device._rows["", "whole", 0] = (10.0, None)
    assert find(goal=ENERGY) is None
    assert find(goal=LATENCY) == pytest.approx(5.6)
