"""When to retry: probes of a dead link, pauses for a busy server."""

import random

MOST_PROBE_S = 4.0
# For a dead link: least interval, and interval as a share of the time since its
# death. An outage of up to 30 s is noticed 0.15 s after its end: with the rest
# of the current image and the first one sent, within 0.5 s at a round trip of
# 20 ms, for networks of up to 200 ms.
LEAST_PROBE_S, _SHARE_OF_CUT = 0.15, 1.0 / 200.0
# For a link that answers, if the device is faster without it.
_LEAST_IDLE_S, _SHARE_OF_IDLE = 0.3, 0.15
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.25, 8.0


class Probes:
    """Growing intervals between probes, while nothing else is sent.

    The interval is a share of the time since `begin`, between a least one and
    4 seconds. The first probe is due at once.
    """

    def __init__(self, clock):
        self._clock = clock
        self._since = self._next = None
        self._of_dead = False

    @property
    def interval_s(self):
        """The interval now; 0 if there is no reason to probe."""
        if self._since is None:
            return 0.0
        least, share = _LEAST_IDLE_S, _SHARE_OF_IDLE
        if self._of_dead:
            least, share = LEAST_PROBE_S, _SHARE_OF_CUT
        elapsed = self._clock() - self._since
        return min(MOST_PROBE_S, max(least, share * elapsed))

    def begin(self, of_dead):
        """Starts probing a link that is dead or only slow."""
        if self._since is None or of_dead != self._of_dead:
            self._since = self._next = self._clock()
            self._of_dead = of_dead

    def end(self):
        """Stops probing."""
        self._since = self._next = None

    def take(self):
        """Returns whether a probe is due, and if so counts it as sent."""
        now = self._clock()
        if self._since is None or now < self._next:
            return False
        self._next = now + self.interval_s
        return True


class Pauses:
    """Exponential pauses with jitter after refusals.

    Devices that were refused together must not return together, so each pause
    is between half and one and a half of its length.
    """

    def __init__(self, clock, seed=0):
        self._clock, self._random = clock, random.Random(seed)
        self._length, self._until = _FIRST_PAUSE_S, None

    def refused(self, retry_after_s=None):
        """Starts a pause, at least as long as the server asks for."""
        pause = self._length * (0.5 + self._random.random())
        if retry_after_s is not None:
            pause = max(pause, min(retry_after_s, _MOST_PAUSE_S))
        self._length = min(2.0 * self._length, _MOST_PAUSE_S)
        self._until = self._clock() + pause

    def answered(self):
        """Notes that the server takes requests: the next pause is short."""
        self._length, self._until = _FIRST_PAUSE_S, None

    @property
    def left_s(self):
        """Time in which nothing should be sent."""
        if self._until is None:
            return 0.0
        return max(0.0, self._until - self._clock())
