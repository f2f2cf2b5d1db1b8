"""The goal of a choice, and its limits."""

import dataclasses
import math

from bottlenet_tf.common.validation import check
from bottlenet_tf.selection.choices import Way


@dataclasses.dataclass(frozen=True)
class Goal:
    """The least cost, or the most accuracy within a deadline.

    Without a deadline, latency_weight ms + energy_weight mJ is minimised. With
    one, accuracy is maximised among the choices that meet it. In a tie the more
    accurate wins, then the one of fewer bytes, then the first.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, algorithm 1, which
        has latency (1, 0) and energy (0, 1).
    """

    latency_weight: float = 1.0
    energy_weight: float = 0.0
    deadline_ms: float | None = None  # Of an image of mean size.

    def __post_init__(self):
        weights = (self.latency_weight, self.energy_weight)
        check(
            all(map(math.isfinite, weights))
            and min(weights) >= 0
            and max(weights) > 0,
            "--latency_weight and --energy_weight must be finite, not "
            "negative, nor both zero: nothing would be minimised.",
            latency_weight=self.latency_weight,
            energy_weight=self.energy_weight,
        )
        if self.deadline_ms is None:
            return
        check(
            0 < self.deadline_ms < math.inf,
            "--deadline_ms must be positive and finite.",
            deadline_ms=self.deadline_ms,
        )
        check(
            weights == (1.0, 0.0),
            "--deadline_ms asks for the most accuracy, --latency_weight and "
            "--energy_weight for the least of their sum: give one or the "
            "other.",
            deadline_ms=self.deadline_ms,
            latency_weight=self.latency_weight,
            energy_weight=self.energy_weight,
        )

    def knows(self, some_cost):
        """Whether a `Cost` has all that `of` and `rank` need."""
        if self.deadline_ms is not None:
            return some_cost.choice.accuracy is not None
        return not self.energy_weight or some_cost.energy_mj is not None

    def of(self, some_cost):
        """Returns the weighted sum; with a deadline, the latency."""
        value = self.latency_weight * some_cost.latency_ms
        if self.energy_weight:
            check(
                self.knows(some_cost),
                "To choose by energy, the device's profile must have its power "
                "and the network its radio's; give --power_w when profiling, "
                "--alpha_mw_per_mbps and --beta_mw here.",
                choice=some_cost.choice.name,
                compute_mj=some_cost.compute_mj,
                uplink_mj=some_cost.uplink_mj,
            )
            value += self.energy_weight * some_cost.energy_mj
        return value

    def rank(self, some_cost):
        """Returns a key that is least for the best choice."""
        choice = some_cost.choice
        key = (-(choice.sure_accuracy or 0.0), choice.sent_bytes)
        return (
            key if self.deadline_ms is not None else (self.of(some_cost), *key)
        )

    def misses(self, some_cost):
        """Returns why a `Cost` misses the deadline, a list; empty if not."""
        latency_ms, most = some_cost.latency_ms, self.deadline_ms
        if most is None or latency_ms <= most:
            return []
        return [f"{latency_ms:.2f} ms are more than {most:g} ms"]


LATENCY = Goal(1.0, 0.0)
ENERGY = Goal(0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a choice. None sets no limit."""

    min_accuracy: float | None = None  # In percent.
    max_bytes: float | None = None  # On the air, message included.
    max_memory_mb: float | None = None  # The device's, as in its profile.

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check(
                value is None or 0 <= value < math.inf,
                "A limit must be finite and not negative.",
                **{name: value},
            )


def refusals(choice, machines, link, limits):
    """Returns why a choice exceeds limits, a list of sentences.

    A choice exactly at a limit keeps it.
    """
    reasons = []
    least = limits.min_accuracy
    if least is not None and choice.accuracy is not None:
        if choice.accuracy < least:
            reasons.append(f"{choice.accuracy:.2f} % is below {least:.2f} %")
        elif choice.sure_accuracy < least:
            reasons.append(
                f"{choice.sure_accuracy:.2f} % of the next finer point is "
                f"below {least:.2f} %"
            )
    most = limits.max_bytes
    if most is not None and choice.sends:
        on_air_bytes = link.on_air_bytes(choice.sent_bytes)
        if on_air_bytes > most:
            reasons.append(f"{on_air_bytes:.1f} B are more than {most:g} B")
    if limits.max_memory_mb is not None and choice.way is not Way.CLOUD:
        peak = _peak_memory_mb(choice, machines.device)
        if peak is not None and peak > limits.max_memory_mb:
            reasons.append(
                f"{peak:.0f} MB are more than {limits.max_memory_mb:g} MB"
            )
    return reasons


def _peak_memory_mb(choice, device):
    """Returns the peak; None for an unmeasured unsplit network."""
    if choice.way is Way.DEVICE:
        return device.whole_memory_mb
    peak = device.split(choice.split).head_memory_mb
    check(
        peak is not None,
        f"{device.file}: field 'head_memory_mb' of split {choice.split!r} "
        "must be known for a limit of the device's memory; bottlenet-profile "
        "measures it, and a profile by hand (CSV) may have a column memory_mb.",
        head_memory_mb=peak,
    )
    return peak
