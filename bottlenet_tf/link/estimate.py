"""The controller's state: the current link, server and device.

The link is known from the last sends (`sends`), the server from the times in
its answers, the device from its own clock. A time that wasn't measured yet is
the plan's, scaled by the median ratio of the measured ones: a throttled device
is slow at every split.
"""

import collections
import time

from bottlenet_tf.common.checks import is_number, require
from bottlenet_tf.link.sends import MAX_AGE_S, Sends

_REMEMBERED = 9
# Waits at the server that are kept at any age.
_KEPT = 3


class Medians:
    """Running medians of times, with the plan's as defaults."""

    def __init__(self):
        self._times = {}
        self._known = {}
        self._planned = {}
        self._ratio = 1.0

    def note(self, name, ms, planned_ms):
        """Notes a part's measured time, in ms, and the plan's."""
        require(is_number(ms), "A time must be finite and not negative.", ms=ms)
        if name not in self._times:
            self._times[name] = collections.deque(maxlen=_REMEMBERED)
        times = self._times[name]
        times.append(ms)
        self._known[name] = _median(times)
        self._planned[name] = planned_ms
        ratios = [
            known / self._planned[name]
            for name, known in self._known.items()
            if self._planned[name] > 0
        ]
        self._ratio = _median(ratios) if ratios else 1.0

    def expected(self, name, planned_ms):
        """Returns the time of a part in ms: its median, or the plan's scaled.

        With fewer than three times, the plan's replaces the missing ones.
        """
        times = self._times.get(name, ())
        if len(times) >= 3:
            return self._known[name]
        scaled = planned_ms * self._ratio
        return _median(list(times) + [scaled] * (3 - len(times)))


def _median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return 0.5 * (ordered[half - 1] + ordered[half])


class Estimate:
    """Current time and energy of one image by one choice."""

    def __init__(self, overhead_bytes, clock=time.monotonic):
        self.overhead_bytes = overhead_bytes
        self.sends = Sends(clock)
        self._device = Medians()
        self._server = Medians()
        self._clock = clock
        self._queued = collections.deque(maxlen=_REMEMBERED)  # (s, ms)

    def computed(self, choice, ms):
        """Notes the device's time for a choice: head and codec, or all."""
        self._device.note(choice.split, ms, choice.device_ms)

    def answered(
        self, choice, wire_bytes, ms, computed_ms=None, queued_ms=None
    ):
        """Notes an answer.

        Args:
            ms: From the first byte sent to the answer's last.
            computed_ms, queued_ms: Reported by the server; for None the
                expected time and 0 are subtracted.
        """
        queued = 0.0 if queued_ms is None else queued_ms
        if computed_ms is None:
            computed = self.server_ms(choice)
        else:
            computed = computed_ms
            self._server.note(choice.split, computed_ms, choice.server_ms)
        self.queued(queued)
        # The server's times may exceed the total: then they are invalid.
        network_ms = max(0.0, ms - computed - queued)
        self.sends.answered(wire_bytes + self.overhead_bytes, network_ms)

    def queued(self, ms):
        """Notes the waiting time of a request at the server."""
        self._queued.append((self._clock(), ms))

    def missed(self, wire_bytes, waited_ms):
        """Notes that no answer came within the time waited."""
        self.sends.missed(wire_bytes + self.overhead_bytes, waited_ms)

    def device_ms(self, choice):
        """Head and codec on the device, or the whole network."""
        return self._device.expected(choice.split, choice.device_ms)

    def server_ms(self, choice):
        """The server's computation."""
        return self._server.expected(choice.split, choice.server_ms)

    @property
    def queued_ms(self):
        """Expected wait of a request at the server: the last ones' median."""
        oldest_s = self._clock() - MAX_AGE_S
        while len(self._queued) > _KEPT and self._queued[0][0] < oldest_s:
            self._queued.popleft()
        return _median([ms for _, ms in self._queued]) if self._queued else 0.0

    def network_ms(self, choice):
        """Expected time of round trip and sending; 0 if nothing is sent."""
        if not choice.sends:
            return 0.0
        return self.sends.expected_ms(choice.bytes_mean + self.overhead_bytes)

    def latency_ms(self, choice):
        """Expected time from prepared pixels to an answer, misses left out."""
        total = 0.0 if choice.way == "cloud" else self.device_ms(choice)
        if choice.sends:
            total += self.network_ms(choice)
            total += self.server_ms(choice) + self.queued_ms
        return total

    def energy_mj(self, choice, radio):
        """Expected energy of the device; None if a power is unknown."""
        if choice.compute_mj is None:
            return None
        scale = 1.0
        if choice.device_ms > 0:
            scale = self.device_ms(choice) / choice.device_ms
        total = choice.compute_mj * scale
        if not choice.sends:
            return total
        if radio is None or radio.uplink_mw is None:
            return None
        num_bytes = choice.bytes_mean + self.overhead_bytes
        sending = self.sends.serialising_ms(num_bytes)
        waiting = self.network_ms(choice) - sending
        waiting += self.server_ms(choice) + self.queued_ms
        return (
            total
            + 1e-3 * radio.uplink_mw * sending
            + 1e-3 * radio.waiting_mw * waiting
        )

    def in_time(self, choice, wire_bytes, left_ms, odds):
        """Odds that a choice is answered in time.

        Args:
            left_ms: From prepared pixels to the deadline.
            odds: Function of bytes and ms: `Sends.within` or `likely`.
        """
        left = left_ms - self.server_ms(choice) - self.queued_ms
        if choice.way != "cloud":
            left -= self.device_ms(choice)
        return odds(wire_bytes + self.overhead_bytes, left)
