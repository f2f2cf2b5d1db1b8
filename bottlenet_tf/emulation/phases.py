"""A link that changes in phases: driven in real time, then replayed."""

import dataclasses

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation import replay
from bottlenet_tf.emulation.policies import Fixed, Oracle
from bottlenet_tf.emulation.traces import Trace
from bottlenet_tf.emulation.world import World


@dataclasses.dataclass(frozen=True)
class Phase:
    """A link and its server for some time.

    Attributes:
        mbps: 10^6 bit/s, both directions.
        busy_ms: Latency that other devices measure at the server meanwhile,
            queue included; None without such devices, 0 until known.
    """

    name: str
    seconds: float
    mbps: float
    delay_ms: float
    outage: bool = False
    busy_ms: float | None = None

    def __post_init__(self):
        check(
            self.seconds > 0,
            "A phase must have a positive length.",
            seconds=self.seconds,
            phase=self.name,
        )

    @property
    def changes(self):
        """Arguments of a running link's `set`."""
        return {
            "uplink": self.mbps,
            "downlink": self.mbps,
            "delay_ms": self.delay_ms,
            "outage": self.outage,
        }


def starts_s(phases):
    """Returns when each phase begins, and when the last one ends."""
    found = [0.0]
    for phase in phases:
        found.append(found[-1] + phase.seconds)
    return found


def phase_at(phases, time_s):
    """Returns the index of the phase at a time; the last one after the end."""
    return next(
        (i for i, end in enumerate(starts_s(phases)[1:]) if time_s < end),
        len(phases) - 1,
    )


@dataclasses.dataclass(frozen=True)
class Phased(World):
    """A `World` whose round trip and server change with the link's phases.

    A payload takes the delay and the server of the phase in which it has
    left. At a busy server an image takes as long as other devices' did.
    """

    phases: tuple = ()

    def answered_s(self, choice, image, start_s):
        """See `World.answered_s`."""
        begun_s = start_s + 1e-3 * choice.device_ms
        if not choice.sends:
            return begun_s
        left_s = self.left_s(begun_s, self.air_bytes(choice, image))
        phase = self.phases[phase_at(self.phases, left_s)]
        server_ms = max(choice.server_ms, phase.busy_ms or 0.0)
        return left_s + 1e-3 * (2 * phase.delay_ms + server_ms)


def world(plan, phases, overhead_bytes):
    """Returns the `Phased` world of a `Plan`; see `World.overhead_bytes`."""
    starts = starts_s(phases)
    trace = Trace.piecewise(
        [(t, 1e6 * p.mbps) for t, p in zip(starts, phases)], starts[-1]
    )
    outages = tuple(
        (begin_s, end_s)
        for phase, begin_s, end_s in zip(phases, starts, starts[1:])
        if phase.outage
    )
    return Phased(
        plan,
        trace,
        overhead_bytes=overhead_bytes,
        outages=outages,
        phases=tuple(phases),
    )


def rivals(world):
    """Returns the `Record`s of each fixed choice and of an oracle, by name.

    Images are back to back until the last phase ends.
    """
    seconds = starts_s(world.phases)[-1]
    oracle = Oracle(world, world.plan.choices)
    found = {replay.ORACLE: replay.run(oracle, seconds)}
    for choice in world.plan.choices:
        found[choice.name] = replay.run(Fixed(world, choice), seconds)
    return found
