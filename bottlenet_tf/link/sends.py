"""Estimates the time of a send, from the last sends.

    ms = floor + excess      the round trip, and the link's share
    expected(B) = floor + mean_i(excess_i (W + B) / (W + B_i))

over the last sends i of B_i bytes. Each send represents a possible state of the
link, so that the mean is over times, not over rates: mean(B / rate_i) is the
wait of an image, B / mean(rate) is less (Jensen).

W is a send's wait for its turn, in bytes that could be sent meanwhile: 0 on
a line of constant rate, a packet or more on a radio link. It is learned: each
send of a new size shows the W that would have predicted it. Among those nearly
as good as the best, the most optimistic is used: the least for fewer bytes, the
largest for more. A choice that looks better than it is gets sent, and is known
then.

The floor is that of `floor`. A miss counts with the time waited, a lower bound.
"""

import collections
import math
from typing import NamedTuple

from bottlenet_tf.common.checks import is_number, require
from bottlenet_tf.link.floor import CONNECT_BYTES, Floor

WINDOW = 20
# Older sends say little about the link now; a few are kept anyway.
MAX_AGE_S = 3.0
MIN_SENDS = 3
# Factor by which each send counts more than the previous one.
RECENCY = 1.1
# Candidates for W, in bytes; the last one means only waits.
WAITS = (0.0, 300.0, 1000.0, 3000.0, 10e3, 1e9)
# Factor of errors with each send, and e-folds by which a W may be worse than
# the best one and is still accepted.
FORGET, MARGIN = 0.9, 0.3
# Without news it halves in a minute, so that estimates become optimistic again.
_HALF_LIFE_S = 60.0
_OTHER_SIZE = 1.5
# `likely`: factor of the wait that an abandoned send would have taken, and
# steepness of the odds. Tuned like the rest.
MISS_FACTOR, STEEPNESS = 1.5, 2.5


class Send(NamedTuple):
    """Bytes on the air, ms of the network alone, when, whether missed."""

    num_bytes: float
    ms: float
    at_s: float
    missed: bool


class _Fit:
    """The remembered sends above a floor, weighted by recency.

    Attributes:
        floor: The round trip, in ms.
        miss_rate: Share of misses.
        size: Mean bytes; 0 without a send.
    """

    def __init__(self, sends, floor, recency):
        self.floor = floor
        self._sends = []  # Of each: weight, ms above the floor, bytes, missed.
        self._scales = {}
        weight, total, lost, size = 1.0, 0.0, 0.0, 0.0
        for num_bytes, ms, _, missed in sends:
            excess = max(0.0, ms - floor)
            self._sends.append((weight, excess, num_bytes, missed))
            total += weight
            lost += weight * missed
            size += weight * num_bytes
            weight *= recency
        self._total = max(total, 1.0)
        self.miss_rate, self.size = lost / self._total, size / self._total

    def scale(self, wait):
        """Returns the mean of excess / (W + bytes) for one W."""
        if wait not in self._scales:
            found = 0.0
            for weight, excess, num_bytes, _ in self._sends:
                found += weight * excess / (wait + num_bytes)
            self._scales[wait] = found / self._total
        return self._scales[wait]

    def share(self, num_bytes, wait, room, odds):
        """Returns the mean of `odds(excess, room, missed)` at a size."""
        kept = 0.0
        for weight, excess, sent_bytes, missed in self._sends:
            excess *= (wait + num_bytes) / (wait + sent_bytes)
            kept += weight * odds(excess, room, missed)
        return kept / self._total


