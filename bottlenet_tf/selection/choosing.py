"""Algorithm 1's last step: the best acceptable choice, and its sensitivity."""

import dataclasses

from bottlenet_tf.common.ranges import Positive, Whole
from bottlenet_tf.selection.costs import Cost, cost

RATE_FACTORS = (0.5, 1.0, 2.0)


def choose(costs, goal):
    """Returns the best of `Cost`s within the limits; None if all are late."""
    kept = [found for found in costs if not goal.misses(found)]
    return min(kept, key=goal.rank, default=None)


def pareto_front(costs):
    """Returns the `Cost`s that no other beats.

    One beats another if it is no worse in latency, energy, accuracy and
    bytes, and better in one of them. Unknown figures don't count.
    """
    return front(costs, _figures)


def front(items, figures):
    """Returns the items that no other beats.

    `figures` maps an item to a tuple of numbers, the smaller the better; None
    is unknown and doesn't count.
    """
    known = [figures(item) for item in items]
    return [
        item
        for item, own in zip(items, known)
        if not any(_beats(other, own) for other in known)
    ]


def _figures(some_cost):
    accuracy = some_cost.choice.sure_accuracy
    return (
        some_cost.latency_ms,
        some_cost.choice.sent_bytes,
        some_cost.energy_mj,
        None if accuracy is None else -accuracy,
    )


def _beats(one, other):
    is_better = False
    for a, b in zip(one, other):
        if a is None or b is None:
            continue
        if a > b:
            return False
        is_better = is_better or a < b
    return is_better


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One row of the sensitivity table; `winner` is None if none is in time."""

    rate_factor: Positive
    device_load: Whole
    cloud_load: Whole
    winner: Cost | None


def sensitivity(choices, machines, link, goal):
    """Returns the `Scenario`s: the choice at other link rates and other loads.

    These are every rate of `RATE_FACTORS` with every load of device and server
    at which all parts of the choices, which are within the limits, were
    measured.
    """
    scenarios = []
    for factor in RATE_FACTORS:
        scaled = link.scaled(factor)
        for busy in machines.at_all_loads():
            try:
                costs = [cost(choice, busy, scaled) for choice in choices]
                won = choose(costs, goal)
            except ValueError:  # A load of only some parts.
                continue
            loads = busy.device_load, busy.cloud_load
            scenarios.append(Scenario(factor, *loads, won))
    return scenarios
