"""One direction of a link: when a packet arrives, or its loss."""

import bisect
import dataclasses
import itertools
import math
import random

from bottlenet_tf.common.validation import check, check_fraction
from bottlenet_tf.emulation.traces import Trace


@dataclasses.dataclass
class Counters:
    """Packets and bytes (at IP level) given to a line, and packets lost."""

    packets: int = 0
    num_bytes: int = 0
    lost_packets: int = 0


class Line:
    """The arithmetic of one direction; takes the time as an argument.

    leaves  = max(now, line free) + its time at the trace's rate
    arrives = leaves + delay

    Emulated links call it in real time, replays in simulated time. A randomly
    lost packet still takes its time on the line. In an outage nothing leaves:
    packets that wait at its beginning, or come during it, are lost. The queue
    drops its tail: a packet is lost if it and those waiting before it,
    including the one being sent, exceed the queue. A line never reorders.

    Args:
        trace: `Trace` of its rate; or a number, in 10^6 bit/s.
        delay_ms: From the last bit's leaving to its arrival.
        loss: Share of packets that never arrive, 0 to 1.
        outages: `(from_s, to_s)`, the end not included.
        queue_bytes: Most queued bytes; None for no limit.
    """

    def __init__(
        self, trace, delay_ms=0, loss=0, outages=(), seed=0, queue_bytes=None
    ):
        check(
            queue_bytes is None or queue_bytes > 0,
            "A queue must have room for at least one byte, or be None for no "
            "limit.",
            queue_bytes=queue_bytes,
        )
        self.counters = Counters()
        self._set(trace, delay_ms, loss)
        self._starts, self._ends = _checked(outages)
        self._queue_bytes = queue_bytes
        self._random = random.Random(seed)
        self._is_cut = False
        self._now_s = 0.0
        self._used_bits = 0.0  # In C of the trace; see `Trace`.
        self._arrives_s = 0.0

    @property
    def trace(self):
        """The `Trace` of its rate."""
        return self._trace

    @property
    def delay_s(self):
        """Seconds from a packet's leaving to its arrival."""
        return self._delay_s

    def change(self, now_s, trace=None, delay_ms=None, loss=None, cut=None):
        """Changes the given properties, for packets from now on.

        Queued packets leave as before. `cut=True` begins an outage without an
        end, `cut=False` ends it. A `ValueError` changes nothing.
        """
        self._advance(now_s)
        waiting_s = self._trace.time_of(self._used_bits)
        self._set(
            self._trace if trace is None else trace,
            1e3 * self._delay_s if delay_ms is None else delay_ms,
            self._loss if loss is None else loss,
        )
        if trace is not None:
            self._used_bits = self._trace.bits_by(max(now_s, waiting_s))
        if cut is not None:
            if cut and not self._is_cut:
                self._empty()
            self._is_cut = bool(cut)

    def send(self, now_s, num_bytes):
        """Returns when a packet arrives, in seconds; None if it is lost.

        Args:
            now_s: Seconds since the trace's start; never less than before.
            num_bytes: Bytes of the packet at IP level, with headers.
        """
        check(num_bytes > 0, "A packet must have bytes.", num_bytes=num_bytes)
        self._advance(now_s)
        self.counters.packets += 1
        self.counters.num_bytes += num_bytes
        arrives_s = self._arrival(now_s, num_bytes)
        if arrives_s is None:
            self.counters.lost_packets += 1
        return arrives_s

    def is_out(self, now_s):
        """Whether an outage is under way."""
        ended = bisect.bisect_right(self._ends, now_s)
        return self._is_cut or self._meets_outage(ended, now_s)

    def _arrival(self, now_s, num_bytes):
        if self.is_out(now_s):
            return None
        possible = self._trace.bits_by(now_s)
        begins = max(self._used_bits, possible)
        if self._queue_bytes is not None:
            waiting = (begins - possible) / 8
            if waiting + num_bytes > self._queue_bytes:
                return None
        self._used_bits = begins + 8 * num_bytes
        leaves_s = max(now_s, self._trace.time_of(self._used_bits))
        ended = bisect.bisect_right(self._ends, now_s)
        if self._meets_outage(ended, leaves_s):
            return None
        if self._loss and self._random.random() < self._loss:
            return None
        self._arrives_s = max(self._arrives_s, leaves_s + self._delay_s)
        return self._arrives_s

    def _meets_outage(self, ended, until_s):
        """Whether the first outage that hasn't ended has begun by then."""
        return ended < len(self._starts) and self._starts[ended] <= until_s

    def _advance(self, now_s):
        check(
            self._now_s <= now_s < math.inf,
            "A line's times must be finite and in order.",
            now_s=now_s,
            before_s=self._now_s,
        )
        begun = bisect.bisect_right(self._starts, now_s)
        if begun and self._starts[begun - 1] > self._now_s:
            self._empty()
        self._now_s = now_s

    def _empty(self):
        self._used_bits = 0.0
        # Earlier packets keep their arrival, later ones leave later.
        self._arrives_s = 0.0

    def _set(self, trace, delay_ms, loss):
        if not isinstance(trace, Trace):
            trace = Trace.constant(trace)
        check(
            0 <= delay_ms < math.inf,
            "A delay must be finite and not negative.",
            delay_ms=delay_ms,
        )
        check_fraction(loss=loss)
        self._trace, self._delay_s = trace, delay_ms / 1e3
        self._loss = loss


def _checked(outages):
    """Returns starts and ends, in order."""
    outages = sorted(outages)
    for begin_s, end_s in outages:
        check(
            0 <= begin_s < end_s,
            "An outage must end after it begins, and begin at 0 s or later.",
            from_s=begin_s,
            to_s=end_s,
        )
    for (_, end_s), (begin_s, _) in itertools.pairwise(outages):
        check(
            end_s <= begin_s,
            "Outages must not overlap.",
            to_s=end_s,
            next_from_s=begin_s,
        )
    return [o[0] for o in outages], [o[1] for o in outages]