class Sends:
    """The window of observed sends.

    Args:
        recency: Factor by which a send counts more than the previous one.
        wait_bytes: W above; None to learn it.
    """

    def __init__(self, clock, recency=RECENCY, wait_bytes=None):
        self._clock, self._recency = clock, recency
        self._sends = collections.deque(maxlen=WINDOW)
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
            num_bytes: Bytes on the air.
            ms: From the first byte sent to the answer, less the server's
                computing and queueing.
        """
        self._note(num_bytes, ms, missed=False)

    def missed(self, num_bytes, waited_ms):
        """Notes a send without an answer, abandoned after this time."""
        self._note(num_bytes, waited_ms, missed=True)

    def _note(self, num_bytes, ms, missed):
        _check(num_bytes, ms)
        self._judge(num_bytes, ms, missed)
        if not missed:
            self._floor.note(num_bytes, ms)
        self._sends.append(Send(num_bytes, ms, self._clock(), missed))
        self._fitted = None

    def revived(self):
        """Forgets misses: their outage is over."""
        kept = [send for send in self._sends if not send.missed]
        self._sends = collections.deque(kept, WINDOW)
        self._fitted = None

    def connected(self, ms):
        """Notes the time of connecting: a round trip without payload."""
        _check(CONNECT_BYTES, ms)
        self._floor.note(CONNECT_BYTES, ms)
        self._fitted = None

    def _judge(self, num_bytes, ms, missed):
        """Learns W from a send of another size.

        A miss contradicts only shorter predictions.
        """
        fit = self._fit()
        # With a single size the floor is only a guess.
        is_known = fit.size and self._floor.num_sizes > 1
        if not is_known or (
            1 / _OTHER_SIZE < num_bytes / fit.size < _OTHER_SIZE
        ):
            return
        # In logarithms, so that no silence outweighs everything before.
        found = math.log(1.0 + max(0.0, ms - fit.floor))
        for i, wait in enumerate(self._waits):
            expected = fit.scale(wait) * (wait + num_bytes)
            error = found - math.log(1.0 + expected)
            error = max(0.0, error) if missed else abs(error)
            self._errors[i] = FORGET * self._errors[i] + error
        self._judged_s = self._clock()

    def _wait(self, num_bytes, hopeful=True):
        """Returns W for these bytes: the most or least optimistic one."""
        known = self._believed()
        is_larger = num_bytes > self._fit().size
        return known[-1] if is_larger == hopeful else known[0]

    def _believed(self):
        """Returns the Ws that explain the sends almost best."""
        age_s = self._clock() - self._judged_s
        most = min(self._errors) + MARGIN * 2.0 ** min(
            20.0, age_s / _HALF_LIFE_S
        )
        return [w for w, e in zip(self._waits, self._errors) if e <= most]

    @property
    def floor_ms(self):
        """The round trip without serialisation; 0 if nothing is known."""
        return self._floor.ms

    def _fit(self):
        sends, before = self._sends, len(self._sends)
        oldest = self._clock() - MAX_AGE_S
        while len(sends) > MIN_SENDS and sends[0].at_s < oldest:
            sends.popleft()
        if self._fitted is None or len(sends) < before:
            self._fitted = _Fit(sends, self.floor_ms, self._recency)
        return self._fitted

    def expected_ms(self, num_bytes):
        """Expected time of a send, round trip included; 0 if none is known."""
        fit, wait = self._fit(), self._wait(num_bytes)
        return fit.floor + fit.scale(wait) * (wait + num_bytes)

    def serialising_ms(self, num_bytes):
        """The part of it that grows with the bytes: the radio is sending."""
        return self._fit().scale(self._wait(num_bytes)) * num_bytes

    @property
    def miss_rate(self):
        """Share of the remembered sends without an answer."""
        return self._fit().miss_rate

    def within(self, num_bytes, ms):
        """Returns the share of remembered sends that would take at most `ms`.

        Not optimistic: a send that is often late is worthless.
        """
        fit = self._fit()
        room = ms - fit.floor
        if not self._sends:
            return float(room >= 0)
        wait = self._wait(num_bytes, hopeful=False)
        return fit.share(num_bytes, wait, room, _is_within)

    def likely(self, num_bytes, ms):
        """Returns the odds, 0 to 1, that a send takes at most `ms`.

            mean_i 1 / (1 + (e_i / r)^s),  r = ms - floor,
            e_i = excess_i (W + B) / (W + B_i)

        For choosing when every send is a gamble: optimistic, by the best
        acceptable W, and never 0 for all choices at once.
        """
        fit = self._fit()
        room = ms - fit.floor
        if room <= 0 or not self._sends:
            return float(room >= 0)
        return max(
            fit.share(num_bytes, wait, room, _odds) for wait in self._believed()
        )


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
