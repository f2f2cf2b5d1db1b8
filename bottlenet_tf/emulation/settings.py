"""Settings of an emulated link, the same for both of its forms."""

import dataclasses
import math

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation.line import Line
from bottlenet_tf.emulation.traces import Trace


@dataclasses.dataclass(frozen=True)
class Settings:
    """Both directions of a link.

    Delay, loss, outages and queue apply to each direction; the round trip is
    twice the delay.

    Attributes:
        uplink: `Trace` from the device to the server, or 10^6 bit/s.
        downlink: `Trace` of the answers, or 10^6 bit/s; the up-link's if None.
        delay_ms: One-way delay.
        loss: Share of packets, 0 to 1.
        outages: `(from_s, to_s)`, seconds since the link's start.
        queue_bytes: Most queued bytes; None for no limit.
        seed: Seed of the losses.

    Raises:
        ValueError: for a value out of range.
    """

    uplink: Trace | float
    downlink: Trace | float | None = None
    delay_ms: float = 0.0
    loss: float = 0.0
    outages: tuple = ()
    queue_bytes: int | None = None
    seed: int = 0

    def __post_init__(self):
        self.lines()

    def lines(self):
        """Returns the `Line` up and the `Line` down, both unused."""
        down = self.uplink if self.downlink is None else self.downlink
        return tuple(
            Line(
                trace,
                self.delay_ms,
                self.loss,
                self.outages,
                seed=2 * self.seed + direction,
                queue_bytes=self.queue_bytes,
            )
            for direction, trace in enumerate((self.uplink, down))
        )


@dataclasses.dataclass(frozen=True)
class Change:
    """New settings of a running link; None keeps a value.

    Attributes:
        uplink, downlink: `Trace` or 10^6 bit/s. The time on a trace is that
            since the link's start.
        outage: True starts one that lasts until False. Queued packets are lost.
            False doesn't end an outage of `Settings`.
    """

    uplink: Trace | float | None = None
    downlink: Trace | float | None = None
    delay_ms: float | None = None
    loss: float | None = None
    outage: bool | None = None

    def __post_init__(self):
        # Refused before either direction has changed.
        for trace in (self.uplink, self.downlink):
            Line(
                1 if trace is None else trace,
                self.delay_ms or 0,
                self.loss or 0,
            )

    def apply(self, lines, now_s):
        """Changes both lines at `now_s`, seconds since the link's start."""
        for line, trace in zip(
            lines, (self.uplink, self.downlink), strict=True
        ):
            line.change(now_s, trace, self.delay_ms, self.loss, self.outage)


def expected_ms(num_bytes, mbps, delay_ms):
    """Returns 8 bytes / rate + delay: one message on an idle link."""
    check(0 < mbps < math.inf, "A rate must be positive and finite.", mbps=mbps)
    return 8e-3 * num_bytes / mbps + delay_ms
