"""Latency and device energy of each choice, with their parts."""

import dataclasses
import math

from bottlenet_tf.common.ranges import NotNegative
from bottlenet_tf.profiling.profiles import Profile
from bottlenet_tf.selection.choices import Choice, Way

# The parts of a profile that each side computes; "whole" is the unsplit
# network, "served" the same as a server runs it.
PARTS = {
    Way.SPLIT: (("head", "encode"), ("decode", "tail")),
    Way.RAW_SPLIT: (("head",), ("tail",)),
    Way.DEVICE: (("whole",), ()),
    Way.CLOUD: ((), ("served",)),
}
_CODEC = ("encode", "decode")
# In place of a round trip: mobile-only costs less at any, or at none.
ALWAYS, NEVER = "always", "never"


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of one image by one choice.

    latency_ms = device_ms + codec_ms + uplink_ms + answer_ms + cloud_ms
    energy_mj = compute_mj + uplink_mj + waiting_mj

    An energy is None if the power of device or radio is unknown.
    """

    choice: Choice
    on_air_bytes: NotNegative  # Wire bytes, and the message's; 0 if none.
    device_ms: NotNegative  # Network on the device.
    codec_ms: NotNegative  # Codes to payload, and back on the server.
    uplink_ms: NotNegative
    answer_ms: NotNegative  # Round trip and down-link.
    cloud_ms: NotNegative  # Network on the server.
    compute_mj: NotNegative | None  # Network and codec on the device.
    uplink_mj: NotNegative | None
    waiting_mj: NotNegative  # Until the answer arrives.

    @property
    def latency_ms(self):
        """From prepared pixels to the answer."""
        return (
            self.device_ms
            + self.codec_ms
            + self.uplink_ms
            + self.answer_ms
            + self.cloud_ms
        )

    @property
    def energy_mj(self):
        """Energy of the device; None if a power is unknown."""
        if self.compute_mj is None or self.uplink_mj is None:
            return None
        return self.compute_mj + self.uplink_mj + self.waiting_mj


@dataclasses.dataclass(frozen=True)
class Machines:
    """Both profiles, and how many workers compete on each machine.

    The paper's K_mobile and K_cloud.
    """

    device: Profile
    cloud: Profile
    device_load: int = 0
    cloud_load: int = 0

    def at_all_loads(self):
        """Returns the same at every pair of loads that was measured."""
        return [
            dataclasses.replace(self, device_load=device, cloud_load=cloud)
            for device in self.device.loads
            for cloud in self.cloud.loads
        ]


def cost(choice, machines, link):
    """Returns the `Cost` of one choice.

    For cloud-only, the camera's encoder and the server's decoder aren't
    counted, in its favour. A raw split is timed with the unit's halves, to its
    disadvantage by the unit's share.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, algorithm 1. There
        TM includes the codec; here it is separate.
    """
    on_device, on_cloud = PARTS[choice.way]
    split = choice.split or ""
    device = [
        machines.device.row(split, part, machines.device_load)
        for part in on_device
    ]
    cloud = [
        machines.cloud.row(split, part, machines.cloud_load)
        for part in on_cloud
    ]
    cloud_ms = milliseconds(cloud)
    decode_ms = milliseconds(cloud, of_codec=True)
    on_air_bytes = uplink_ms = answer_ms = waited_ms = 0.0
    if choice.sends:
        on_air_bytes = link.on_air_bytes(choice.sent_bytes)
        uplink_ms = link.uplink_ms(choice.sent_bytes)
        answer_ms = link.answer_ms
        waited_ms = answer_ms + cloud_ms + decode_ms
    return Cost(
        choice,
        on_air_bytes,
        device_ms=milliseconds(device),
        codec_ms=milliseconds(device, of_codec=True) + decode_ms,
        uplink_ms=uplink_ms,
        answer_ms=answer_ms,
        cloud_ms=cloud_ms,
        compute_mj=energy_mj(device),
        uplink_mj=_sending_mj(uplink_ms, link),
        waiting_mj=1e-3 * waited_ms * link.waiting_mw,
    )


def break_even_rtt_ms(choice, mobile_only, machines, link, goal):
    """Returns the round trip above which mobile-only costs less, in ms.

    For each ms of round trip, a choice costs latency_weight + energy_weight
    waiting_mw / 1000 more, mobile-only nothing.

    Args:
        mobile_only: `Cost` of the complete network on the device; None if
            unknown.

    Returns:
        A number from 0 on, `ALWAYS` or `NEVER`. None for a choice that sends
        nothing, and if one of the two costs is unknown.
    """
    if mobile_only is None or not choice.sends:
        return None
    at_once = cost(choice, machines, dataclasses.replace(link, rtt_ms=0.0))
    if not (goal.knows(at_once) and goal.knows(mobile_only)):
        return None
    ahead = goal.of(mobile_only) - goal.of(at_once)
    if ahead < 0:
        return ALWAYS
    slope = goal.latency_weight + 1e-3 * goal.energy_weight * link.waiting_mw
    rtt_ms = ahead / slope if slope else math.inf
    return rtt_ms if math.isfinite(rtt_ms) else NEVER


def milliseconds(rows, of_codec=False):
    """Returns the time of a profile's rows, of the codec or of the others."""
    return sum(
        row.median_ms for row in rows if (row.part in _CODEC) == of_codec
    )


def energy_mj(rows):
    """Returns the energy of a profile's rows; None if a power is unknown."""
    if any(row.power_mw is None for row in rows):
        return None
    return sum(1e-3 * row.median_ms * row.power_mw for row in rows)


def _sending_mj(uplink_ms, link):
    if uplink_ms == 0:
        return 0.0
    return None if link.uplink_mw is None else 1e-3 * uplink_ms * link.uplink_mw
