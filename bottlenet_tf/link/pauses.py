"""When to try the link again: probes of a dead one, pauses of a busy server."""

import random

MOST_PROBE_S = 4.0
# Of a dead link: least interval, and interval as a share of the time it has
# been dead. A sixtieth of a cut is lost after its end, or 0.3 s of a short one,
# and the rest of the image under way.
LEAST_PROBE_S, _SHARE_OF_CUT = 0.3, 1.0 / 60.0
# Of a link that answers, where the device is faster without it.
_LEAST_IDLE_S, _SHARE_OF_IDLE = 0.1, 0.15
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
        """Probes from now on, of a link that is dead or only slow."""
        if self._since is None or of_dead != self._of_dead:
            self._since = self._next = self._clock()
            self._of_dead = of_dead

    def end(self):
        """No more of them."""
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

    Devices that were refused together must not return together, so that each
    pause is between half and one and a half of its length.
    """

    def __init__(self, clock, seed=0):
        self._clock, self._random = clock, random.Random(seed)
        self._length, self._until = _FIRST_PAUSE_S, None

    def refused(self, retry_after_s=None):
        """Begins a pause, at least as long as the server asks for."""
        pause = self._length * (0.5 + self._random.random())
        if retry_after_s is not None:
            pause = max(pause, min(retry_after_s, _MOST_PAUSE_S))
        self._length = min(2.0 * self._length, _MOST_PAUSE_S)
        self._until = self._clock() + pause

    def answered(self):
        """The server takes requests: the next pause is short again."""
        self._length, self._until = _FIRST_PAUSE_S, None

    @property
    def left_s(self):
        """How long nothing should be sent."""
        if self._until is None:
            return 0.0
        return max(0.0, self._until - self._clock())
