"""Device, link and server of a replay, in simulated time."""

import dataclasses
import random

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation.line import Line
from bottlenet_tf.emulation.traces import Trace

_P95_DEVIATIONS = 1.645  # 95th percentile of a normal distribution.
_MOST_DEVIATIONS = 3.0
_SIZES = 4096


@dataclasses.dataclass(frozen=True)
class World:
    """One plan over one recorded link.

    Attributes:
        plan: `link.plan.Plan` with the times of device and server.
        rtt_ms: Round trip without serialisation, the answer's included.
        overhead_bytes: Bytes of a message besides its payload.
        outages: `(from_s, to_s)`, when the link is down.
        radio: `link.plan.Radio`; None leaves energies unknown.
        seed: Seed of the payloads' sizes.
    """

    plan: object
    trace: Trace
    rtt_ms: float = 0.0
    overhead_bytes: float = 154.0
    outages: tuple = ()
    radio: object = None
    seed: int = 0

    def __post_init__(self):
        check(
            0 <= self.rtt_ms < 1e6,
            "--rtt_ms must be a time in ms, not negative.",
            rtt_ms=self.rtt_ms,
        )
        generator = random.Random(self.seed)
        spread = _MOST_DEVIATIONS
        sizes = tuple(
            max(-spread, min(spread, generator.gauss(0.0, 1.0)))
            for _ in range(_SIZES)
        )
        object.__setattr__(self, "_deviations", sizes)

    def wire_bytes(self, choice, image):
        """Returns an image's payload size.

        Normal, with the choice's mean and p95. A large image is large for
        every choice.
        """
        deviation = (choice.bytes_p95 - choice.bytes_mean) / _P95_DEVIATIONS
        scale = self._deviations[image % _SIZES]
        return max(1.0, choice.bytes_mean + deviation * scale)

    def air_bytes(self, choice, image):
        """Returns the size with the message around it."""
        return self.wire_bytes(choice, image) + self.overhead_bytes

    def line(self):
        """Returns the `Line` that a device sends on."""
        return Line(self.trace, outages=self.outages)

    def left_s(self, start_s, num_bytes):
        """Returns when bytes have left, if an outage only delays them.

        They are sent again the moment an outage ends, which no transport can
        do: in favour of policies that don't notice outages.
        """
        for from_s, to_s in self.outages:
            if start_s >= to_s:
                continue
            if start_s < from_s:
                leaves_s = self.trace.sent_at(start_s, num_bytes)
                if leaves_s < from_s:
                    return leaves_s
            start_s = to_s
        return self.trace.sent_at(start_s, num_bytes)

    def back_ms(self, choice):
        """Returns the time from the last byte's leaving to the answer."""
        return self.rtt_ms + choice.server_ms

    def answered_s(self, choice, image, start_s):
        """Returns when a choice started at `start_s` is finally answered."""
        begun_s = start_s + 1e-3 * choice.device_ms
        if not choice.sends:
            return begun_s
        left_s = self.left_s(begun_s, self.air_bytes(choice, image))
        return left_s + 1e-3 * self.back_ms(choice)

    def energy_mj(self, choice, sending_s, waiting_s):
        """Returns the device's energy of an image; None if unknown."""
        if choice.compute_mj is None:
            return None
        if not choice.sends:
            return choice.compute_mj
        if self.radio is None or self.radio.uplink_mw is None:
            return None
        return (
            choice.compute_mj
            + self.radio.uplink_mw * sending_s
            + self.radio.waiting_mw * waiting_s
        )
