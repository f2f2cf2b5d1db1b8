"""Times things in turns, so that a busy machine slows all of them alike."""

import os
import statistics
import time


def times_in_turns(functions, repeats, warmup=1):
    """Returns the sorted milliseconds of the calls of each function.

    Args:
        functions: Callables without arguments that return when they are done.
        repeats: Timed calls of each.
        warmup: Untimed calls of each before them; the first one compiles.
    """
    times = [[] for _ in functions]
    for repeat in range(warmup + repeats):
        for function, kept in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            if repeat >= warmup:
                kept.append(1e3 * (time.perf_counter() - started))
    return [sorted(kept) for kept in times]


def in_turns(functions, repeats):
    """Returns the median milliseconds of a call of each function."""
    return list(map(statistics.median, times_in_turns(functions, repeats)))


def cores_and_load():
    """Returns a phrase on this machine for the head of a table."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, load average {os.getloadavg()[0]:.1f}"
