"""Milliseconds of a step, run again and again."""

import time
from typing import NamedTuple

from bottlenet_tf.runtime.timing import median, percentile


class Times(NamedTuple):
    """How long the runs of a step took, in milliseconds."""

    median_ms: float
    p95_ms: float
    n: int


def warm_up(step, count):
    """Runs a step untimed: first runs allocate memory and choose kernels.

    Args:
        step: Function of the run's number.
        count: How many runs.
    """
    for i in range(count):
        step(i)


def time_step(step, repeats, seconds):
    """Runs a step and returns its `Times`.

    Args:
        step: Function of the run's number.
        repeats: Runs at least.
        seconds: Time to go on for at least, which steadies the figures of
            short steps and gives an energy meter something to see.
    """
    laps = []
    begin = now = time.perf_counter()
    while len(laps) < repeats or now - begin < seconds:
        start = time.perf_counter()
        step(len(laps))
        now = time.perf_counter()
        laps.append(1e3 * (now - start))
    return Times(median(laps), percentile(laps, 95), len(laps))
