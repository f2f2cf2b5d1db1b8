"""When a dead link is probed, and when a busy server is asked again."""

import pytest

from bottlenet_tf.link.pauses import LEAST_PROBE_S, MOST_PROBE_S, Pauses, Probes
from tests.link.simulated_clock import SimulatedClock


@pytest.fixture
def clock():
    return SimulatedClock()


def times_of(probes, clock, seconds):
    """Returns when probes were due, in seconds from now."""
    begun, found = clock(), []
    while clock() < begun + seconds:
        if probes.take():
            found.append(clock() - begun)
        clock.pass_ms(10)
    return found


def test_nothing_is_probed_without_a_reason(clock):
    probes = Probes(clock)
    assert times_of(probes, clock, 10) == []
    assert probes.interval_s == 0.0


def test_probes_of_a_dead_link_come_at_growing_intervals(clock):
    probes = Probes(clock)
    probes.begin(of_dead=True)
    found = times_of(probes, clock, 1000)
    gaps = [b - a for a, b in zip(found, found[1:])]
    assert found[0] == 0.0
    assert gaps[0] == pytest.approx(LEAST_PROBE_S, abs=0.02)
    assert max(gaps) == pytest.approx(MOST_PROBE_S, abs=0.02)
    assert all(a <= b + 0.02 for a, b in zip(gaps, gaps[1:]))


def test_after_a_cut_of_30_s_the_next_probe_is_soon(clock):
    probes = Probes(clock)
    probes.begin(of_dead=True)
    times_of(probes, clock, 30)
    found = times_of(probes, clock, 0.5)
    assert found[0] <= 0.16 and found[1] - found[0] <= 0.17


def test_beginning_twice_changes_nothing(clock):
    probes = Probes(clock)
    probes.begin(of_dead=True)
    assert probes.take()
    clock.pass_ms(100)
    probes.begin(of_dead=True)
    assert not probes.take()


def test_a_link_that_came_back_is_probed_at_once(clock):
    probes = Probes(clock)
    probes.begin(of_dead=True)
    times_of(probes, clock, 300)
    probes.begin(of_dead=False)
    assert probes.take()
    probes.end()
    assert times_of(probes, clock, 10) == []


def test_pauses_double_within_their_jitter(clock):
    pauses = Pauses(clock, seed=1)
    assert pauses.left_s == 0.0
    for length in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0):
        pauses.refused()
        assert 0.5 * length <= pauses.left_s <= 1.5 * length
    clock.pass_ms(13e3)
    assert pauses.left_s == 0.0
    pauses.refused()
    pauses.answered()
    assert pauses.left_s == 0.0
    pauses.refused()
    assert pauses.left_s <= 0.375


def test_devices_do_not_return_together(clock):
    left = set()
    for seed in range(20):
        pauses = Pauses(clock, seed)
        pauses.refused()
        left.add(round(pauses.left_s, 3))
    assert len(left) > 15
    again = Pauses(clock, 3)
    again.refused()
    assert round(again.left_s, 3) in left  # And each is reproducible.


def test_a_server_may_ask_for_a_longer_pause_within_reason(clock):
    pauses = Pauses(clock)
    pauses.refused(retry_after_s=5.0)
    assert pauses.left_s == pytest.approx(5.0)
    pauses.refused(retry_after_s=1e9)
    assert pauses.left_s <= 8.0
