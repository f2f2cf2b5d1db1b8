"""Flags of `bottlenet-link`, and the link they describe."""

import math

from absl import flags

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation import Settings, load
from bottlenet_tf.selection.links import NAMED, named


def define(module_name, flag_values=flags.FLAGS):
    """Defines the flags, shown by --help of `module_name`."""
    common = {"module_name": module_name, "flag_values": flag_values}
    for name, text in (
        ("network", f"One of {', '.join(NAMED)}: its up-link's rate."),
        ("trace", "Recorded up-link, mahimahi's (*.up) or sabre's (JSON)."),
        ("downlink_trace", "The same of the down-link."),
        ("connect", "HOST:PORT of the server that the proxy leads to."),
        ("server_command", "What to run on the server's machine, by sh."),
    ):
        flags.DEFINE_string(name, None, text, **common)
    for name, default, text in (
        ("uplink_mbps", None, "Another rate, 10^6 bit/s."),
        ("downlink_mbps", None, "10^6 bit/s; the up-link's if not given."),
        ("delay_ms", 0.0, "One way; the round trip is twice as long."),
        ("loss", 0.0, "Share of packets that never arrive, 0 to 1."),
    ):
        flags.DEFINE_float(name, default, text, **common)
    flags.DEFINE_list(
        "outage",
        [],
        "FROM:TO in seconds since the start, or several: 10:13,60:75.",
        **common,
    )
    for name, default, text in (
        ("queue_bytes", None, "Most that may wait in each direction."),
        ("seed", 0, "Of the losses."),
        ("listen", None, "Port of the proxy on 127.0.0.1; 0 takes a free one."),
    ):
        flags.DEFINE_integer(name, default, text, **common)
    for name, text in (
        ("check", "Check both forms of the link and exit; 1 if one is off."),
        ("namespaces", "Make two emulated machines (root)."),
        ("skip_check", "Start without checking the link first."),
    ):
        flags.DEFINE_bool(name, False, text, **common)


def settings(values):
    """Returns the `Settings` of the flags' values.

    Raises:
        ValueError: unless the flags give one up-link, at most one down-link
            and values in range, or for a file that isn't a trace.
        OSError: for a trace that can't be read.
    """
    return Settings(
        uplink=_uplink(values),
        downlink=_downlink(values),
        delay_ms=values.delay_ms,
        loss=values.loss,
        outages=tuple(map(outage, values.outage)),
        queue_bytes=values.queue_bytes,
        seed=values.seed,
    )


def address(name, text):
    """Returns `(host, port)` of HOST:PORT, or [HOST]:PORT with IPv6.

    Raises:
        ValueError: for another text.
    """
    host, _, port = (text or "").rpartition(":")
    check(
        host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16,
        f"--{name} must be HOST:PORT.",
        **{name: text},
    )
    return host.strip("[]"), int(port)


def _uplink(values):
    given = {
        name: getattr(values, name)
        for name in ("network", "uplink_mbps", "trace")
        if getattr(values, name) is not None
    }
    check(
        len(given) == 1,
        "One of --network, --uplink_mbps and --trace must be given: the "
        "up-link.",
        **(given or {"network": None}),
    )
    if values.trace is not None:
        return load(values.trace)
    if values.network is not None:
        return named(values.network).uplink_mbps
    return values.uplink_mbps


def _downlink(values):
    check(
        values.downlink_mbps is None or values.downlink_trace is None,
        "Only one of --downlink_mbps and --downlink_trace may be given.",
        downlink_mbps=values.downlink_mbps,
        downlink_trace=values.downlink_trace,
    )
    if values.downlink_trace is not None:
        return load(values.downlink_trace)
    return values.downlink_mbps


def outage(text):
    """Returns `(from_s, to_s)` of FROM:TO.

    Raises:
        ValueError: for another text, or if it doesn't end after it begins.
    """
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
