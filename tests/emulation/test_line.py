"""A line: when a packet arrives, or that it never does."""

import pytest

from bottlenet_tf.emulation import Line, Trace

# 8 kbit/s: a byte takes a millisecond.
RATE = 0.008


def _arrivals(line, *packets):
    return [line.send(now_s, num_bytes) for now_s, num_bytes in packets]


def test_a_packet_waits_for_the_line_and_travels():
    line = Line(RATE, delay_ms=250)
    arrivals = _arrivals(line, (0, 100), (0.05, 100), (1, 100))
    assert arrivals == pytest.approx([0.35, 0.45, 1.35])


def test_small_packets_share_an_opportunity_and_the_rest_is_gone():
    line = Line(Trace.opportunities([5, 10]))
    packets = [(0, 700), (0.001, 700), (0.002, 200), (0.012, 100), (0.02, 100)]
    # 1600 bytes are more than one opportunity; 100 bytes are left over.
    assert _arrivals(line, *packets) == pytest.approx(
        [0.005, 0.005, 0.010, 0.015, 0.020]
    )


def test_loss_is_drawn_by_its_seed_and_takes_time():
    packets = [(0, 1)] * 1000
    first = _arrivals(Line(RATE, loss=0.3, seed=1), *packets)
    again = _arrivals(Line(RATE, loss=0.3, seed=1), *packets)
    other = _arrivals(Line(RATE, loss=0.3, seed=2), *packets)
    assert first == again != other
    # Binomial: 300, standard deviation 14.5.
    assert 230 < first.count(None) < 370
    # Lost packets took their time, too: the k-th leaves after k + 1 ms.
    assert all(
        t is None or t == pytest.approx((k + 1) / 1e3)
        for k, t in enumerate(first)
    )


@pytest.mark.parametrize("loss, lost", [(0, 0), (1, 50)])
def test_all_or_nothing(loss, lost):
    line = Line(RATE, loss=loss)
    assert _arrivals(line, *[(0, 1)] * 50).count(None) == lost
    assert line.counters.lost_packets == lost


def test_an_outage_loses_what_is_given_or_waits_in_it():
    line = Line(RATE, delay_ms=500, outages=[(1, 2), (5, 6)])
    assert line.send(0, 900) == pytest.approx(1.4)  # Left before it began.
    assert line.send(0, 200) is None  # Would leave at 1.1 s.
    assert line.send(1, 10) is None
    assert line.is_out(1.5) and not line.is_out(2)
    # Ended, and nothing is left of what waited.
    assert line.send(2, 10) == pytest.approx(2.51)
    # Hours of bytes that the second outage takes away.
    assert line.send(3, 10**7) is None
    assert line.send(6, 10) == pytest.approx(6.51)
    assert line.counters.packets == 6 and line.counters.lost_packets == 3
    assert line.counters.num_bytes == 900 + 200 + 10 + 10 + 10**7 + 10


def test_an_outage_may_last_for_ever():
    line = Line(RATE, outages=[(1, float("inf"))])
    assert line.send(0, 1) and line.send(10**6, 1) is None


def test_a_full_queue_drops_its_tail():
    line = Line(RATE, queue_bytes=250)
    assert _arrivals(line, (0, 100), (0, 100), (0, 100)) == pytest.approx(
        [0.1, 0.2, None]
    )
    # 60 of the 200 bytes have left; 250 - 140 = 110 still fit.
    assert line.send(0.06, 111) is None
    assert line.send(0.06, 109) == pytest.approx(0.309)
    assert line.send(9, 251) is None


def test_a_change_is_for_what_comes_next():
    line = Line(RATE, delay_ms=100)
    assert line.send(0, 1000) == pytest.approx(1.1)
    line.change(0.5, trace=2 * RATE, delay_ms=200)
    # Waits until 1 s, then 500 ms, then the new delay.
    assert line.send(0.5, 1000) == pytest.approx(1.7)
    line.change(5, loss=1)
    assert line.send(5, 1) is None
    line.change(5, loss=0, delay_ms=0)
    # The lost byte took half a millisecond.
    assert line.send(5, 1000) == pytest.approx(5.5005)


def test_a_cut_empties_the_line_until_it_ends():
    line = Line(RATE)
    line.send(0, 10**6)
    line.change(1, cut=True)
    assert line.is_out(1) and line.send(1, 1) is None
    line.change(2, cut=False)
    assert line.send(2, 100) == pytest.approx(2.1)


def test_a_shorter_delay_does_not_reorder():
    line = Line(1, delay_ms=500)
    first = line.send(0, 1)
    line.change(0, delay_ms=0)
    assert line.send(0, 1) >= first


def test_a_refused_change_changes_nothing():
    line = Line(RATE)
    with pytest.raises(ValueError, match="loss"):
        line.change(0, trace=5, loss=2)
    assert line.send(0, 1000) == pytest.approx(1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"delay_ms": -1}, "delay"),
        ({"delay_ms": float("nan")}, "delay"),
        ({"delay_ms": float("inf")}, "delay"),
        ({"loss": 1.1}, "loss"),
        ({"loss": float("nan")}, "loss"),
        ({"outages": [(2, 2)]}, "after it begins"),
        ({"outages": [(-1, 2)]}, "begin at 0"),
        ({"outages": [(0, float("nan"))]}, "after it begins"),
        ({"outages": [(0, 3), (2, 4)]}, "overlap"),
        ({"queue_bytes": 0}, "queue"),
    ],
)
def test_values_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Line(RATE, **arguments)


def test_time_runs_forward():
    line = Line(RATE)
    line.send(2, 1)
    for now_s in (1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="in order"):
            line.send(now_s, 1)
    with pytest.raises(ValueError, match="bytes"):
        line.send(2, 0)
