"""Chooses split and point of the next image, by the last images."""

import math
import time

from bottlenet_tf.common.checks import is_number, require
from bottlenet_tf.link.estimate import Estimate
from bottlenet_tf.link.gamble import Gamble
from bottlenet_tf.link.goals import GOALS, candidates, lead_ms
from bottlenet_tf.link.pauses import Pauses, Probes

# Mean, measured at IP level: raw HTTP in one piece.
_OVERHEAD_BYTES = 154.0
# Factors of mobile-only's time and of an answer's expected time: tuned on half
# of the traces of docs/controller.md.
_PATIENCE_OF_LOCAL, _PATIENCE_OF_EXPECTED = 1.5, 3.0
_LEAST_PATIENCE_MS, _MOST_PATIENCE_MS = 20.0, 10e3
_LEAST_PROBE_MS, _PROBE_ROUND_TRIPS = 300.0, 4.0


class Controller:
    """Chooses among all splits and points, mobile-only and cloud-only.

    By least expected latency, least expected energy, or most expected accuracy
    within the deadline. It changes its choice only for a gain of at least
    `switch_gain`, since estimates are noisy. While the link is dead or the
    server refuses, the choice is mobile-only. Probes are due (`take_probe`)
    while the link is dead, or mobile-only is faster: the link may improve.

    One thread at a time may call it.

    Args:
        plan: `Plan` of the choices that the deployment offers.
        goal: One of `goals.GOALS`: "latency", "energy" or "accuracy".
        deadline_ms: From prepared pixels to the answer; needed for
            "accuracy".
        min_accuracy: Least percent of a choice; None takes the plan's.
        switch_gain: Least gain, as a share, for which the choice changes.
        clock: Function that returns monotonic seconds.
        seed: Seed of the jitter after refusals.
        overhead_bytes: Bytes of a message besides its payload.
        link: Name of one of the plan's links, for its radio's powers; the
            first if None.
        fixed: Name of a choice that is used whenever the link can be used, at
            any cost; None compares all.
        set_aside: Whether the caller sets late images aside, and answers them
            when no other image waits (`sets_aside`).

    Raises:
        ValueError: for an unknown goal, link or choice, if none is accurate
            enough, or if the energy for the goal is unknown.
    """

    def __init__(
        self,
        plan,
        goal="latency",
        deadline_ms=None,
        min_accuracy=None,
        switch_gain=0.02,
        clock=time.monotonic,
        seed=0,
        overhead_bytes=_OVERHEAD_BYTES,
        link=None,
        fixed=None,
        set_aside=False,
    ):
        require(
            goal in GOALS,
            "A goal must be one of {}.".format(", ".join(sorted(GOALS))),
            goal=goal,
        )
        require(
            is_number(switch_gain, most=1.0),
            "The gain must be a share between 0 and 1.",
            switch_gain=switch_gain,
        )
        self.plan, self.goal = plan, goal
        self.estimate = Estimate(overhead_bytes, clock)
        self._clock, self._switch_gain = clock, switch_gain
        self._local = plan.whole
        self._cost = GOALS[goal](
            self.estimate, self._local, deadline_ms, plan.radio(link)
        )
        if min_accuracy is None:
            min_accuracy = plan.min_accuracy or 0.0
        if fixed is None:
            self._candidates = candidates(plan.choices, min_accuracy, goal)
        else:
            self._candidates = [plan.named(fixed)]
        require(
            any(self._cost(choice) < math.inf for choice in self._candidates),
            "Least energy needs powers: a profile with a meter, or a link with "
            "its radio's.",
            goal=goal,
        )
        self._probes, self._pauses = Probes(clock), Pauses(clock, seed)
        self._dead = False
        self._choice, self._costs = None, {}
        self._gamble = None
        if set_aside:
            require(
                goal == "accuracy",
                "Setting aside gives up late images: the goal must be "
                '"accuracy", in time.',
                goal=goal,
            )
            self._gamble = Gamble(
                self.estimate, self._candidates, self._local, deadline_ms
            )
            self._cost.gamble = self._gamble

    @property
    def alive(self):
        """Whether the last send or probe was answered, or none was sent."""
        return not self._dead

    def choose(self, waited_ms=0.0):
        """Returns the `Choice` for the next image.

        Args:
            waited_ms: Part of the deadline that has already passed.
        """
        costs = {c: self._cost(c, waited_ms) for c in self._open(waited_ms)}
        best = min(costs, key=costs.get)
        kept = self._choice
        if kept in costs:
            needed = (1.0 - self._switch_gain) * costs[kept]
            best = best if costs[best] <= needed else kept
        self._choice, self._costs = best, costs
        if self._dead:
            self._probes.begin(of_dead=True)
        elif not best.sends and any(c.sends for c in self._candidates):
            self._probes.begin(of_dead=False)
        else:
            self._probes.end()
        return best

    @property
    def sets_aside(self):
        """Whether late images are deferred, so that every send is a gamble."""
        return self._gamble is not None and self._gamble.is_on

    def is_late(self, waited_ms):
        """Returns whether an image can no longer be in time; see `choose`."""
        return self._gamble is not None and self._gamble.is_late(waited_ms)

    def _open(self, waited_ms):
        """Returns the candidates that can be tried now."""
        if self.sets_aside and not self._pauses.left_s:
            return self._gamble.open(waited_ms, self._dead)
        if self._local is None or not (self._dead or self._pauses.left_s):
            return self._candidates
        kept = [choice for choice in self._candidates if not choice.sends]
        return kept or [self._local]

    def patience_ms(self, choice):
        """Longest wait for an answer if no deadline can be met.

        From the first byte sent: one and a half times the time of computing
        locally, longer if answers are known to take longer.
        """
        if self._local is None:
            return _MOST_PATIENCE_MS
        expected = self.estimate.network_ms(choice)
        expected += self.estimate.server_ms(choice) + self.estimate.queued_ms
        patience = max(
            _PATIENCE_OF_LOCAL * self.local_ms, _PATIENCE_OF_EXPECTED * expected
        )
        return min(_MOST_PATIENCE_MS, max(_LEAST_PATIENCE_MS, patience))

    @property
    def local_ms(self):
        """Time of mobile-only; 0 if there is none."""
        if self._local is None:
            return 0.0
        return self.estimate.device_ms(self._local)

    def lead_ms(self, left_ms):
        """Returns how long before a deadline mobile-only should start, in ms.

        None if there is no deadline, or it can't be in time: then
        `patience_ms` bounds the wait.

        Args:
            left_ms: Time until the deadline; None for no deadline.
        """
        if self._local is None or left_ms is None:
            return None
        needed = lead_ms(self.local_ms)
        return needed if needed <= left_ms else None

    def take_probe(self):
        """Returns whether a small payload should be sent now, to learn.

        True counts as sent: `probed`, `missed` or `refused` must follow.
        """
        return not self._pauses.left_s and self._probes.take()

    @property
    def trial(self):
        """The choice of fewest bytes, to send in place of a probe, or None."""
        sending = [choice for choice in self._candidates if choice.sends]
        return min(sending, key=lambda c: c.bytes_mean, default=None)

    @property
    def probe_ms(self):
        """Longest wait for a probe's answer, at most half of it to connect.

        On a dead link at least two intervals: one that comes back slower than
        it was is found, too, the later the slower it is.
        """
        least_ms = _LEAST_PROBE_MS
        if self._dead:
            least_ms = max(least_ms, 2e3 * self._probes.interval_s)
        floor = self.estimate.sends.floor_ms
        return max(least_ms, _PROBE_ROUND_TRIPS * floor)

    def computed(self, choice, ms):
        """Notes the device's time for a choice: head and codec, or all."""
        self.estimate.computed(choice, ms)

    def connected(self, ms):
        """Notes the time of opening a connection."""
        self.estimate.sends.connected(ms)

    def answered(
        self, choice, wire_bytes, ms, computed_ms=None, queued_ms=None
    ):
        """Notes an answer to an image; see `Estimate.answered`."""
        self._revive()
        self.estimate.answered(choice, wire_bytes, ms, computed_ms, queued_ms)

    def missed(self, wire_bytes, waited_ms):
        """Notes that no answer came in time."""
        if not self._dead or self.sets_aside:
            self.estimate.missed(wire_bytes, waited_ms)
        # On a dead link another miss is no news. If images are sent
        # nevertheless, each miss needs another connection at once.
        if self.sets_aside:
            self._probes.end()
        self._dead = True
        self._probes.begin(of_dead=True)

    def probed(self, wire_bytes, network_ms, queued_ms=None):
        """Notes a probe's answer.

        Args:
            wire_bytes: Wire bytes of the probe.
            network_ms: From the first byte sent to the answer, less the
                server's computing and queueing.
            queued_ms: Reported by the server; None if it isn't.
        """
        self._revive()
        if queued_ms is not None:
            self.estimate.queued(queued_ms)
        num_bytes = wire_bytes + self.estimate.overhead_bytes
        self.estimate.sends.answered(num_bytes, network_ms)

    def _revive(self):
        if self._dead and not self.sets_aside:
            self.estimate.sends.revived()
        self._dead = False
        self._pauses.answered()

    def refused(self, retry_after_s=None):
        """Notes that the server is too busy."""
        self._dead = False
        self._pauses.refused(retry_after_s)

    def explain(self):
        """Returns the numbers behind the last choice, as JSON values.

        A dictionary of `choice`, `state` ("alive", "dead" or "refused"),
        `floor_ms`, `sends` (number remembered), `miss_rate`, `queued_ms`,
        `pause_s`, `probe_interval_s`, and `costs`: of each available choice, in
        the unit of the goal: ms, mJ, or the percentage of images that won't be
        right in time; None if unknown.
        """
        sends, pause_s = self.estimate.sends, self._pauses.left_s
        state = "refused" if pause_s else "dead" if self._dead else "alive"
        return {
            "choice": self._choice and self._choice.name,
            "state": state,
            "floor_ms": sends.floor_ms,
            "sends": len(sends),
            "miss_rate": sends.miss_rate,
            "queued_ms": self.estimate.queued_ms,
            "pause_s": pause_s,
            "probe_interval_s": self._probes.interval_s,
            "costs": {
                choice.name: cost if cost < math.inf else None
                for choice, cost in self._costs.items()
            },
        }
