"""What a send will take, from those that were seen."""

import pytest

from bottlenet_tf.link.sends import MIN_SENDS, WINDOW, Sends
from tests.link.simulated_clock import SimulatedClock


@pytest.fixture
def clock():
    return SimulatedClock()


def feed(sends, clock, rate, sizes, rtt_ms=20.0, gap_ms=50.0):
    """Sends at `rate` bytes a ms."""
    for size in sizes:
        clock.pass_ms(gap_ms)
        sends.answered(size, rtt_ms + size / rate)


def test_nothing_known_costs_nothing(clock):
    sends = Sends(clock)
    assert sends.expected_ms(1000) == 0.0
    assert sends.miss_rate == 0.0
    assert sends.within(1000, 1.0) == 1.0
    assert sends.floor_ms == 0.0


def test_two_sizes_tell_the_round_trip_from_the_rate(clock):
    sends = Sends(clock)
    feed(sends, clock, 100.0, [300, 3000] * 5)
    assert sends.floor_ms == pytest.approx(20.0)
    for size in (100, 300, 3000, 30000):
        assert sends.expected_ms(size) == pytest.approx(20 + size / 100)


def test_a_connect_tells_the_round_trip_beside_one_size(clock):
    sends = Sends(clock)
    sends.connected(20.0)
    feed(sends, clock, 50.0, [1000] * 10)
    assert sends.floor_ms == pytest.approx(20.0 - 60 / 47, abs=1.5)
    assert sends.expected_ms(1000) == pytest.approx(40.0)
    # The hope that fewer bytes take less, and that more don't take more:
    # either is tried, and then known.
    assert sends.expected_ms(200) == pytest.approx(24.0, abs=1.5)
    assert sends.expected_ms(4000) == pytest.approx(40.0, abs=0.1)


def test_one_size_alone_never_tells_more_than_it_knows(clock):
    sends = Sends(clock)
    feed(sends, clock, 50.0, [1000] * 30)
    assert sends.expected_ms(1000) == pytest.approx(40.0)
    assert 20.0 <= sends.expected_ms(10) <= 40.0
    assert sends.expected_ms(10**6) == pytest.approx(40.0, abs=0.1)


def test_a_miss_tells_that_more_bytes_take_longer(clock):
    sends = Sends(clock)
    sends.connected(20.0)
    feed(sends, clock, 50.0, [300] * 5)
    assert sends.expected_ms(30_000) == pytest.approx(26.0, abs=1.5)
    sends.missed(30_000, 200.0)
    sends.revived()  # Hope for the same once more would miss for ever.
    assert sends.miss_rate == 0.0
    assert sends.expected_ms(30_000) > 190.0
    assert sends.expected_ms(300) == pytest.approx(26.0, abs=1.5)


def test_a_silence_hides_nothing_that_was_learned(clock):
    sends = Sends(clock)
    sends.connected(21.2)  # 60 bytes.
    feed(sends, clock, 50.0, [300, 9000] * 10)
    sends.missed(300, 20_000.0)
    sends.revived()
    feed(sends, clock, 50.0, [300] * 5)
    assert sends.expected_ms(9000) == pytest.approx(200.0, rel=0.1)


def test_a_wait_that_no_byte_causes_is_told_from_a_slow_link(clock):
    sends = Sends(clock)
    sends.connected(20.0)
    for size in [300, 6000] * 10:  # Both wait 30 ms for their turn.
        clock.pass_ms(50)
        sends.answered(size, 50.0)
    assert sends.expected_ms(6000) == pytest.approx(50.0, rel=0.05)
    assert sends.expected_ms(300) == pytest.approx(50.0, rel=0.05)


def test_the_mean_runs_over_times_not_rates(clock):
    sends = Sends(clock, recency=1.0)
    sends.connected(0.0)
    for _ in range(10):
        sends.answered(1000, 10.0)
        sends.answered(1000, 1000.0)
    # At the mean rate it would be 2 * 1000 * 10 / 1010 = 19.8 ms.
    assert sends.expected_ms(1000) == pytest.approx(505.0)


def test_later_sends_count_more(clock):
    sends = Sends(clock, recency=2.0)
    sends.connected(0.0)
    sends.answered(1000, 10.0)
    sends.answered(1000, 40.0)
    assert sends.expected_ms(1000) == pytest.approx((10 + 2 * 40) / 3)


