"""Algorithm 1's last step: the cheapest acceptable choice, and how sure."""

import dataclasses
import math

from bottlenet_tf.selection.choices import Way
from bottlenet_tf.selection.costs import cost
from bottlenet_tf.validation import check

RATE_FACTORS = (0.5, 1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class Goal:
    """What is minimised: latency_weight ms + energy_weight mJ.

    Raises:
        ValueError: for negative weights, or none above zero.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, algorithm 1, which
        knows latency (1, 0) and energy (0, 1).
    """

    latency_weight: float = 1.0
    energy_weight: float = 0.0

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

    def knows(self, some_cost):
        """Whether a `Cost` holds all that `of` needs."""
        return not self.energy_weight or some_cost.energy_mj is not None

    def of(self, some_cost):
        """Returns what is minimised.

        Raises:
            ValueError: if it needs an energy that isn't known.
        """
        value = self.latency_weight * some_cost.latency_ms
        if self.energy_weight:
            check(
                self.knows(some_cost),
                "To choose by energy, the device's profile must hold its power "
                "and the network its radio's; give --power_w when profiling, "
                "--alpha_mw_per_mbps and --beta_mw here.",
                choice=some_cost.choice.name,
                compute_mj=some_cost.compute_mj,
                uplink_mj=some_cost.uplink_mj,
            )
            value += self.energy_weight * some_cost.energy_mj
        return value


LATENCY = Goal(1.0, 0.0)
ENERGY = Goal(0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a choice must keep to. None sets no limit.

    Attributes:
        min_accuracy: In percent.
        max_bytes: Sent for an image on the air, message included.
        max_memory_mb: Of the device, as its profile has it.

    Raises:
        ValueError: for what isn't finite.
    """

    min_accuracy: float | None = None
    max_bytes: float | None = None
    max_memory_mb: float | None = None

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check(
                value is None or math.isfinite(value),
                "A limit must be finite, or nothing keeps to it.",
                **{name: value},
            )


def refusals(choice, machines, link, limits):
    """Returns why a choice is out, as a list of sentences; empty if it isn't.

    What is as large as a limit, or as accurate, keeps to it.

    Raises:
        ValueError: if a limit needs a figure that the profile lacks.
    """
    reasons = []
    least = limits.min_accuracy
    if least is not None and choice.accuracy is not None:
        if choice.accuracy < least:
            reasons.append(f"{choice.accuracy:.2f} % is below {least:.2f} %")
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
    """Returns None for a whole network that wasn't measured."""
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


def cheapest(choices, machines, link, goal):
    """Returns the `Cost` of the choice that costs least.

    At a tie the first wins.

    Raises:
        ValueError: if there is nothing to choose from.
    """
    check(
        len(choices) > 0,
        "Nothing is left to choose from; loosen --max_accuracy_loss or the "
        "limits.",
        choices=0,
    )
    return min((cost(c, machines, link) for c in choices), key=goal.of)


def pareto_front(costs):
    """Returns the `Cost`s that no other beats.

    One beats another if it is no worse in latency, energy, accuracy and
    bytes, and better in one of them. What is unknown doesn't count.
    """
    return [c for c in costs if not any(_beats(other, c) for other in costs)]


def _beats(one, other):
    pairs = [
        (one.latency_ms, other.latency_ms),
        (one.choice.sent_bytes, other.choice.sent_bytes),
    ]
    if one.energy_mj is not None and other.energy_mj is not None:
        pairs.append((one.energy_mj, other.energy_mj))
    if one.choice.accuracy is not None and other.choice.accuracy is not None:
        pairs.append((-one.choice.accuracy, -other.choice.accuracy))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One row of the sensitivity table.

    Attributes:
        rate_factor: Of the link's stated rate.
        device_load: Competing workers on the device.
        cloud_load: Those on the server.
        winner: `Cost` of what would be chosen.
    """

    rate_factor: float
    device_load: int
    cloud_load: int
    winner: object


def sensitivity(choices, machines, link, goal):
    """Chooses again at other link rates and other loads.

    Args:
        choices: List of `Choice`, already within the limits.
        machines: `Machines`; its profiles say which loads were measured.
        link: `Link`.
        goal: `Goal`.

    Returns:
        List of `Scenario`: every rate of `RATE_FACTORS` with every load of
        the device and of the server at which all that the choices need was
        measured.
    """
    scenarios = []
    for factor in RATE_FACTORS:
        for device_load in machines.device.loads:
            for cloud_load in machines.cloud.loads:
                busy = dataclasses.replace(
                    machines, device_load=device_load, cloud_load=cloud_load
                )
                try:
                    won = cheapest(choices, busy, link.scaled(factor), goal)
                except ValueError:  # A load of some parts alone.
                    continue
                scenarios.append(Scenario(factor, device_load, cloud_load, won))
    return scenarios
