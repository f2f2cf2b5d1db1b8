"""What sending takes now, from the last sends.

    ms = floor + excess      the round trip, and what the link added
    expected(B) = floor + mean_i(excess_i (W + B) / (W + B_i))

over the last sends i of B_i bytes. Each send stands for a state that the link
may be in, so that the mean runs over times, not over rates: mean(B / rate_i)
is what an image will wait, B / mean(rate) is less (Jensen).

W is what a send waits for its turn, in bytes that could be sent meanwhile: 0 on
a line of constant rate, a packet or more on a radio link. It is learned: each
send of another size than those before tells which W would have predicted it. Of
those that are nearly as good as the best, the most hopeful is taken: the least
for fewer bytes, the largest for more. What looks better than it is gets sent,
and is known then.

The floor is that of `floor`. A miss
counts with the time it was waited for: at least that much passed.
"""

import collections
import math
from typing import NamedTuple

from bottlenet_tf.link.checks import is_number, require
from bottlenet_tf.link.floor import CONNECT_BYTES, Floor

WINDOW = 20
# Sends older than this tell little of the link now; a few are kept anyway.
MAX_AGE_S = 3.0
MIN_SENDS = 3
# Of later sends each counts so much more than the one before.
RECENCY = 1.1
# Candidates for W, in bytes; the last one stands for waits alone.
WAITS = (0.0, 300.0, 1000.0, 3000.0, 10e3, 1e9)
# What errors lose of their weight with each send, and how much worse than the
# best W, in e-folds, another is believed still.
FORGET, MARGIN = 0.9, 0.3
# Without news they lose half of it in a minute, so that hope returns.
_HALF_LIFE_S = 60.0
_OTHER_SIZE = 1.5
# `likely`: a send that was given up would have taken so much longer than it was
# waited for, and how steep the odds are. Tuned as the rest.
MISS_FACTOR, STEEPNESS = 1.5, 2.5


class Send:
    """Bytes on the air, ms of the network alone, when, whether missed."""

    __slots__ = ("num_bytes", "ms", "at_s", "missed")

    def __init__(self, num_bytes, ms, at_s, missed=False):
        self.num_bytes, self.ms = num_bytes, ms
        self.at_s, self.missed = at_s, missed


class Fit(NamedTuple):
    """What the remembered sends have in common, weighted by recency.

    Attributes:
        floor: The round trip, in ms.
        scales: For each W the mean of excess / (W + bytes).
        miss_rate: Share of misses.
        size: Mean bytes; 0 without a send.
    """

    floor: float
    scales: list
    miss_rate: float
    size: float


