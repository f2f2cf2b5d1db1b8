"""What sending takes now, from the last sends.

    ms = floor + excess      the round trip, and what the link added
    expected(B) = floor + mean_i(excess_i (1 - s + s B / B_i))

over the last sends i of B_i bytes. Each send stands for a state that the link
may be in, so that the mean runs over times, not over rates: mean(B / rate_i)
is what an image will wait, B / mean(rate) is less (Jensen).

The share s of an excess that grows with the bytes is 1 on a line of constant
rate, and near 0 where a packet mostly waits for its turn, as on a radio link.
It is learned: each send of another size than those before tells which s would
have predicted it. Of those that are nearly as good as the best, the most
hopeful is taken: the largest for fewer bytes, the least for more. What looks
better than it is gets sent, and is known then.

The floor is the least round trip seen, less its serialisation if several
sizes tell that. Of one size alone half of the least counts as floor. A miss
counts with the time it was waited for: at least that much passed.
"""

import collections

from bottlenet_tf.link.checks import is_number, require

WINDOW = 20
# Sends older than this tell little of the link now; a few are kept anyway.
MAX_AGE_S = 3.0
MIN_SENDS = 3
# Of later sends each counts so much more than the one before.
RECENCY = 1.1
# A route changes seldom: the floor is that of the last minutes.
FLOOR_AGE_S = 120.0
# Candidates for s; what their errors lose of their weight with each send, and
# how much worse than the best one is believed still.
SHARES = (0.0, 0.25, 0.5, 1.0)
FORGET, TOLERANCE = 0.9, 2.0
_OTHER_SIZE = 1.5
# A connect's packets: TCP and IP with options.
CONNECT_BYTES = 60


class Send:
    """Bytes on the air, ms of the network alone, when, whether missed."""

    __slots__ = ("num_bytes", "ms", "at_s", "missed")

    def __init__(self, num_bytes, ms, at_s, missed=False):
        self.num_bytes, self.ms = num_bytes, ms
        self.at_s, self.missed = at_s, missed


