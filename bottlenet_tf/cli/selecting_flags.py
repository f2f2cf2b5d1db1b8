"""The flags of `bottlenet-select`, and what they ask for."""

import dataclasses
import math
import pathlib

from absl import flags

from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.selection import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Goal,
    Limits,
    Link,
    Machines,
    message_overhead_bytes,
    named,
)

# Points below the unsplit network, as the paper accepts.
MAX_LOSS = 2.0
_PLAN = "plan.json"
# What --help shows by purpose.
GROUPS = {
    "What is chosen among": (
        "runs", "device_profile", "cloud_profile", "published",
    ),
    "What is wanted": (
        "max_accuracy_loss", "deadline_ms", "latency_weight", "energy_weight",
        "max_bytes", "max_memory_mb",
    ),
    "Links and loads": (
        "networks", "uplink_mbps", "downlink_mbps", "rtt_ms",
        "alpha_mw_per_mbps", "beta_mw", "waiting_mw", "message_overhead",
        "answer_bytes", "device_slowdown", "device_load", "cloud_load",
    ),
    "What is written": ("out", "plan", "all_points"),
}  # fmt: skip


def define(module_name):
    """Defines all flags."""
    common = {"module_name": module_name}
    flags.DEFINE_list(
        "runs", [], "Finished runs, or folders that hold some.", **common
    )
    define_scenarios(**common)
    for name, default, text in (
        (
            "deadline_ms",
            None,
            "Choose the most accuracy whose latency keeps this deadline, "
            "instead of the least latency or energy; sizes and times in the "
            "mean.",
        ),
        (
            "max_accuracy_loss",
            None,
            f"Accepted points below the network; unset: {MAX_LOSS:g}, or any "
            "with --deadline_ms.",
        ),
        (
            "max_bytes",
            None,
            "Most bytes that an image may take on the air: wire bytes, as "
            "--byte_budget counts them, and --message_overhead.",
        ),
        ("max_memory_mb", None, "Most memory of the head's process."),
    ):
        flags.DEFINE_float(name, default, text, **common)
    flags.DEFINE_string(
        "out", "selection.json", "File for the decisions.", **common
    )
    flags.DEFINE_string(
        "plan",
        None,
        "File for what a device chooses from while it runs; unset: plan.json "
        "beside --out.",
        **common,
    )
    flags.DEFINE_bool(
        "all_points",
        False,
        "Show each operating point of each split, not its best alone.",
        **common,
    )
    flags.DEFINE_string(
        "published", None, "Printed totals to choose by (CSV).", **common
    )


def define_scenarios(**common):
    """Defines the flags of machines, links and what is minimised."""
    for name, whose in (("device", "device"), ("cloud", "server")):
        flags.DEFINE_string(
            f"{name}_profile",
            None,
            f"Profile of the {whose} (JSON or CSV).",
            **common,
        )
    flags.DEFINE_list(
        "networks", list(NAMED), f"Of {', '.join(NAMED)} (table 3).", **common
    )
    for name, default, text in (
        ("uplink_mbps", None, "Up-link of another network, 10^6 bit/s."),
        ("alpha_mw_per_mbps", None, "Its radio's power for each Mbit/s."),
        ("beta_mw", None, "Its radio's power at any rate."),
        ("rtt_ms", 0.0, "Round trip; the paper leaves it out."),
        ("downlink_mbps", None, "Of the answer; the paper leaves it out."),
        ("waiting_mw", 0.0, "Power of the device while it waits."),
        (
            "device_slowdown",
            1.0,
            "Assume a device this many times slower than the profiled "
            "machine, to see whether a split would pay off.",
        ),
        ("latency_weight", 1.0, "Weight of a ms in what is minimised."),
        ("energy_weight", 0.0, "Weight of a mJ in what is minimised."),
    ):
        flags.DEFINE_float(name, default, text, **common)
    for name, default, text in (
        (
            "answer_bytes",
            Link.answer_bytes,
            "Size of the answer with its message, for --downlink_mbps.",
        ),
        ("device_load", 0, "Competing workers on the device."),
        ("cloud_load", 0, "Competing workers on the server."),
    ):
        flags.DEFINE_integer(name, default, text, **common)
    measured = "; ".join(
        f"{name} {transport.num_bytes}, {transport.about}"
        for name, transport in TRANSPORTS.items()
    )
    flags.DEFINE_string(
        "message_overhead",
        DEFAULT_TRANSPORT,
        "Bytes that a message adds to its wire bytes, for everything that is "
        "sent: a number (0 reproduces the paper) or a transport. Measured at "
        f"IP level, on an open connection: {measured}. Further packets of long "
        "payloads aren't counted.",
        **common,
    )


def machines(values, device, cloud):
    """Returns the `Machines` of two profiles, by parsed flag values.

    Args:
        values: Of the flags.
        device, cloud: `profile_file.Profile`s.

    Raises:
        ValueError: if they are of different networks.
    """
    profile_file.check_same_network(device, cloud)
    if values.device_slowdown != 1.0:
        device = profile_file.slowed(device, values.device_slowdown)
    return Machines(device, cloud, values.device_load, values.cloud_load)


def links(values):
    """Returns the `Link`s of parsed flag values.

    Raises:
        ValueError: if none is named, or one can't be.
    """
    overhead = message_overhead_bytes(values.message_overhead)
    found = [named(name) for name in values.networks if name]
    if values.uplink_mbps is not None:
        found.append(
            Link(
                "own",
                values.uplink_mbps,
                values.alpha_mw_per_mbps,
                values.beta_mw,
            )
        )
    if not found:
        raise ValueError(
            "--networks or --uplink_mbps must name a network. "
            f"Received: networks={values.networks}, uplink_mbps=None"
        )
    return [
        dataclasses.replace(
            link,
            rtt_ms=values.rtt_ms,
            downlink_mbps=values.downlink_mbps,
            answer_bytes=values.answer_bytes,
            waiting_mw=values.waiting_mw,
            message_overhead_bytes=overhead,
        )
        for link in found
    ]


def goal(values):
    """Returns the `Goal` of parsed flag values; ValueError if it can't be."""
    return Goal(values.latency_weight, values.energy_weight, values.deadline_ms)


def max_loss(values):
    """Returns the accepted loss, in points: that of the paper if unset.

    Raises:
        ValueError: for one that isn't finite, or negative.
    """
    loss = values.max_accuracy_loss
    loss = MAX_LOSS if loss is None else loss
    check(
        0 <= loss < math.inf,
        "--max_accuracy_loss must be finite and not negative: points below "
        "the network without a split.",
        max_accuracy_loss=loss,
    )
    return loss


def limits(values, baseline_accuracy):
    """Returns the `Limits` of parsed flag values.

    Who asks for the most accuracy within a deadline, and for no accuracy,
    takes what there is.

    Args:
        values: Of the flags.
        baseline_accuracy: Of the unsplit network, in percent; None if unknown.
    """
    is_any = values.max_accuracy_loss is None and values.deadline_ms is not None
    least = None
    if baseline_accuracy is not None and not is_any:
        least = max(0.0, baseline_accuracy - max_loss(values))
    return Limits(least, values.max_bytes, values.max_memory_mb)


def plan_path(values):
    """Returns the `pathlib.Path` of the plan.

    Raises:
        ValueError: if it is that of the decisions.
    """
    out = pathlib.Path(values.out)
    plan = pathlib.Path(values.plan) if values.plan else out.with_name(_PLAN)
    if plan == out:
        raise ValueError(
            "--plan and --out must be two files, or one overwrites the other. "
            f"Received: plan={str(plan)!r}, out={values.out!r}"
        )
    return plan
