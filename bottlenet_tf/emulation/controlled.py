"""A replay's controller, and a simpler estimate of the link."""

import collections
import statistics

from bottlenet_tf.emulation.policies import Record, aside
from bottlenet_tf.link.controller import Controller
from bottlenet_tf.link.sender import PROBING_S

_WINDOW = 5  # Of `HarmonicSends`.


class Clock:
    """Simulated seconds."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


class Controlled:
    """The controller of a device, with a simulated clock.

    As in `link.sender`: a miss closes the connection; the next send opens one,
    which takes a round trip. Probes have their own connection and are sent
    while the device computes. Mobile-only starts ahead of a deadline by the
    controller's `lead_ms`, or at the end of its patience; the first answer
    counts. If that is the server's, the device still finishes its computation
    before the next image.

    Args:
        sends: Function of a clock that returns another estimate of the link.
    """

    def __init__(self, world, deadline_ms=None, sends=None, **options):
        self._world, self._deadline_ms = world, deadline_ms
        self._clock = Clock()
        self.controller = Controller(
            world.plan,
            deadline_ms=deadline_ms,
            clock=self._clock,
            overhead_bytes=world.overhead_bytes,
            **options,
        )
        if sends is not None:
            self.controller.estimate.sends = sends(self._clock)
        self._line = world.line()
        self._probe = None  # (answered or given up, bytes, ms, answered)
        self._connected = self._probes_connected = False
        # For images set aside: when each of two connections is open, and bytes
        # on the line ahead of the next ones.
        self._ready_s, self._owed_bytes = [1e-3 * world.rtt_ms] * 2, 0
        self._local = world.plan.whole
        sending = [c for c in world.plan.choices if c.sends]
        self._smallest = min(
            sending, key=lambda c: c.bytes_mean, default=self._local
        )

    def answer(self, image, arrived_s, start_s):
        """Returns the `Record` of an image started at `start_s`."""
        self._finish_probe(start_s)
        if self._probe is None and self._probes_connected:
            # The sender takes the connection that is open.
            if not self._connected:
                self._connected, self._probes_connected = True, False
        self._clock.now_s = start_s
        waited_ms = 1e3 * (start_s - arrived_s)
        choice = self.controller.choose(waited_ms)
        if self.controller.sets_aside:
            return self._gamble(choice, image, arrived_s, start_s)
        begun_s = start_s + 1e-3 * choice.device_ms
        if not choice.sends:
            self._probe_until(image, start_s, begun_s)
            self._clock.now_s = begun_s
            self.controller.computed(choice, choice.device_ms)
            energy_mj = self._world.energy_mj(choice, 0.0, 0.0)
            return Record(
                arrived_s, begun_s, begun_s, choice, choice, energy_mj
            )
        if choice.split is not None:
            self.controller.computed(choice, choice.device_ms)
        return self._send(choice, image, arrived_s, begun_s)

    def _gamble(self, choice, image, arrived_s, start_s):
        """Sends an image that only the server can answer in time.

        At its deadline it is given up. A second connection is open then;
        meanwhile the first one is reopened, by a probe whose bytes precede the
        next image's.
        """
        whole, controller = self._local, self.controller
        end_s = arrived_s + 1e-3 * self._deadline_ms
        if controller.is_late(1e3 * (start_s - arrived_s)):
            return aside(whole, choice, arrived_s, start_s)
        if choice.split is not None:
            controller.computed(choice, choice.device_ms)
        self._ready_s.sort()
        begun_s = start_s + 1e-3 * choice.device_ms
        sent_s = max(begun_s, self._ready_s[0])
        if sent_s < end_s:
            if self._owed_bytes:
                self._line.send(sent_s, self._owed_bytes)
                self._owed_bytes = 0
            wire_bytes = self._world.wire_bytes(choice, image)
            leaves_s, answered_s = self._exchange(choice, wire_bytes, sent_s)
            if answered_s <= end_s:
                self._note(choice, wire_bytes, sent_s, answered_s)
                energy_mj = self._world.energy_mj(
                    choice, leaves_s - begun_s, answered_s - leaves_s
                )
                return Record(
                    arrived_s, answered_s, answered_s, choice, choice, energy_mj
                )
            self._clock.now_s = end_s
            controller.missed(wire_bytes, 1e3 * (end_s - sent_s))
        free_s = max(start_s, end_s)
        self._ready_s[0] = free_s + 1e-3 * self._world.rtt_ms
        probe = self._world.wire_bytes(self._smallest, image)
        self._owed_bytes += probe + self._world.overhead_bytes
        return aside(whole, choice, arrived_s, free_s)

    def _send(self, choice, image, arrived_s, begun_s):
        sent_s = begun_s + self._connect(begun_s)
        wire_bytes = self._world.wire_bytes(choice, image)
        leaves_s, answered_s = self._exchange(choice, wire_bytes, sent_s)
        gives_up_s = self._gives_up_s(choice, arrived_s, sent_s)
        sending_s = min(leaves_s, gives_up_s) - begun_s
        if answered_s <= gives_up_s:
            self._note(choice, wire_bytes, sent_s, answered_s)
            energy_mj = self._world.energy_mj(
                choice, sending_s, answered_s - leaves_s
            )
            return Record(
                arrived_s, answered_s, answered_s, choice, choice, energy_mj
            )
        local_s = gives_up_s + 1e-3 * self._local.device_ms
        energy_mj = self._world.energy_mj(choice, sending_s, 0.0)
        if energy_mj is not None:
            energy_mj += self._local.compute_mj
        answerer = self._local
        if answered_s <= local_s:  # First, though mobile-only has started.
            self._note(choice, wire_bytes, sent_s, answered_s)
            answerer = choice
        else:
            self._clock.now_s = local_s
            waited_ms = 1e3 * (gives_up_s - sent_s)
            self.controller.missed(wire_bytes, waited_ms)
            self._connected = False
        first_s = min(answered_s, local_s)
        return Record(arrived_s, first_s, local_s, answerer, choice, energy_mj)

    def _gives_up_s(self, choice, arrived_s, sent_s):
        """When mobile-only starts, parallel to the payload."""
        lead_ms = self.controller.lead_ms(self._left_ms(arrived_s, sent_s))
        if lead_ms is None:
            return sent_s + 1e-3 * self.controller.patience_ms(choice)
        return max(sent_s, arrived_s + 1e-3 * (self._deadline_ms - lead_ms))

    def _left_ms(self, arrived_s, now_s):
        if self._deadline_ms is None:
            return None
        return self._deadline_ms - 1e3 * (now_s - arrived_s)

    def _exchange(self, choice, wire_bytes, sent_s):
        """Returns when a payload has left and when it would be answered."""
        num_bytes = wire_bytes + self._world.overhead_bytes
        leaves_s = self._line.send(sent_s, num_bytes)
        if leaves_s is None:
            return float("inf"), float("inf")
        return leaves_s, leaves_s + 1e-3 * self._world.back_ms(choice)

    def _note(self, choice, wire_bytes, sent_s, answered_s):
        self._clock.now_s = answered_s
        self.controller.answered(
            choice,
            wire_bytes,
            1e3 * (answered_s - sent_s),
            computed_ms=choice.server_ms,
            queued_ms=0.0,
        )

    def _connect(self, now_s):
        """Returns the time to open the connection, in s; 0 if it is open."""
        if self._connected:
            return 0.0
        self._connected = True
        if not self._line.is_out(now_s):
            self._clock.now_s = now_s
            self.controller.connected(self._world.rtt_ms)
        return 1e-3 * self._world.rtt_ms

    def _probe_until(self, image, now_s, end_s):
        """Sends the probes that are due while the device computes."""
        self._send_probe(image, now_s)
        while not self.controller.alive and now_s + PROBING_S < end_s:
            now_s += PROBING_S
            self._finish_probe(now_s)
            if not self.controller.alive:
                self._send_probe(image, now_s)

    def _send_probe(self, image, now_s):
        """Sends a probe, if one is due, on its own connection."""
        self._clock.now_s = now_s
        if self._probe is not None or not self.controller.take_probe():
            return
        choice = self._smallest
        sent_s, answered_s = now_s, float("inf")
        wait_s = 1e-3 * self.controller.probe_ms
        if not self._probes_connected:
            sent_s += 1e-3 * self._world.rtt_ms
        wire_bytes = self._world.wire_bytes(choice, image)
        if not self._probes_connected and self._line.is_out(now_s):
            wait_s *= 0.5  # No connection within half of the time.
        else:
            _, answered_s = self._exchange(choice, wire_bytes, sent_s)
        gives_up_s = now_s + wait_s
        self._probes_connected = answered_s <= gives_up_s
        self._probe = (
            min(answered_s, gives_up_s), wire_bytes, sent_s,
            self._probes_connected,
        )  # fmt: skip

    def _finish_probe(self, now_s):
        if self._probe is None or self._probe[0] > now_s:
            return
        end_s, wire_bytes, sent_s, is_answered = self._probe
        self._probe, self._clock.now_s = None, end_s
        ms = 1e3 * (end_s - sent_s)
        if is_answered:
            network_ms = ms - self._smallest.server_ms
            self.controller.probed(wire_bytes, network_ms, 0.0)
        else:
            self.controller.missed(wire_bytes, ms)


class HarmonicSends:
    """One rate, the harmonic mean of the last five: ms = rtt + bytes / rate.

    As in adaptive video streaming. Replaces `link.sends.Sends` as a baseline
    for comparison; it knows the round trip.
    """

    miss_rate = 0.0

    def __init__(self, rtt_ms):
        self._rtt_ms = rtt_ms
        self._rates = collections.deque(maxlen=_WINDOW)  # Bytes per ms.

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
        """Does nothing: the round trip is known."""

    def revived(self):
        """Does nothing."""

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
