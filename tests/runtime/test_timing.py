"""Tests of what the device program's table is made of."""

import pytest

from bottlenet_tf.runtime import timing
from bottlenet_tf.runtime.limit import Fitted


class FakeHead:
    """Takes 1, 2 and 3 ms of a clock of its own; "broken" fails half-way."""

    runtime = "onnx"

    def __init__(self):
        self.now = 0.0
        self.encoded = []
        self.points = []
        self.limits = []

    def encode(self, path, point=None, max_bytes=None):
        if max_bytes is not None:
            return self.fit(*self.run(self.prepare(path)), max_bytes).payload
        return self.pack(*self.codes(self.prepare(path), point), point)

    def prepare(self, path):
        self.now += 1e-3
        self.encoded.append(path)
        return path

    def codes(self, path, point=None):
        self.now += 2e-3
        self.points.append(point)
        if path == "broken":
            raise ValueError("no codes")
        return path, None

    def pack(self, path, code_range, point=None):
        self.now += 3e-3
        self.points.append(point)
        return bytes(len(path))

    def run(self, path):
        return self.codes(path)

    def fit(self, path, code_range, max_bytes):
        # A millisecond for each letter, which is a try; "c" is cut short.
        self.now += 1e-3 * len(path)
        self.limits.append(max_bytes)
        left_out = path.count("c")
        return Fitted(bytes(max_bytes), 1, left_out, len(path))


@pytest.fixture
def head(monkeypatch):
    head = FakeHead()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: head.now)
    return head


def rows(report):
    return [line.split() for line in report.splitlines()]


def test_every_step_gets_its_own_milliseconds(head):
    timed = timing.Timing(head, repeat=2)
    assert timed.encode("abc") == bytes(3)
    values = {row[0]: row[-2:] for row in rows(timed.report())}
    assert values["image"] == ["1.000", "1.000"]
    assert values["head"] == ["2.000", "2.000"]
    assert values["payload"] == ["3.000", "3.000"]
    assert values["all"] == ["6.000", "6.000"]


def test_all_is_encoded_at_the_point_asked_for(head):
    timing.Timing(head, repeat=2, point=3).encode("abc")
    assert head.points == [3] * 6


def test_a_limit_s_tries_are_reported(head):
    timed = timing.Timing(head, repeat=2, max_bytes=9)
    assert timed.encode("abc") == bytes(9)
    timed.encode("abdef")
    assert head.limits == [9] * 5
    table = timed.report()
    values = {row[0]: row[-2:] for row in rows(table)}
    # 3, 3, 5 and 5 tries.
    assert values["payload"] == ["4.000", "5.000"]
    assert values["one"] == ["1.000", "1.000"]
    assert values["all"] == ["7.000", "8.000"]
    assert (
        "limit: 9 bytes, kept in 4.0 tries (mean; 5 at most), 2 of 4 runs "
        "beyond the coarsest point"
    ) in table


def test_without_a_limit_no_tries_are_reported(head):
    timed = timing.Timing(head)
    timed.encode("abc")
    assert "try" not in timed.report() and "limit" not in timed.report()


def test_the_first_image_warms_up_once(head):
    timed = timing.Timing(head, repeat=2)
    timed.encode("a")
    timed.encode("b")
    assert head.encoded == ["a", "a", "a", "b", "b"]


def test_an_image_that_fails_is_not_counted(head):
    timed = timing.Timing(head)
    timed.encode("abc")
    with pytest.raises(ValueError):
        timed.encode("broken")
    assert "1 runs (1 images" in timed.report()


def test_sizes_are_summed_up_over_images(head):
    timed = timing.Timing(head)
    for length in (1, 2, 6):
        timed.encode("x" * length)
    want = "mean 3.0, median 2, p95 6, p99 6, max 6"
    assert timed.report().endswith(want)


@pytest.mark.parametrize(
    "values, median, p95, p99",
    [
        ([5], 5, 5, 5),
        ([4, 1], 2.5, 4, 4),
        ([3, 1, 2], 2, 3, 3),
        # 95 of 100 values don't exceed 95.
        (list(range(1, 101)), 50.5, 95, 99),
        (list(range(20, 0, -1)), 10.5, 19, 20),
    ],
)
def test_median_and_percentiles_match_hand_worked_values(
    values, median, p95, p99
):
    assert timing.median(values) == median
    assert timing.percentile(values, 95) == p95
    assert timing.percentile(values, 99) == p99
