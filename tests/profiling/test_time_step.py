"""Timing of a part on a clock of the test's own."""

import types

import pytest

from bottlenet_tf.profiling import jobs


class Step:
    """Takes 1, 2, 3, 1, 2, 3, ... ms of its own clock."""

    def __init__(self):
        self.now = 0.0
        self.runs = []

    def __call__(self, i):
        self.runs.append(i)
        self.now += 1e-3 * (1 + i % 3)


@pytest.fixture
def step(monkeypatch):
    step = Step()
    clock = types.SimpleNamespace(perf_counter=lambda: step.now)
    monkeypatch.setattr(jobs, "time", clock)
    monkeypatch.setattr(jobs, "steps", lambda job: {"head": step})
    return step


def test_every_run_is_timed_by_itself(step):
    times = jobs.time_part(None, "head", repeats=6, seconds=0)
    assert times == pytest.approx((2.0, 3.0, 6))
    assert step.runs == [0, 1, 2, 3, 4, 5]


def test_short_steps_go_on_for_the_seconds_asked_for(step):
    # 1 + 2 + 3 + 1 + 2 = 9 ms are too few, the sixth run makes it 12.
    assert jobs.time_part(None, "head", repeats=2, seconds=0.0095)[2] == 6


def test_warming_up_is_running(step):
    jobs.warm_up(None, "head", 3)
    assert step.runs == [0, 1, 2]