class Sends:
    """The window of observed sends.

    Args:
        clock: Function without arguments that returns monotonic seconds.
        window: Most sends to remember.
        recency: How much more a send counts than the one before it.
        max_age_s: Older ones are forgotten while `MIN_SENDS` are left.
        share: s above; None learns it.
    """

    def __init__(
        self,
        clock,
        window=WINDOW,
        recency=RECENCY,
        max_age_s=MAX_AGE_S,
        share=None,
    ):
        self._clock = clock
        self._sends = collections.deque(maxlen=window)
        self._recency, self._max_age_s = recency, max_age_s
        self._given_share = share
        self._errors = None
        # The least ms of each size, by its bit length: (ms, bytes, at_s).
        self._least = {}
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
        self._note(num_bytes, ms, missed=False)
        self._note_least(num_bytes, ms)

    def missed(self, num_bytes, waited_ms):
        """Notes a send without an answer, given up after so long."""
        self._note(num_bytes, waited_ms, missed=True)

    def revived(self):
        """Forgets misses: they told of a cut that is over."""
        kept = [send for send in self._sends if not send.missed]
        self._sends = collections.deque(kept, self._sends.maxlen)
        self._fitted = None

    def connected(self, ms):
        """Notes how long a connection took: a round trip without payload."""
        _check(CONNECT_BYTES, ms)
        self._note_least(CONNECT_BYTES, ms)

    def _judge(self, num_bytes, ms):
        """Learns from a send of another size what grows with the bytes."""
        floor, mean, per_byte, _, size = self._fit()
        # Of one size alone the floor is only guessed.
        is_known = size and len(self._least) > 1
        if not is_known or 1 / _OTHER_SIZE < num_bytes / size < _OTHER_SIZE:
            return
        errors = [
            abs(floor + (1 - k) * mean + k * per_byte * num_bytes - ms)
            for k in SHARES
        ]
        if self._errors is None:
            self._errors = errors
            return
        self._errors = [FORGET * a + b for a, b in zip(self._errors, errors)]

    def share(self, num_bytes, hopeful=True):
        """Returns s for a payload of so many bytes; see above.

        Args:
            num_bytes: On the air.
            hopeful: Whether to take the best of what may be true, so that it
                is tried, or the worst.
        """
        if self._given_share is not None:
            return self._given_share
        known = SHARES
        if self._errors is not None:
            least = TOLERANCE * min(self._errors)
            known = [s for s, e in zip(SHARES, self._errors) if e <= least]
        is_larger = num_bytes > self._fit()[4]
        return min(known) if is_larger == hopeful else max(known)

    def _note(self, num_bytes, ms, missed):
        _check(num_bytes, ms)
        self._sends.append(Send(num_bytes, ms, self._clock(), missed))
        self._fitted = None

    def _note_least(self, num_bytes, ms):
        now, size = self._clock(), int(num_bytes).bit_length()
        known = self._least.get(size)
        if known is None or ms <= known[0] or now - known[2] > FLOOR_AGE_S:
            self._least[size] = (ms, num_bytes, now)
        self._fitted = None

    @property
    def floor_ms(self):
        """The round trip without serialisation; 0 if nothing is known."""
        if not self._least:
            return 0.0
        oldest = self._clock() - FLOOR_AGE_S
        known = [k for k in self._least.values() if k[2] >= oldest]
        known = sorted(known or self._least.values(), key=lambda k: k[1])
        ms, num_bytes, _ = known[0]
        least = min(k[0] for k in known)
        if len(known) == 1:
            return ms if num_bytes <= CONNECT_BYTES else 0.5 * ms
        # A line through the smallest size; never above any other.
        slopes = [(m - ms) / (b - num_bytes) for m, b, _ in known[1:]]
        slope = max(0.0, min(slopes))
        return max(0.0, min(least, ms - slope * num_bytes))

    def _fit(self):
        """Returns floor, mean excess, the same a byte, misses, mean bytes."""
        if self._forget() or self._fitted is None:
            self._fitted = self._sums()
        return self._fitted

    def _sums(self):
        floor = self.floor_ms
        weight, total = 1.0, 0.0
        mean = per_byte = lost = size = 0.0
        for send in self._sends:
            excess = max(0.0, send.ms - floor)
            total += weight
            lost += weight * send.missed
            mean += weight * excess
            size += weight * send.num_bytes
            per_byte += weight * excess / send.num_bytes
            weight *= self._recency
        sums = mean, per_byte, lost, size
        return (floor, *(value / max(total, 1.0) for value in sums))

    def _forget(self):
        """Drops what is too old; returns whether anything was."""
        sends, before = self._sends, len(self._sends)
        oldest = self._clock() - self._max_age_s
        while len(sends) > MIN_SENDS and sends[0].at_s < oldest:
            sends.popleft()
        return len(sends) < before

    def expected_ms(self, num_bytes):
        """Expected time of a send, round trip included; 0 if none is known."""
        floor, mean, per_byte, _, _ = self._fit()
        share = self.share(num_bytes)
        return floor + (1 - share) * mean + share * per_byte * num_bytes

    def serialising_ms(self, num_bytes):
        """Of it, what grows with the bytes: the radio is sending then."""
        return self.share(num_bytes) * self._fit()[2] * num_bytes

    @property
    def miss_rate(self):
        """Share of the remembered sends that had no answer."""
        return self._fit()[3]

    def within(self, num_bytes, ms):
        """Returns the share of remembered sends that would take at most `ms`.

        Not hopeful: what is late once too often is worth nothing.

        Args:
            num_bytes: On the air.
            ms: What is left for network and round trip.
        """
        floor = self._fit()[0]
        share = self.share(num_bytes, hopeful=False)
        weight, total, kept = 1.0, 0.0, 0.0
        for send in self._sends:
            total += weight
            scale = 1.0 + share * (num_bytes / send.num_bytes - 1.0)
            excess = max(0.0, send.ms - floor)
            if not send.missed and floor + excess * scale <= ms:
                kept += weight
            weight *= self._recency
        return kept / total if total else float(floor <= ms)


def _check(num_bytes, ms):
    require(
        is_number(num_bytes, least=1),
        "A send must have bytes.",
        num_bytes=num_bytes,
    )
    require(is_number(ms), "A time must be finite and not negative.", ms=ms)
