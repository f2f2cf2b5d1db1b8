"""Times things in turns, so that a busy machine slows all of them alike."""

import statistics
import time


def in_turns(functions, repeats):
    """Returns the median milliseconds of a call of each function.

    Args:
        functions: Callables without arguments that return when they are done.
        repeats: Timed calls of each; one more before them is not timed.
    """
    times = [[] for _ in functions]
    for repeat in range(repeats + 1):
        for function, kept in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            if repeat:  # The first call compiles.
                kept.append(1e3 * (time.perf_counter() - started))
    return [statistics.median(kept) for kept in times]
