"""When to try the link again: probes of a dead one, pauses of a busy server."""

import random

# At most a fortieth of a cut is lost after its end, and 0.4 s of a short one.
LEAST_PROBE_S, MOST_PROBE_S = 0.4, 4.0
_SHARE_OF_CUT = 1.0 / 40.0
# Where the link answers, but the device is faster without it.
_SHARE_OF_IDLE = 1.0 / 4.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.25, 8.0


class Probes:
    """Growing intervals between probes, while nothing else is sent.

    The interval is a share of the time since `begin`, within 0.4 and 4
    seconds. The first probe is due at once.

    Args:
        clock: Function that returns monotonic seconds.
    """

    def __init__(self, clock):
        self._clock = clock
        self._since = self._next = None
        self._share = _SHARE_OF_CUT

    @property
    def interval_s(self):
        """The interval now; 0 if there is no reason to probe."""
        if self._since is None:
            return 0.0
        elapsed = self._clock() - self._since
        return min(MOST_PROBE_S, max(LEAST_PROBE_S, self._share * elapsed))

    def begin(self, dead):
        """Probes from now on, of a link that is dead or only slow."""
        if self._since is None or dead != self.of_dead:
            self._since = self._clock()
            self._next = self._since + (0.0 if dead else LEAST_PROBE_S)
            self._share = _SHARE_OF_CUT if dead else _SHARE_OF_IDLE

    @property
    def of_dead(self):
        """Whether a dead link is probed."""
        return self._since is not None and self._share == _SHARE_OF_CUT

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

    Args:
        clock: Function that returns monotonic seconds.
        seed: Of the jitter.
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