class Sends:
    """The window of observed sends.

    Args:
        clock: Function without arguments that returns monotonic seconds.
        window: Most sends to remember.
        recency: How much more a send counts than the one before it.
        max_age_s: Older ones are forgotten while `MIN_SENDS` are left.
        wait_bytes: W above; None learns it.
    """

    def __init__(
        self,
        clock,
        window=WINDOW,
        recency=RECENCY,
        max_age_s=MAX_AGE_S,
        wait_bytes=None,
    ):
        self._clock = clock
        self._sends = collections.deque(maxlen=window)
        self._recency, self._max_age_s = recency, max_age_s
        self._waits = WAITS if wait_bytes is None else (wait_bytes,)
        self._errors = [0.0] * len(self._waits)
        self._judged_s = clock()
        self._floor = Floor(clock)
        self._fitted = None

    def __len__(self):
        return len(self._sends)

    def answered(self, num_bytes, ms):
        """Notes a send that was answered.

        Args:
            num_bytes: On the air.
            ms: From the first byte sent to the answer, less what the server
                computed and queued it.
        """
        _check(num_bytes, ms)
        self._judge(num_bytes, ms)
        self._floor.note(num_bytes, ms)
        self._note(num_bytes, ms, missed=False)

    def missed(self, num_bytes, waited_ms):
        """Notes a send without an answer, given up after so long."""
        _check(num_bytes, waited_ms)
        self._judge(num_bytes, waited_ms, missed=True)
        self._note(num_bytes, waited_ms, missed=True)

    def revived(self):
        """Forgets misses: they told of a cut that is over."""
        kept = [send for send in self._sends if not send.missed]
        self._sends = collections.deque(kept, self._sends.maxlen)
        self._fitted = None

    def connected(self, ms):
        """Notes how long a connection took: a round trip without payload."""
        _check(CONNECT_BYTES, ms)
        self._floor.note(CONNECT_BYTES, ms)
        self._fitted = None

    def _judge(self, num_bytes, ms, missed=False):
        """Learns from a send of another size what waits are worth.

        A miss contradicts only what would have been answered by then.
        """
        fit = self._fit()
        # Of one size alone the floor is only guessed.
        is_known = fit.size and self._floor.num_sizes > 1
        if not is_known or (
            1 / _OTHER_SIZE < num_bytes / fit.size < _OTHER_SIZE
        ):
            return
        # In logarithms, so that no silence outweighs all that came before.
        found = math.log(1.0 + max(0.0, ms - fit.floor))
        for i, wait in enumerate(self._waits):
            expected = fit.scales[i] * (wait + num_bytes)
            error = found - math.log(1.0 + expected)
            error = max(0.0, error) if missed else abs(error)
            self._errors[i] = FORGET * self._errors[i] + error
        self._judged_s = self._clock()

    def _wait(self, num_bytes, hopeful=True):
        """Returns the index of W for a payload of so many bytes.

        Args:
            num_bytes: On the air.
            hopeful: Whether to take the best of what may be true, so that it
                is tried, or the worst.
        """
        known = self._believed()
        is_larger = num_bytes > self._fit().size
        return known[-1] if is_larger == hopeful else known[0]

    def _believed(self):
        """Returns the indices of the Ws that explain the sends about best."""
        age_s = self._clock() - self._judged_s
        most = min(self._errors) + MARGIN * 2.0 ** min(
            20.0, age_s / _HALF_LIFE_S
        )
        return [i for i, e in enumerate(self._errors) if e <= most]

    def _note(self, num_bytes, ms, missed):
        _check(num_bytes, ms)
        self._sends.append(Send(num_bytes, ms, self._clock(), missed))
        self._fitted = None

    @property
    def floor_ms(self):
        """The round trip without serialisation; 0 if nothing is known."""
        return self._floor.ms

    def _fit(self):
        if self._forget() or self._fitted is None:
            self._fitted = self._sums()
        return self._fitted

    def _sums(self):
        """Returns a `Fit` of the sends remembered."""
        floor, waits = self.floor_ms, self._waits
        weight, total, lost, size = 1.0, 0.0, 0.0, 0.0
        scales = [0.0] * len(waits)
        for send in self._sends:
            excess = weight * max(0.0, send.ms - floor)
            total += weight
            lost += weight * send.missed
            size += weight * send.num_bytes
            for i, wait in enumerate(waits):
                scales[i] += excess / (wait + send.num_bytes)
            weight *= self._recency
        total = max(total, 1.0)
        return Fit(
            floor, [scale / total for scale in scales], lost / total,
            size / total,
        )  # fmt: skip

    def _forget(self):
        """Drops what is too old; returns whether anything was."""
        sends, before = self._sends, len(self._sends)
        oldest = self._clock() - self._max_age_s
        while len(sends) > MIN_SENDS and sends[0].at_s < oldest:
            sends.popleft()
        return len(sends) < before

    def expected_ms(self, num_bytes):
        """Expected time of a send, round trip included; 0 if none is known."""
        fit, i = self._fit(), self._wait(num_bytes)
        return fit.floor + fit.scales[i] * (self._waits[i] + num_bytes)

    def serialising_ms(self, num_bytes):
        """Of it, what grows with the bytes: the radio is sending then."""
        return self._fit().scales[self._wait(num_bytes)] * num_bytes

    @property
    def miss_rate(self):
        """Share of the remembered sends that had no answer."""
        return self._fit().miss_rate

    def within(self, num_bytes, ms):
        """Returns the share of remembered sends that would take at most `ms`.

        Not hopeful: what is late once too often is worth nothing.

        Args:
            num_bytes: On the air.
            ms: What is left for network and round trip.
        """
        room = ms - self._fit().floor
        if not self._sends:
            return float(room >= 0)
        wait = self._waits[self._wait(num_bytes, hopeful=False)]
        return self._share(num_bytes, wait, room, _is_within)

    def likely(self, num_bytes, ms):
        """Returns the odds, 0 to 1, that a send takes at most `ms`.

            mean_i 1 / (1 + (e_i / r)^s),  r = ms - floor,
            e_i = excess_i (W + B) / (W + B_i)

        For choosing where every send is a gamble: hopeful, by the best of the
        Ws that may be true, and never 0 for all choices at once.

        Args:
            num_bytes: On the air.
            ms: What is left for network and round trip.
        """
        room = ms - self._fit().floor
        if room <= 0 or not self._sends:
            return float(room >= 0)
        return max(
            self._share(num_bytes, self._waits[i], room, _odds)
            for i in self._believed()
        )

    def _share(self, num_bytes, wait, room, odds):
        """Returns the weighted mean of `odds(excess, room, missed)`."""
        floor = self._fit().floor
        weight, total, kept = 1.0, 0.0, 0.0
        for send in self._sends:
            scale = (wait + num_bytes) / (wait + send.num_bytes)
            excess = max(0.0, send.ms - floor) * scale
            kept += weight * odds(excess, room, send.missed)
            total += weight
            weight *= self._recency
        return kept / total


def _is_within(excess, room, missed):
    return not missed and excess <= room


def _odds(excess, room, missed):
    ratio = (MISS_FACTOR if missed else 1.0) * excess / room
    return 1.0 / (1.0 + min(1e6, ratio) ** STEEPNESS)


def _check(num_bytes, ms):
    require(
        is_number(num_bytes, least=1),
        "A send must have bytes.",
        num_bytes=num_bytes,
    )
    require(is_number(ms), "A time must be finite and not negative.", ms=ms)