def test_only_the_window_counts(clock):
    sends = Sends(clock)
    sends.connected(0.0)
    for ms in [500.0] * 50 + [10.0] * WINDOW:
        sends.answered(1000, ms)
    assert len(sends) == WINDOW
    assert sends.expected_ms(1000) == pytest.approx(10.0)


def test_old_sends_are_forgotten_but_for_a_few(clock):
    sends = Sends(clock)
    sends.connected(0.0)
    for _ in range(WINDOW):
        sends.answered(1000, 500.0)
    clock.pass_ms(60e3)
    assert sends.expected_ms(1000) == pytest.approx(500.0)
    sends.answered(1000, 10.0)
    assert sends.expected_ms(1000) < 400.0
    assert len(sends) == MIN_SENDS


def test_age_counts_though_nothing_is_sent(clock):
    sends = Sends(clock)
    sends.connected(0.0)
    for ms in [500.0] * 10 + [10.0] * MIN_SENDS:
        sends.answered(1000, ms)
    assert sends.expected_ms(1000) > 100.0
    clock.pass_ms(60e3)
    assert sends.expected_ms(1000) == pytest.approx(10.0)


def test_a_longer_route_is_believed_in_the_end(clock):
    sends = Sends(clock)
    feed(sends, clock, 100.0, [300, 3000] * 5, rtt_ms=5.0)
    clock.pass_ms(300e3)
    feed(sends, clock, 100.0, [300, 3000] * 5, rtt_ms=80.0)
    assert sends.floor_ms == pytest.approx(80.0)


def test_probes_of_one_size_do_not_undo_what_is_known_of_the_floor(clock):
    sends = Sends(clock)
    sends.connected(60.0)
    feed(sends, clock, 100.0, [600] * 5, rtt_ms=60.0)
    feed(sends, clock, 100.0, [180] * 100, rtt_ms=60.0, gap_ms=4000.0)
    assert sends.floor_ms == pytest.approx(60.0, abs=1.0)


def test_hope_returns_though_no_other_size_is_sent(clock):
    sends = Sends(clock)
    sends.connected(20.0)
    feed(sends, clock, 20.0, [300, 9000] * 10)
    feed(sends, clock, 20.0, [300] * 20)
    assert sends.expected_ms(9000) > 400.0
    for _ in range(200):  # 13 minutes of small ones, and nothing else.
        clock.pass_ms(4000)
        sends.answered(300, 35.0)
    assert sends.expected_ms(9000) < 40.0


def test_misses_count_what_was_waited(clock):
    sends = Sends(clock, recency=1.0)
    sends.connected(10.0)
    for _ in range(3):
        sends.answered(1000, 10.0)
    sends.missed(1000, 410.0)
    assert sends.miss_rate == pytest.approx(0.25)
    assert sends.expected_ms(1000) == pytest.approx(110.0, rel=0.02)


def test_within_counts_sends_and_never_misses(clock):
    sends = Sends(clock, recency=1.0)
    sends.connected(0.0)
    for ms in (10.0, 20.0, 30.0):
        sends.answered(1000, ms)
    sends.missed(1000, 5.0)
    assert sends.within(1000, 9.0) == 0.0
    assert sends.within(1000, 20.0) == pytest.approx(0.5)
    assert sends.within(1000, 1e9) == pytest.approx(0.75)


def test_odds_fall_with_bytes_and_a_miss_leaves_some(clock):
    # 10 ms for 1000 B without a wait: even odds at 10 ms, 1 / (1 + 2^2.5) for
    # twice the bytes, and a miss counts as 1.5 times as long.
    sends = Sends(clock, recency=1.0, wait_bytes=0.0)
    sends.connected(0.0)
    sends.answered(1000, 10.0)
    assert sends.likely(1000, 10.0) == pytest.approx(0.5)
    assert sends.likely(2000, 10.0) == pytest.approx(1 / (1 + 2**2.5))
    sends.missed(1000, 10.0)
    assert sends.likely(1000, 15.0) == pytest.approx(
        0.5 * (1 / (1 + 1.5**-2.5) + 0.5)
    )


@pytest.mark.parametrize(
    ("num_bytes", "ms"),
    [(0, 1.0), (-5, 1.0), (100, -1.0), (100, float("nan")), (100, "1")],
)
def test_impossible_sends_are_refused(clock, num_bytes, ms):
    sends = Sends(clock)
    with pytest.raises(ValueError, match="Received"):
        sends.answered(num_bytes, ms)
    with pytest.raises(ValueError, match="Received"):
        sends.missed(num_bytes, ms)
