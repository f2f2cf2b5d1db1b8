"""The flags of `bottlenet-select`: costs, choice and files."""

import dataclasses
import pathlib

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.selection.costs import Machines
from bottlenet_tf.selection.goals import Goal, Limits
from bottlenet_tf.selection.links import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Link,
    message_overhead_bytes,
    named,
)

# Points below the unsplit network, as the paper accepts.
MAX_LOSS = 2.0
_TRANSPORTS = "; ".join(
    f"{name} {transport.num_bytes}, {transport.about}"
    for name, transport in TRANSPORTS.items()
)


@dataclasses.dataclass(frozen=True)
class CostConfig(Settings):
    """Cost of an image: machines, links, and the weights of ms and mJ."""

    device_profile: str | None = setting(
        None, "Profile of the device (JSON or CSV)."
    )
    cloud_profile: str | None = setting(
        None, "Profile of the server (JSON or CSV)."
    )
    latency_weight: float = setting(1.0, "Weight of a ms in the objective.")
    energy_weight: float = setting(0.0, "Weight of a mJ in the objective.")
    networks: tuple[str, ...] = setting(
        tuple(NAMED), f"Any of {', '.join(NAMED)} (table 3)."
    )
    uplink_mbps: float | None = setting(
        None, "Up-link of another network, 10^6 bit/s."
    )
    alpha_mw_per_mbps: float | None = setting(
        None, "Its radio's power for each Mbit/s."
    )
    beta_mw: float | None = setting(None, "Its radio's power at any rate.")
    downlink_mbps: float | None = setting(
        None, "Rate of the answer; the paper leaves it out."
    )
    rtt_ms: float = setting(0.0, "Round trip; the paper leaves it out.")
    waiting_mw: float = setting(0.0, "Power of the device while it waits.")
    message_overhead: str = setting(
        DEFAULT_TRANSPORT,
        "Bytes that a message adds to its wire bytes, for everything that is "
        "sent: a number (0 reproduces the paper) or a transport. Measured at "
        f"IP level, on an open connection: {_TRANSPORTS}. Further packets of "
        "long payloads aren't counted.",
    )
    answer_bytes: int = setting(
        Link.answer_bytes,
        "Size of the answer with its message, for --downlink_mbps.",
    )
    device_slowdown: float = setting(
        1.0,
        "Assume a device this many times slower than the profiled machine, to "
        "see whether a split would pay off.",
    )
    device_load: int = setting(0, "Competing workers on the device.")
    cloud_load: int = setting(0, "Competing workers on the server.")

    def machines(self, device, cloud):
        """Returns the `Machines` of two `profile_file.Profile`s."""
        profile_file.check_same_network(device, cloud)
        if self.device_slowdown != 1.0:
            device = profile_file.slowed(device, self.device_slowdown)
        return Machines(device, cloud, self.device_load, self.cloud_load)

    def links(self):
        """Returns the `Link`s."""
        found = [named(name) for name in self.networks]
        if self.uplink_mbps is not None:
            radio = self.alpha_mw_per_mbps, self.beta_mw
            found.append(Link("own", self.uplink_mbps, *radio))
        check(
            bool(found),
            "--networks or --uplink_mbps must name a network.",
            networks=self.networks,
            uplink_mbps=self.uplink_mbps,
        )
        overhead = message_overhead_bytes(self.message_overhead)
        return [
            dataclasses.replace(
                link,
                rtt_ms=self.rtt_ms,
                downlink_mbps=self.downlink_mbps,
                answer_bytes=self.answer_bytes,
                waiting_mw=self.waiting_mw,
                message_overhead_bytes=overhead,
            )
            for link in found
        ]


@dataclasses.dataclass(frozen=True)
class SelectConfig(Settings):
    """One selection; `bottlenet-select --help` explains every field."""

    costs: CostConfig = CostConfig()
    runs: tuple[str, ...] = setting(
        (), "Finished runs, or folders that contain them."
    )
    deadline_ms: float | None = setting(
        None,
        "Choose the most accuracy whose latency keeps this deadline, instead "
        "of the least latency or energy; sizes and times in the mean.",
    )
    max_accuracy_loss: float | None = setting(
        None,
        f"Accepted accuracy loss, in points; unset: {MAX_LOSS:g}, or any with "
        "--deadline_ms.",
        least=0,
    )
    max_bytes: float | None = setting(
        None,
        "Most bytes that an image may take on the air: wire bytes, as "
        "--byte_budget counts them, and --message_overhead.",
    )
    max_memory_mb: float | None = setting(
        None, "Most memory of the head's process."
    )
    out: str = setting("selection.json", "File for the decisions.")
    plan: str | None = setting(
        None,
        "File of the choices that a device has while it runs; unset: plan.json "
        "next to --out.",
    )
    all_points: bool = setting(
        False, "Show each operating point of each split, not only its best."
    )
    published: str | None = setting(None, "Printed totals to choose by (CSV).")

    def rules(self):
        yield (
            self.plan_path != pathlib.Path(self.out),
            "--plan and --out must be two files, or one overwrites the other.",
        )
        if self.published:
            return
        for name, given in (
            ("runs", self.runs),
            ("device_profile", self.costs.device_profile),
            ("cloud_profile", self.costs.cloud_profile),
        ):
            yield bool(given), f"--{name} must be given; --help shows how."

    @property
    def goal(self):
        """The `Goal`; raises ValueError for wrong weights."""
        costs = self.costs
        return Goal(costs.latency_weight, costs.energy_weight, self.deadline_ms)

    @property
    def max_loss(self):
        """The accepted loss, in points: the paper's if unset."""
        loss = self.max_accuracy_loss
        return MAX_LOSS if loss is None else loss

    @property
    def plan_path(self):
        """`pathlib.Path` of the plan."""
        beside = pathlib.Path(self.out).with_name("plan.json")
        return pathlib.Path(self.plan) if self.plan else beside

    def limits(self, baseline_accuracy):
        """Returns the `Limits`.

        With a deadline and no accepted loss, any accuracy is accepted.
        """
        is_any = self.max_accuracy_loss is None and self.deadline_ms is not None
        least = None
        if baseline_accuracy is not None and not is_any:
            least = max(0.0, baseline_accuracy - self.max_loss)
        return Limits(least, self.max_bytes, self.max_memory_mb)
