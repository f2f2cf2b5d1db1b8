"""A link that changes by phases, by arithmetic that can be done by hand."""

import statistics

import pytest

from bottlenet_tf.emulation import phases
from bottlenet_tf.emulation.phases import Phase
from tests import replay_plans

SPLITS = {"early": (0.2, ((400.0, 400, 90.0),))}
PHASES = (
    Phase("fast", 2.0, 8.0, 5.0),
    Phase("cut", 3.0, 8.0, 5.0, outage=True),
    Phase("slow", 2.0, 1.0, 50.0),
    Phase("busy", 2.0, 8.0, 5.0, busy_ms=60.0),
)


@pytest.fixture
def world():
    plan = replay_plans.make(SPLITS, (), 91.7, 100.0, 0.0, 80.0)
    return phases.world(plan, PHASES, overhead_bytes=100.0)


@pytest.mark.parametrize(
    ("start_s", "ms"),
    [
        # 20.5 ms of head and codec, 500 B, the round trip, 0.7 ms of server.
        (0.0, 20.5 + 0.5 + 10.0 + 0.7),
        # What begins in the cut leaves at its end, at the slow rate.
        (4.0, 1000.0 + 4.0 + 100.0 + 0.7),
        (5.0, 20.5 + 4.0 + 100.0 + 0.7),
        (7.5, 20.5 + 0.5 + 10.0 + 60.0),
    ],
)
def test_a_payload_takes_the_phase_it_leaves_in(world, start_s, ms):
    choice = world.plan.named("early at point 0")
    taken_s = world.answered_s(choice, 0, start_s) - start_s
    assert 1e3 * taken_s == pytest.approx(ms)


def test_the_device_takes_the_same_in_every_phase(world):
    for start_s in (0.0, 3.0, 8.0):
        taken_s = world.answered_s(world.plan.whole, 0, start_s) - start_s
        assert taken_s == pytest.approx(0.1)


def test_no_fixed_choice_is_ahead_of_the_oracle(world):
    found = phases.rivals(world)
    assert set(found) == {"oracle", "early at point 0", "mobile-only"}
    means = {
        name: statistics.fmean(r.latency_ms for r in records)
        for name, records in found.items()
    }
    assert means["oracle"] == min(means.values())
    # It switches, so that it is ahead of both.
    assert list(means.values()).count(means["oracle"]) == 1


@pytest.mark.parametrize(
    ("time_s", "index"), [(0.0, 0), (1.99, 0), (2.0, 1), (8.9, 3), (99.0, 3)]
)
def test_a_time_is_in_one_phase(time_s, index):
    assert phases.phase_at(PHASES, time_s) == index


def test_a_phase_without_time_is_refused():
    with pytest.raises(ValueError, match="have a positive length"):
        Phase("none", 0.0, 1.0, 1.0)
