"""A control to compare with: one rate, the harmonic mean of the last five.

As adaptive video streaming predicts its downloads. It knows the round trip.
"""

import collections
import statistics

WINDOW = 5


class HarmonicSends:
    """Takes the place of `link.sends.Sends`; ms = rtt + 8e-3 bytes / rate.

    Args:
        rtt_ms: The true round trip.
    """

    miss_rate = 0.0

    def __init__(self, rtt_ms):
        self._rtt_ms = rtt_ms
        self._rates = collections.deque(maxlen=WINDOW)  # Bytes a ms.

    def __len__(self):
        return len(self._rates)

    @property
    def floor_ms(self):
        """The round trip."""
        return self._rtt_ms

    def answered(self, num_bytes, ms):
        """Notes a send."""
        self._rates.append(num_bytes / max(1e-3, ms - self._rtt_ms))

    def missed(self, num_bytes, waited_ms):
        """Notes a miss as a send of that time."""
        self.answered(num_bytes, waited_ms)

    def connected(self, ms):
        """Tells it nothing: it knows the round trip."""

    def revived(self):
        """Tells it nothing."""

    def serialising_ms(self, num_bytes):
        """Returns the time at the mean rate."""
        if not self._rates:
            return 0.0
        return num_bytes / statistics.harmonic_mean(self._rates)

    def expected_ms(self, num_bytes):
        """Returns round trip and time at the mean rate."""
        return self._rtt_ms + self.serialising_ms(num_bytes)

    def within(self, num_bytes, ms):
        """Returns 1.0 if the expected time is at most `ms`, else 0.0."""
        return float(self.expected_ms(num_bytes) <= ms)
