"""The flags of `bottlenet-link`, and the link that they describe."""

import dataclasses
import math

from bottlenet_tf import emulation
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.selection.links import NAMED, named


@dataclasses.dataclass(frozen=True)
class LinkConfig(Settings):
    """One emulated link; `bottlenet-link --help` explains every field."""

    network: str | None = setting(
        None, f"One of {', '.join(NAMED)}: its up-link's rate."
    )
    uplink_mbps: float | None = setting(
        None, "Another up-link's rate, 10^6 bit/s."
    )
    trace: str | None = setting(
        None, "Recorded up-link, mahimahi's (*.up) or sabre's (JSON)."
    )
    downlink_mbps: float | None = setting(
        None, "Rate of the down-link; unset: the up-link's."
    )
    downlink_trace: str | None = setting(None, "Recorded down-link.")
    delay_ms: float = setting(0.0, "One way; the round trip is twice as long.")
    loss: float = setting(0.0, "Share of packets that never arrive, 0 to 1.")
    outage: tuple[str, ...] = setting(
        (), "FROM:TO in seconds since the start, or several: 10:13,60:75."
    )
    queue_bytes: int | None = setting(
        None, "Most bytes queued in each direction."
    )
    seed: int = setting(0, "Seed of the losses.")
    listen: int | None = setting(
        None,
        "Port of the proxy on 127.0.0.1; 0 takes a free one.",
        least=0,
        most=2**16 - 1,
    )
    connect: str | None = setting(
        None, "HOST:PORT of the server that the proxy forwards to."
    )
    namespaces: bool = setting(False, "Make two emulated machines (root).")
    server_command: str | None = setting(
        None, "Command for the server's machine, run by sh."
    )
    check: bool = setting(
        False, "Check both forms of the link and exit; 1 if one is off."
    )
    skip_check: bool = setting(False, "Start without checking the link first.")

    def rules(self):
        yield (
            self.downlink_mbps is None or self.downlink_trace is None,
            "Only one of --downlink_mbps and --downlink_trace may be given.",
        )
        if self.check:
            return
        yield (
            self.namespaces != (self.listen is not None),
            "One of --check, --listen and --namespaces must be given.",
        )
        yield (
            [self.network, self.uplink_mbps, self.trace].count(None) == 2,
            "One of --network, --uplink_mbps and --trace must be given: the "
            "up-link.",
        )
        yield (
            self.namespaces or self.server_command is None,
            "--server_command needs --namespaces, which alone runs commands.",
        )

    def link_settings(self):
        """Returns the `emulation.Settings`."""
        uplink, downlink = self.uplink_mbps, self.downlink_mbps
        if self.network is not None:
            uplink = named(self.network).uplink_mbps
        if self.trace is not None:
            uplink = emulation.load(self.trace)
        if self.downlink_trace is not None:
            downlink = emulation.load(self.downlink_trace)
        return emulation.Settings(
            uplink,
            downlink,
            self.delay_ms,
            self.loss,
            tuple(map(outage, self.outage)),
            self.queue_bytes,
            self.seed,
        )


def address(name, text):
    """Returns `(host, port)` of HOST:PORT, or [HOST]:PORT with IPv6."""
    host, _, port = (text or "").rpartition(":")
    check(
        host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16,
        f"--{name} must be HOST:PORT.",
        **{name: text},
    )
    return host.strip("[]"), int(port)


def outage(text):
    """Returns `(from_s, to_s)` of FROM:TO."""
    try:
        begin_s, end_s = map(float, text.split(":"))
    except ValueError:
        begin_s = end_s = math.nan
    check(
        begin_s < end_s,
        "--outage must be FROM:TO in seconds, separated by commas if several.",
        outage=text,
    )
    return begin_s, end_s
