"""Traces: when the last bit has left."""

import random

import pytest

from bottlenet_tf.emulation import Trace

# Two seconds at 8 kbit/s, one silent, one at 16 kbit/s: 4 kB in 4 s.
STEPS = Trace.piecewise([(0, 8e3), (2, 0), (3, 16e3)], 4)
# One packet at 2 ms, two at 5 ms, one at 10 ms, which is the end.
PACKETS = Trace.opportunities([2, 5, 5, 10])


def test_a_constant_rate_is_a_division():
    trace = Trace.constant(5.85)
    for start_s in (0, 0.3, 17.9, 1e5):
        # 26,766 * 8 / 5.85e6 = 36.6 ms.
        assert trace.sent_at(start_s, 26_766) - start_s == pytest.approx(
            26_766 * 8 / 5.85e6, abs=1e-9
        )
    assert trace.mean_mbps == pytest.approx(5.85)


@pytest.mark.parametrize(
    "start_s, num_bytes, sent_s",
    [
        (0, 0, 0),
        (0, 1000, 1),
        (0.5, 1000, 1.5),
        (0, 2000, 2),  # The last bit leaves as the silence begins.
        (0, 2001, 3 + 0.0005),  # 8 bits at 16 kbit/s after it.
        (2.5, 1000, 3.5),
        (3.5, 2000, 5),  # 1000 bytes until the end, 1000 of the next round.
        (1, 40_000, 41),  # Ten rounds.
        (4 * 10**6 + 1, 1000, 4 * 10**6 + 2),
    ],
)
def test_the_rate_is_integrated(start_s, num_bytes, sent_s):
    assert STEPS.sent_at(start_s, num_bytes) == pytest.approx(sent_s, abs=1e-6)


@pytest.mark.parametrize(
    "start_ms, num_bytes, sent_ms",
    [
        (0, 40, 2),
        (0, 1500, 2),
        (0, 1501, 5),
        (2, 1500, 2),  # In the very moment of the opportunity.
        (2.1, 1500, 5),
        (0, 4500, 5),
        (0, 4501, 10),
        (6, 1500, 10),
        (10, 1500, 10),
        (10.1, 1500, 12),
        (3, 6000 + 1500, 15),  # 5, 5, 10, 12, 15.
    ],
)
def test_opportunities_serve_what_waits(start_ms, num_bytes, sent_ms):
    sent_s = PACKETS.sent_at(start_ms / 1e3, num_bytes)
    assert 1e3 * sent_s == pytest.approx(sent_ms, abs=1e-9)


def test_rounding_does_not_push_the_last_bit_beyond_a_silence():
    # 0.1 s + 0.2 s of bits, and an hour in which nothing leaves.
    trace = Trace.piecewise([(0, 1e4), (0.3, 0), (3600, 1e4)], 3601)
    for start_s in (0.1, 3601.1, 5 * 3601.1 - 0.4):
        sent_s = trace.sent_at(start_s, 250)
        assert sent_s - start_s == pytest.approx(0.2, abs=1e-6)


def test_rounding_does_not_push_it_into_the_next_round():
    # The last 0.3 of 1.3 s, after a second in which nothing leaves.
    trace = Trace.piecewise([(0, 0), (1, 1e4)], 1.3)
    for rounds in range(200):
        start_s = 1.3 * rounds + 1.1
        sent_s = trace.sent_at(start_s, 250)
        assert sent_s - start_s == pytest.approx(0.2, abs=1e-6)


def test_it_agrees_with_stepping_through_every_bit():
    """An independent integration, in steps of 1 ms, on random rates."""
    random_ = random.Random(5)
    for _ in range(20):
        # Whole bits in each millisecond, silent ones among them.
        rates = [random_.choice((0, 0, 1, 2, 7)) * 1e3 for _ in range(15)]
        rates[random_.randrange(15)] = 4e3
        trace = Trace.piecewise(
            [(i / 1e3, rate) for i, rate in enumerate(rates)], 0.015
        )
        start_ms, num_bytes = random_.randrange(40), random_.randrange(1, 30)
        left, time_ms = 8 * num_bytes, start_ms
        while left > rates[time_ms % 15] / 1e3:
            left -= rates[time_ms % 15] / 1e3
            time_ms += 1
        expected = time_ms + left / (rates[time_ms % 15] / 1e3)
        sent_s = trace.sent_at(start_ms / 1e3, num_bytes)
        assert 1e3 * sent_s == pytest.approx(expected, abs=1e-6)


def test_a_mean_rate_is_over_the_whole_trace():
    assert STEPS.mean_mbps == pytest.approx(32e3 / 4 / 1e6)
    assert PACKETS.mean_mbps == pytest.approx(4 * 12_000 / 0.01 / 1e6)


def test_silent_seconds_are_counted():
    assert STEPS.silent_s == 1
    assert Trace.opportunities([500, 2500, 4500, 5000]).silent_s == 2
    assert Trace.constant(1).silent_s == 0


def test_nothing_leaves_before_it_is_given():
    trace = Trace.constant(1e6)
    assert trace.sent_at(12345.678901, 1) >= 12345.678901


def test_a_trace_is_a_value():
    assert Trace.constant(2) == Trace.constant(2) != Trace.constant(3)
    with pytest.raises(AttributeError):
        PACKETS.name = "other"


@pytest.mark.parametrize("mbps", [0, -1, float("nan"), float("inf"), 1e7])
def test_a_rate_must_be_one(mbps):
    with pytest.raises(ValueError, match="rate must be positive"):
        Trace.constant(mbps)


@pytest.mark.parametrize(
    "rates, duration_s, message",
    [
        ([], 1, "at least one"),
        ([(1, 5)], 2, "rise from 0"),
        ([(0, 5), (0, 6)], 2, "rise from 0"),
        ([(0, 5), (3, 6)], 2, "rise from 0"),
        ([(0, 5)], float("nan"), "rise from 0"),
        ([(0, 5)], float("inf"), "rise from 0"),
        ([(0, -5)], 1, "between 0"),
        ([(0, float("nan"))], 1, "between 0"),
        ([(0, 1e13)], 1, "between 0"),
        ([(0, 0), (1, 0)], 2, "have capacity"),
    ],
)
def test_pieces_must_make_a_trace(rates, duration_s, message):
    with pytest.raises(ValueError, match=message):
        Trace.piecewise(rates, duration_s)


@pytest.mark.parametrize("times_ms", [[], [0], [0, 0], [-1, 5], [5, 4]])
def test_opportunities_must_make_a_trace(times_ms):
    with pytest.raises(ValueError):
        Trace.opportunities(times_ms)


@pytest.mark.parametrize("start_s", [-1, float("nan"), float("inf")])
def test_times_must_be_times(start_s):
    for trace in (STEPS, PACKETS):
        with pytest.raises(ValueError, match="start_s|time_s"):
            trace.sent_at(start_s, 1)
    with pytest.raises(ValueError, match="negative"):
        STEPS.sent_at(0, -1)
