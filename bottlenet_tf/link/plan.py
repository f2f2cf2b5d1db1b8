"""The choices of a device, with their bytes, accuracies, times and energies.

Times are those without load; the effect of load is measured while the device
runs (`estimate`). `plan_file` reads plan.json.
"""

import copy
import math
from typing import NamedTuple, Optional

from bottlenet_tf.common.checks import require

SPLIT, DEVICE, CLOUD = WAYS = ("split", "device", "cloud")


class Choice(NamedTuple):
    """One way to get an answer.

    Attributes:
        name: E.g. "RB6 at point 9".
        way: `SPLIT`, `DEVICE` (mobile-only) or `CLOUD` (cloud-only).
        split: Name of the run; None unless way is `SPLIT`.
        unit_id: Identity of its unit; None if unknown.
        point: Index of the operating point; None unless way is `SPLIT`.
        codec, quality, side: Those of the image, if way is `CLOUD`.
        bytes_mean: Wire bytes of an image; 0 if nothing is sent.
        bytes_p95: Their 95th percentile; the mean if unknown.
        accuracy: Percent; None if unknown.
        device_ms: Network and codec on the device, as profiled.
        compute_mj: Energy of these; None if unknown.
        server_ms: Network and codec on the server, as profiled.
    """

    name: str
    way: str
    split: Optional[str]
    unit_id: Optional[int]
    point: Optional[int]
    codec: Optional[str]
    quality: Optional[int]
    side: Optional[int]
    bytes_mean: float
    bytes_p95: float
    accuracy: float
    device_ms: float
    compute_mj: Optional[float]
    server_ms: float

    @property
    def sends(self):
        """Whether it needs the link."""
        return self.way != DEVICE


class Radio(NamedTuple):
    """Power of sending and waiting, and a message's size.

    Attributes:
        uplink_mw: Power while sending; None if unknown.
        waiting_mw: Power from the last byte sent to the answer.
        overhead_bytes: Bytes of a message on the air besides its payload.
    """

    uplink_mw: Optional[float]
    waiting_mw: float
    overhead_bytes: float


class Plan:
    """The choices of one network on one device.

    Made by `plan_file.read` or `plan_file.parse`.

    Attributes:
        radios: Dictionary of `Radio` by the name of a link.
        min_accuracy: Least accepted accuracy; None for any.
        deadline_ms: That of the selection; None if it had none.
    """

    def __init__(
        self,
        choices,
        radios=None,
        network="",
        device="",
        server="",
        min_accuracy=None,
        deadline_ms=None,
    ):
        self.choices = tuple(choices)
        self.radios = dict(radios or {})
        self.network, self.device, self.server = network, device, server
        self.min_accuracy, self.deadline_ms = min_accuracy, deadline_ms
        require(
            self.choices,
            "A plan must have a choice, or nothing can be answered.",
            choices=self.choices,
        )
        names = [choice.name for choice in self.choices]
        require(
            len(set(names)) == len(names),
            "Choices must have different names.",
            choices=names,
        )

    @property
    def whole(self):
        """The mobile-only choice; None if there is none."""
        return next((c for c in self.choices if c.way == DEVICE), None)

    def radio(self, link=None):
        """Returns a link's `Radio`; without a name the first, or None.

        Raises `ValueError` for a link that the plan doesn't have.
        """
        if link is None:
            return next(iter(self.radios.values()), None)
        require(
            link in self.radios,
            "A link must be one of the plan's: {}.".format(
                ", ".join(sorted(self.radios)) or "it has none"
            ),
            link=link,
        )
        return self.radios[link]

    def named(self, name):
        """Returns a choice by its name; a ValueError lists the choices."""
        known = {choice.name: choice for choice in self.choices}
        require(
            name in known,
            "A choice must be one of {}.".format(", ".join(known)),
            name=name,
        )
        return known[name]

    def within(self, max_bytes):
        """Returns the same plan for payloads of at most so many bytes.

        A split's point of a larger mean then takes the limit, as its images
        are sent at the finest coarser points that fit. Its accuracy is
        interpolated over log bytes to the split's point below the limit; None
        if the plan has none.
        """
        plan = copy.copy(self)
        plan.choices = tuple(
            self._within(choice, max_bytes) if choice.way == SPLIT else choice
            for choice in self.choices
        )
        return plan

    def _within(self, choice, max_bytes):
        limit = float(max_bytes)
        p95 = min(choice.bytes_p95, limit)
        if choice.bytes_mean <= limit:
            return choice._replace(bytes_p95=p95)
        points = [c for c in self.choices if c.split == choice.split]
        above = min(
            (c for c in points if c.bytes_mean > limit),
            key=lambda c: c.bytes_mean,
        )
        below = max(
            (c for c in points if c.bytes_mean <= limit),
            key=lambda c: c.bytes_mean,
            default=None,
        )
        accuracy = None
        if below is not None:
            share = math.log(limit / below.bytes_mean) / math.log(
                above.bytes_mean / below.bytes_mean
            )
            gain = above.accuracy - below.accuracy
            accuracy = below.accuracy + share * gain
        return choice._replace(
            bytes_mean=limit, bytes_p95=p95, accuracy=accuracy
        )

    def only(self, available):
        """Returns the same plan with only the choices of a deployment.

        Args:
            available: Names of choices, or a function of a `Choice`.

        Returns:
            The `Plan`, and the names of the dropped choices.

        Raises:
            ValueError: if nothing is left.
        """
        kept = [
            choice
            for choice in self.choices
            if (
                available(choice)
                if callable(available)
                else choice.name in available
            )
        ]
        dropped = [c.name for c in self.choices if c not in kept]
        require(
            kept,
            "A deployment must offer a choice of the plan: they must be of "
            "the same runs.",
            dropped=dropped,
        )
        plan = copy.copy(self)
        plan.choices = tuple(kept)
        return plan, dropped
