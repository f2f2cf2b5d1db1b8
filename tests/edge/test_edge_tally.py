"""Percentiles, progress and the table at the end."""

import numpy as np
import pytest

from bottlenet_tf.edge.answering import Result
from bottlenet_tf.edge.tally import Latencies, Tally


def result(**changes):
    fields = {
        "index": 1, "label": "dog", "top": (), "way": "split", "split": "rb1",
        "point": 0, "choice": "rb1 at point 0", "payload_bytes": 100,
        "latency_ms": 10.0, "accuracy": 90.0, "problem": None,
    }  # fmt: skip
    return Result(**{**fields, **changes})


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_percentiles_are_exact_to_a_bin(percent):
    values = np.random.RandomState(0).lognormal(3, 1, 5000)
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    wanted = np.percentile(values, percent, method="inverted_cdf")
    # Half a bin of 1 %.
    assert latencies.percentile(percent) == pytest.approx(wanted, rel=0.0051)


def test_a_few_latencies_have_percentiles_too():
    latencies = Latencies()
    assert latencies.percentile(50) == 0.0
    latencies.add(0.0)
    latencies.add(7.0)
    assert latencies.percentile(50) < 0.01
    assert latencies.percentile(99) == pytest.approx(7.0, rel=0.01)


def test_memory_stays_bounded():
    latencies = Latencies()
    for i in range(20000):
        latencies.add(1.0 + (i * 0.7919) % 1000.0)
    assert len(latencies._bins) < 700  # log 1000 / log 1.01 = 694


def test_progress_tells_rate_choice_bytes_median_and_accuracy():
    now = [0.0]
    tally = Tally(lambda: now[0])
    for i in range(300):
        now[0] += 0.1 if i < 200 else 0.5
        tally.add(result(latency_ms=20.0 if i >= 200 else 5.0))
    tally.add_failure()
    # The last 100: 0.5 s apart.
    assert tally.progress() == (
        "300 images, 2.0/s, rb1 at point 0, 100 B, p50 20.0 ms, "
        "accuracy 90.00 % by the plan, 1 failed"
    )


def test_the_summary_has_a_row_for_each_way():
    now = [0.0]
    tally = Tally(lambda: now[0])
    tally.add(result())
    tally.add(result(way="device", payload_bytes=0, accuracy=92.0))
    tally.add(result(way="device", problem="no connection", accuracy=92.0))
    now[0] = 2.0
    text, head, *rows = tally.summary().splitlines()
    assert text == (
        "3 images in 2.0 s, 1.5 per second, 0 failed, 1 sent to the server in "
        "vain, 66.7 B sent per image, accuracy 91.33 % by the plan"
    )
    assert head.split() == ["latency", "ms", "images", "p50", "p95", "p99"]
    assert [row.split()[:2] for row in rows] == [
        ["device", "2"], ["split", "1"], ["all", "3"],
    ]  # fmt: skip


def test_without_a_plan_no_accuracy_is_reported():
    tally = Tally(lambda: 0.0)
    tally.add(result(accuracy=None))
    assert "accuracy" not in tally.progress() + tally.summary()


def test_nothing_but_failures_has_a_summary():
    tally = Tally(lambda: 0.0)
    tally.add_failure()
    assert tally.summary() == "1 images in 0.0 s, 1 failed"
    assert tally.progress() == "1 failed"
