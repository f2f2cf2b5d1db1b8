"""Decisions as Markdown and as plain values for JSON."""

import dataclasses

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
