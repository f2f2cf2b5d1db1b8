"""Rates over time: constant, piecewise constant or packet opportunities."""

import bisect
import dataclasses
import functools
import itertools
import math

from bottlenet_tf.common.validation import check

PACKET_BYTES = 1500  # Bytes of one opportunity in mahimahi's files.
# A radio link's rates are far below; a larger number has another unit.
MAX_BITS_PER_SECOND = 1e12
# A smaller fraction of a bit is rounding: it must not wait for a pause's end.
_ROUNDING_BITS = 1e-3


@dataclasses.dataclass(frozen=True)
class Trace:
    """The capacity of a link over time, repeated when it ends.

    C(t) = ∫₀ᵗ rate, the bits that can have left by t, is stored at its knots
    and linear between them. A packet of b bits given at t has left at the least
    u with C(u) - C(t) >= b: two searches by bisection.

    A packet opportunity is a jump of C by 8 * 1500 bits at its millisecond:
    it serves all that waits then, several small packets or a part of a large
    one; the unused rest is lost. A packet given at the time of an opportunity
    still uses it.

    Use `constant`, `piecewise`, `opportunities` or `trace_files.load`.

    Attributes:
        times_s: Times of the knots, from 0 to the trace's end, not decreasing.
        bits: C at the knots, from 0, not decreasing.
    """

    name: str
    times_s: tuple[float, ...] = dataclasses.field(repr=False)
    bits: tuple[float, ...] = dataclasses.field(repr=False)

    def __post_init__(self):
        check(
            len(self.times_s) == len(self.bits) >= 2
            and _rises(self.times_s)
            and _rises(self.bits),
            "A trace's times and bits must rise from 0 and be of one length.",
            trace=self.name,
        )
        check(
            0 < self.times_s[-1] < math.inf,
            "A trace must have a positive length: it is repeated.",
            duration_s=self.times_s[-1],
            trace=self.name,
        )
        check(
            0 < self.bits[-1] < math.inf,
            "A trace must have capacity, or nothing would ever arrive.",
            bits=self.bits[-1],
            trace=self.name,
        )

    @classmethod
    def constant(cls, mbps, name=None):
        """Returns the trace of one rate, `mbps` in 10^6 bit/s.

        It is above 0 and at most 10^6. A name of None, for tables, is the rate.
        """
        check(
            0 < mbps * 1e6 <= MAX_BITS_PER_SECOND,
            "A rate must be positive and at most 10^6 Mbit/s.",
            mbps=mbps,
        )
        return cls(name or f"{mbps:g} Mbit/s", (0.0, 1.0), (0.0, mbps * 1e6))

    @classmethod
    def piecewise(cls, rates, duration_s, name="piecewise"):
        """Returns rates that each last until the next one.

        Args:
            rates: `(start_s, bits_per_second)`, starts rising from 0.
            duration_s: End of the last one; then the trace repeats.
        """
        rates = list(rates)
        check(rates, "A trace must have at least one rate.", rates=rates)
        starts = [start for start, _ in rates]
        times = [*starts, duration_s]
        check(
            times[0] == 0 and all(a < b for a, b in itertools.pairwise(times)),
            "Starts must rise from 0 s to the trace's end.",
            starts_s=starts[:10],
            duration_s=duration_s,
            trace=name,
        )
        for start, rate in rates:
            check(
                0 <= rate <= MAX_BITS_PER_SECOND,
                "A rate must be between 0 and 10^12 bit/s.",
                bits_per_second=rate,
                start_s=start,
                trace=name,
            )
        steps = [
            rate * (end - start)
            for (start, rate), end in zip(rates, times[1:], strict=True)
        ]
        bits = itertools.accumulate(steps, initial=0.0)
        return cls(name, tuple(map(float, times)), tuple(bits))

    @classmethod
    def opportunities(cls, times_ms, name="opportunities"):
        """Returns a trace of opportunities to send one 1500-byte packet.

        Args:
            times_ms: One integer per opportunity, not decreasing; several in
                one millisecond are several packets. The last one is the trace's
                end.
        """
        check(times_ms, "A trace must have an opportunity.", trace=name)
        check(
            times_ms[0] >= 0
            and all(a <= b for a, b in itertools.pairwise(times_ms)),
            "Opportunities must be in order of time and not negative.",
            trace=name,
        )
        times, bits, total = [0.0], [0.0], 0.0
        for time_ms, group in itertools.groupby(times_ms):
            packets = len(list(group))
            times += [time_ms / 1e3] * 2
            bits += [total, total + 8.0 * PACKET_BYTES * packets]
            total = bits[-1]
        return cls(name, tuple(times), tuple(bits))

    @property
    def duration_s(self):
        """Seconds until the trace repeats."""
        return self.times_s[-1]

    @property
    def mean_mbps(self):
        """Mean rate over the trace, in 10^6 bit/s."""
        return self.bits[-1] / self.duration_s / 1e6

    @functools.cached_property
    def silent_s(self):
        """Seconds of the trace's full seconds in which nothing can leave."""
        return sum(
            self.bits_by(second) == self.bits_by(second + 1)
            for second in range(math.floor(self.duration_s))
        )

    def bits_by(self, time_s):
        """Returns C(t), without an opportunity at t itself."""
        check(
            0 <= time_s < math.inf,
            "A time on a trace must be finite and not negative.",
            time_s=time_s,
        )
        rounds, rest_s = divmod(time_s, self.duration_s)
        if not rest_s and rounds:
            # The opportunity at the trace's end is at this moment.
            rounds, rest_s = rounds - 1, self.duration_s
        done = rounds * self.bits[-1]
        times, bits = self.times_s, self.bits
        after = bisect.bisect_left(times, rest_s)
        if times[after] == rest_s:
            return done + bits[after]
        share = (rest_s - times[after - 1]) / (times[after] - times[after - 1])
        return done + bits[after - 1] + share * (bits[after] - bits[after - 1])

    def time_of(self, bits):
        """Returns the least t in seconds with C(t) >= bits; 0 for none."""
        if bits <= 0:
            return 0.0
        total = self.bits[-1]
        rounds = max(0, math.ceil((bits - _ROUNDING_BITS) / total) - 1)
        rest = bits - rounds * total
        after = bisect.bisect_left(self.bits, rest - _ROUNDING_BITS, lo=1)
        first_s, last_s = self.times_s[after - 1 : after + 1]
        low, high = self.bits[after - 1 : after + 1]
        share = 1.0 if high == low else min(1.0, (rest - low) / (high - low))
        return rounds * self.duration_s + first_s + share * (last_s - first_s)

    def sent_at(self, start_s, num_bytes):
        """Returns when the last bit has left, in seconds.

        Args:
            start_s: When the line is free for it; finite, not negative.
            num_bytes: Bytes with headers.
        """
        check(
            num_bytes >= 0,
            "A size must not be negative.",
            num_bytes=num_bytes,
        )
        before = self.bits_by(start_s)
        if not num_bytes:
            return start_s
        return max(start_s, self.time_of(before + 8 * num_bytes))


def _rises(values):
    """Whether values are finite, begin at 0 and never decrease."""
    return (
        values[0] == 0
        and math.isfinite(values[-1])
        and all(a <= b for a, b in itertools.pairwise(values))
    )
