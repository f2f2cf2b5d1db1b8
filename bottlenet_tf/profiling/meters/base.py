"""Energy meters: joules and seconds of a piece of work."""

import abc
import threading
import time
from typing import NamedTuple


class MeterError(RuntimeError):
    """A meter is missing, unreadable, or stopped answering."""


class Reading(NamedTuple):
    """Energy and time of a piece of work; `joules` is None if unmeasured.

    A counter that doesn't change, as on a virtual machine, measures nothing: no
    machine works at 0 W.
    """

    joules: float | None
    seconds: float

    @property
    def power_mw(self):
        """Mean power in milliwatts, or None."""
        if self.joules is None:
            return None
        return 1e3 * self.joules / self.seconds


class Meter(abc.ABC):
    """Measures the energy of a machine during a piece of work.

    Everything that the meter sees counts: the idle machine, and other programs.

    Attributes:
        reason: Why nothing is measured, or None if something is.
    """

    reason = None

    def __init__(self, name):
        self.name = name

    @abc.abstractmethod
    def measure(self, work):
        """Calls `work()`; returns its result and a `Reading`."""


class Unmetered(Meter):
    """Measures only the time, for a reason."""

    def __init__(self, reason):
        super().__init__("none")
        self.reason = reason

    def measure(self, work):
        begin = time.perf_counter()
        result = work()
        return result, Reading(None, time.perf_counter() - begin)


class Constant(Meter):
    """Assumes a constant power P in watts: E = P t."""

    def __init__(self, watts):
        super().__init__(f"constant {watts:g} W, assumed, not measured")
        self._watts = watts

    def measure(self, work):
        result, reading = Unmetered(None).measure(work)
        joules = self._watts * reading.seconds
        return result, reading._replace(joules=joules)


class _Polled(Meter):
    """Reads at the beginning, in a thread every `period_s`, and at the end.

    The joules are those between the first and the last reading.
    """

    def __init__(self, name, period_s):
        super().__init__(name)
        self._period_s = period_s

    def measure(self, work):
        self._error = None
        self._joules = 0.0
        self._previous = self._read()
        begin = self._previous[0]
        stopped = threading.Event()
        thread = threading.Thread(target=self._poll, args=(stopped,))
        thread.start()
        try:
            result = work()
        finally:
            stopped.set()
            thread.join()
        if self._error is not None:
            raise self._error
        self._advance()
        return result, Reading(self._joules or None, self._previous[0] - begin)

    def _poll(self, stopped):
        while not stopped.wait(self._period_s):
            try:
                self._advance()
            except MeterError as error:
                self._error = error
                return

    def _advance(self):
        now = self._read()
        self._joules += self._between(self._previous, now)
        self._previous = now

    def _read(self):
        try:
            return time.perf_counter(), self._value()
        except (OSError, ValueError) as error:
            raise MeterError(
                f"The meter must answer while it measures: {error}. "
                f"Received: meter={self.name!r}"
            ) from error

    @abc.abstractmethod
    def _value(self):
        """Reads the instrument."""

    @abc.abstractmethod
    def _between(self, before, after):
        """Returns the joules between two `(seconds, value)`."""


class Counted(_Polled):
    """Meter with counters of energy that wrap around to 0.

    If one wraps twice between two readings, a range is lost. Intel's wrap in
    about a minute under full load, so a reading per second suffices.

    Args:
        counters: List of `(read, joules, range)`: a function that returns a
            whole number, the joules of one count, and the count at which it
            wraps, or None if it never does.
    """

    def __init__(self, name, counters, period_s=1.0):
        super().__init__(name, period_s)
        self._counters = counters

    def _value(self):
        return [read() for read, _, _ in self._counters]

    def _between(self, before, after):
        joules = 0.0
        for (_, unit, size), old, new in zip(
            self._counters, before[1], after[1], strict=True
        ):
            moved = new - old
            if moved < 0:
                if size is None:
                    raise MeterError(
                        "A counter of energy must not run backwards. "
                        f"Received: meter={self.name!r}, {old} before {new}"
                    )
                moved += size
            joules += unit * moved
        return joules


class Sampled(_Polled):
    """Meter of momentary power.

    E = sum of (P_i + P_(i+1)) / 2 (t_(i+1) - t_i), the trapezoids between
    readings. Peaks shorter than a period may be missed.
    """

    def __init__(self, name, read, period_s=0.02):
        super().__init__(f"{name}, read every {1e3 * period_s:g} ms", period_s)
        self._watts = read

    def _value(self):
        return self._watts()

    def _between(self, before, after):
        return (before[1] + after[1]) / 2 * (after[0] - before[0])
