"""Decisions as Markdown and as plain values for JSON."""

import dataclasses

from bottlenet_tf import formats
from bottlenet_tf.markdown import aligned

_COSTS = (
    "choice", "unit or codec", "accuracy %", "bytes", "device ms", "codec ms",
    "up-link ms", "answer ms", "cloud ms", "latency ms", "energy mJ", "",
)  # fmt: skip


def cost_table(decision):
    """Returns the lines of a decision's table: splits, then references.

    The winner is marked, splits on the Pareto front and refused ones too.
    """
    rows = [_row(cost, _mark(decision, cost)) for cost in decision.costs]
    rows += [_row(cost, "reference") for cost in decision.references]
    return aligned(_COSTS, rows, left=2)


def _mark(decision, cost):
    name = cost.choice.name
    if decision.winner is not None and name == decision.winner.choice.name:
        return "chosen"
    if name in decision.refused:
        return "; ".join(decision.refused[name])
    return "on the front" if name in decision.front else ""


def _row(cost, mark):
    choice = cost.choice
    energy = cost.energy_mj
    return [
        choice.name,
        choice.detail,
        "–" if choice.accuracy is None else f"{choice.accuracy:.2f}",
        f"{choice.sent_bytes:.0f}",
        f"{cost.device_ms:.2f}",
        f"{cost.codec_ms:.2f}",
        f"{cost.uplink_ms:.2f}",
        f"{cost.answer_ms:.2f}",
        f"{cost.cloud_ms:.2f}",
        f"{cost.latency_ms:.2f}",
        "–" if energy is None else f"{energy:.2f}",
        mark,
    ]


def sensitivity_table(decision):
    """Returns the lines of what would be chosen at other rates and loads.

    One row for each pair of loads, one column for each rate.
    """
    rates = sorted({s.rate_factor for s in decision.scenarios})
    loads = sorted({(s.device_load, s.cloud_load) for s in decision.scenarios})
    found = {
        (s.device_load, s.cloud_load, s.rate_factor): s.winner
        for s in decision.scenarios
    }
    header = ["device load", "cloud load"] + [
        f"{rate * decision.link.uplink_mbps:g} Mbit/s" for rate in rates
    ]
    rows = [
        [str(device), str(cloud)]
        + [_won(found[device, cloud, rate], decision.goal) for rate in rates]
        for device, cloud in loads
    ]
    return aligned(header, rows, left=0)


def _won(winner, goal):
    figures = []
    if goal.latency_weight:
        figures.append(f"{winner.latency_ms:.2f} ms")
    if goal.energy_weight:
        figures.append(f"{winner.energy_mj:.2f} mJ")
    return f"{winner.choice.name} ({', '.join(figures)})"


def winners_table(decisions):
    """Returns the lines of what was chosen for each link, and its rivals.

    Latency and, if it is known, energy.
    """
    rivals = ("mobile-only", "cloud-only, best", "cloud-only, matched")
    rows = []
    for decision in decisions:
        costs = {c.choice.name: c for c in decision.references}
        winner = decision.winner
        rows.append(
            [decision.link.name, winner.choice.name if winner else "none"]
            + [_short(winner)]
            + [_short(costs.get(name)) for name in rivals]
        )
    return aligned(["network", "chosen", "costs", *rivals], rows, left=2)


def _short(cost):
    if cost is None:
        return "–"
    energy = cost.energy_mj
    told = f"{cost.latency_ms:.2f} ms"
    return told if energy is None else f"{told}, {energy:.2f} mJ"


def selection_values(decisions, machines, **more):
    """Returns what `selection.json` holds.

    Args:
        decisions: List of `Decision`.
        machines: `Machines` they were made for.
        **more: What else is to be told, such as the command.
    """
    return {
        "format": formats.SELECTION,
        "device": machines.device.device,
        "cloud": machines.cloud.device,
        "device_profile": machines.device.file,
        "cloud_profile": machines.cloud.file,
        "meter": machines.device.meter,
        "device_load": machines.device_load,
        "cloud_load": machines.cloud_load,
        "decisions": [as_values(decision) for decision in decisions],
        **more,
    }


def as_values(decision):
    """Returns a decision as a dictionary that JSON can hold."""
    return {
        "link": dataclasses.asdict(decision.link),
        "goal": dataclasses.asdict(decision.goal),
        "splits": [_values(cost) for cost in decision.costs],
        "references": [_values(cost) for cost in decision.references],
        "refused": decision.refused,
        "untimed": decision.untimed,
        "winner": decision.winner and decision.winner.choice.name,
        "best": decision.best and decision.best.choice.name,
        "front": list(decision.front),
        "sensitivity": [
            {
                "rate_factor": s.rate_factor,
                "device_load": s.device_load,
                "cloud_load": s.cloud_load,
                "winner": s.winner.choice.name,
                "latency_ms": s.winner.latency_ms,
                "energy_mj": s.winner.energy_mj,
            }
            for s in decision.scenarios
        ],
    }


def _values(cost):
    values = dataclasses.asdict(cost)
    values["choice"]["way"] = cost.choice.way.value
    return {
        **values,
        "latency_ms": cost.latency_ms,
        "energy_mj": cost.energy_mj,
    }
