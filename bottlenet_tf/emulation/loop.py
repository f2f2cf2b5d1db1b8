"""The loop of an emulated link: files, a heap of due times, one control."""

import contextlib
import ctypes
import gc
import heapq
import itertools
import os
import selectors
import time

_PRIORITY = 50
_PR_SET_TIMERSLACK = 29
# Due calls are made in groups of at most this many; files are served in
# between.
_MOST_DUE = 64


def prefer_real_time():
    """Tries real-time scheduling; returns the scheduling in words."""
    gc.freeze()
    try:
        os.sched_setscheduler(
            0,
            os.SCHED_FIFO | os.SCHED_RESET_ON_FORK,
            os.sched_param(_PRIORITY),
        )
    except (AttributeError, OSError):
        # Linux prolongs each sleep of an ordinary process by up to 50 µs.
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        return "not real-time: not permitted"
    return "real-time (SCHED_FIFO)"


class Loop:
    """Waits for files and times, in seconds since its start.

    `select` waits to the microsecond; `epoll` only to the millisecond.

    Attributes:
        selector: Files are registered with the function to call when ready.
    """

    def __init__(self):
        self.selector = selectors.SelectSelector()
        self._start_s = time.monotonic()
        self._due = []
        self._order = itertools.count()
        self._stopped = False

    def now(self):
        """Seconds since the start."""
        return time.monotonic() - self._start_s

    def restart(self):
        """Makes this moment the start; due calls keep their time."""
        passed_s = self.now()
        self._start_s += passed_s
        self._due = [(t - passed_s, *rest) for t, *rest in self._due]
        heapq.heapify(self._due)

    def at(self, time_s, call, *args):
        """Calls `call(*args)` at a time; calls of the same time in order."""
        heapq.heappush(self._due, (time_s, next(self._order), call, args))

    def forget(self, unwanted):
        """Drops the calls of which `unwanted(time_s, call)` is true."""
        self._due = [e for e in self._due if not unwanted(e[0], e[2])]
        heapq.heapify(self._due)

    def stop(self):
        """Ends `run` after the current call."""
        self._stopped = True

    def run(self):
        """Serves files and times until it is stopped."""
        while not self._stopped:
            for key, _ in self.selector.select(self._wait_s()):
                key.data()
            for _ in range(_MOST_DUE):
                if not self._due or self._due[0][0] > self.now():
                    break
                _, _, call, args = heapq.heappop(self._due)
                call(*args)

    def _wait_s(self):
        return max(0.0, self._due[0][0] - self.now()) if self._due else None
