"""Device, server and link as they are now, beside what was planned."""

import pytest

from bottlenet_tf.link.estimate import Estimate, Medians
from tests import replay_plans
from tests.link.simulated_clock import SimulatedClock

SPLITS = {
    "early": (0.2, ((400.0, 480, 90.0),)),
    "late": (0.7, ((50.0, 60, 90.5),)),
}


@pytest.fixture
def plan():
    return replay_plans.make(
        SPLITS, (("avif", 75, 32, 900.0, 90.2),), 91.7, 100.0, 10.0, 80.0
    )


@pytest.fixture
def estimate():
    return Estimate(100.0, SimulatedClock())


def test_one_measurement_does_not_outweigh_a_plan():
    medians = Medians()
    assert medians.expected("a", 10.0) == 10.0
    medians.note("a", 500.0, 10.0)
    assert medians.expected("a", 10.0) <= 500.0
    for _ in range(3):
        medians.note("a", 12.0, 10.0)
    assert medians.expected("a", 10.0) == 12.0


def test_a_single_slow_run_is_no_slow_device():
    medians = Medians()
    for ms in (10, 11, 9, 10, 400, 10):
        medians.note("a", ms, 10.0)
    assert medians.expected("a", 10.0) == 10.0


def test_what_was_not_measured_is_scaled_as_the_rest():
    medians = Medians()
    for _ in range(5):
        medians.note("a", 30.0, 10.0)
    assert medians.expected("b", 40.0) == pytest.approx(120.0)


def test_a_time_of_nothing_scales_nothing():
    medians = Medians()
    medians.note("a", 5.0, 0.0)
    assert medians.expected("b", 40.0) == 40.0
    with pytest.raises(ValueError, match="finite"):
        medians.note("a", float("nan"), 1.0)


def test_a_latency_is_the_sum_of_its_parts(plan, estimate):
    early = plan.named("early at point 0")
    estimate.sends.connected(20.0)
    for _ in range(10):
        # 500 bytes on the air take 30 ms beside the round trip.
        estimate.answered(early, 400, 50.0 + 7.0 + 3.0, 7.0, 3.0)
    parts = 20.5 + 50.0 + 7.0 + 3.0
    assert estimate.latency_ms(early) == pytest.approx(parts)
    assert estimate.queued_ms == 3.0


def test_a_server_that_tells_nothing_is_taken_as_planned(plan, estimate):
    early = plan.named("early at point 0")
    estimate.answered(early, 400, 40.0)
    assert estimate.network_ms(early) == pytest.approx(40 - early.server_ms)


def test_a_server_that_tells_nonsense_makes_no_time_negative(plan, estimate):
    early = plan.named("early at point 0")
    estimate.answered(early, 400, 40.0, computed_ms=1e6, queued_ms=1e6)
    assert estimate.network_ms(early) >= 0.0


def test_cloud_and_device_have_times_of_their_own(plan, estimate):
    cloud = plan.named("cloud-only avif 75")
    for _ in range(3):
        estimate.computed(plan.whole, 300.0)
        estimate.answered(cloud, 900, 50.0, 25.0, 0.0)
    assert estimate.device_ms(plan.whole) == 300.0
    assert estimate.server_ms(cloud) == 25.0
    assert estimate.latency_ms(cloud) == pytest.approx(50.0)


def test_energy_is_computing_sending_and_waiting(plan, estimate):
    early = plan.named("early at point 0")
    radio = plan.radios["4g"]._replace(uplink_mw=1000.0, waiting_mw=100.0)
    estimate.sends.connected(26.0)  # 60 bytes.
    for size in (400, 4000) * 5:  # 10 bytes a ms.
        estimate.answered(early, size, 20.0 + (size + 100) / 10, 0.0, 0.0)
    sending = 50.0
    waiting = 20.0
    assert estimate.energy_mj(early, radio) == pytest.approx(
        0.2 * 200 + sending + 0.1 * waiting, rel=0.01
    )
    assert estimate.energy_mj(early, None) is None
    assert estimate.energy_mj(plan.whole, None) == pytest.approx(200.0)


def test_in_time_counts_from_prepared_pixels(plan, estimate):
    early = plan.named("early at point 0")
    estimate.sends.connected(20.0)
    for _ in range(9):
        estimate.answered(early, 400, 50.0, 0.0, 0.0)
    within = estimate.sends.within
    assert estimate.in_time(early, 400, 20.5 + 50.0 + 0.1, within) == 1.0
    assert estimate.in_time(early, 400, 20.5 + 49.0, within) == 0.0
