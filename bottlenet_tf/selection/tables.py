"""Decisions as Markdown and as plain values for JSON."""

import dataclasses

from bottlenet_tf.common import curve_cells, formats
from bottlenet_tf.common.markdown import aligned, cell
from bottlenet_tf.selection.choices import Way

_COSTS = (
    "choice", "unit or codec", "validation %", "test %", "wire B",
    "on air B", "device ms", "codec ms", "up-link ms", "answer ms", "cloud ms",
    "latency ms", "energy mJ", "break-even RTT ms",
)  # fmt: skip
_LEGEND = (
    "Break-even RTT: the round trip above which mobile-only costs less. "
    "Always: at any; never: at none; –: nothing is sent, or mobile-only wasn't "
    "measured."
)


def cost_table(decision, all_points=False):
    """Returns the lines of a decision's table: splits, then references.

    Each split has one row, its best operating point (`Decision.shown`), or one
    for each point. Marked are the winner, refused and unmeasured rows, and
    points on the Pareto front.
    """
    splits = decision.costs if all_points else decision.shown
    heading = between_heading(decision)
    header = [*_COSTS, *([heading] if heading else []), ""]
    rows = [
        [
            *_row(decision, cost),
            *([between(decision, cost)] if heading else []),
            mark(decision, cost),
        ]
        for cost in (*splits, *decision.references)
    ]
    rows += [
        [name, "", *["–"] * (len(header) - 3), "not measured"]
        for name in decision.untimed
    ]
    return aligned(header, rows, left=2)


def between_heading(decision):
    """Returns the heading of `Decision.between`; "" if that is empty."""
    if not decision.between:
        return ""
    if decision.goal.deadline_ms is not None:
        return f"% in {decision.goal.deadline_ms:g} ms"
    return f"wire B for {decision.limits.min_accuracy:.2f} %"


def between(decision, cost):
    """Returns `Decision.between` of a cost's split, as text."""
    figure = decision.between.get(cost.choice.split)
    if figure is None or cost.choice.way is not Way.SPLIT:
        return "–"
    if decision.goal.deadline_ms is None:
        return curve_cells.size(figure)
    return cell(figure.value, ".2f")


def unmeasured(decisions):
    """Returns a sentence for each reason of unmeasured costs."""
    reasons = {}
    for decision in decisions:
        for name, reason in decision.unmeasured.items():
            names = reasons.setdefault(reason, [])
            names += [name] if name not in names else []
    return [
        f"{' and '.join(names)}: not measured. {reason}"
        for reason, names in reasons.items()
    ]


def chosen(decision):
    """Returns the winner's name, and the rivals it wasn't compared with."""
    text = decision.winner.choice.name if decision.winner else "none"
    if decision.uncompared:
        text += f" (not compared with {' and '.join(decision.uncompared)})"
    return text


def sizes(choice):
    """Returns a sentence on the wire bytes of a choice's images."""
    spread = choice.spread
    mean = f"{choice.name}: {choice.sent_bytes:.0f} wire bytes on average"
    if spread is None:
        return f"{mean}."
    return (
        f"{mean}, at most {spread.p95:.0f} for 95 % of the images "
        f"and {spread.p99:.0f} for 99 %, {spread.max:.0f} for the largest."
    )


def mark(decision, cost):
    """Returns a choice's mark, e.g. "chosen"; "" without one."""
    name = cost.choice.name
    if cost is decision.winner:
        return "chosen"
    reasons = "; ".join(decision.refused.get(name, ()))
    found = [f"refused: {reasons}"] if reasons else []
    if any(cost is reference for reference in decision.references):
        return ", ".join(["reference", *found])
    return "on the front" if name in decision.front else "".join(found)


def _row(decision, cost):
    choice = cost.choice
    times = (
        cost.device_ms, cost.codec_ms, cost.uplink_ms, cost.answer_ms,
        cost.cloud_ms, cost.latency_ms,
    )  # fmt: skip
    return [
        choice.name,
        choice.detail,
        cell(choice.accuracy, ".2f"),
        cell(choice.test_accuracy, ".2f"),
        f"{choice.sent_bytes:.0f}",
        f"{cost.on_air_bytes:.0f}",
        *(cell(ms, ".2f") for ms in times),
        cell(cost.energy_mj, ".2f"),
        _break_even(decision, cost),
    ]


def _break_even(decision, cost):
    value = decision.break_even.get(cost.choice.name)
    return value if isinstance(value, str) else cell(value, ".2f")


def sensitivity_table(decision):
    """Returns the lines of the choices at other rates and loads."""
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


def messages_table(decision):
    """Returns the lines of the choices at other bytes of a message."""
    header = [f"{size:g} B per message" for size in decision.messages]
    won = [_won(each, decision.goal) for each in decision.messages.values()]
    return aligned(header, [won], left=0)


def _won(winner, goal):
    if winner is None:
        return "none"
    figures = []
    if goal.deadline_ms is not None:
        figures.append(f"{winner.choice.accuracy:.2f} %")
    if goal.latency_weight:
        figures.append(f"{winner.latency_ms:.2f} ms")
    if goal.energy_weight:
        figures.append(f"{winner.energy_mj:.2f} mJ")
    return f"{winner.choice.name} ({', '.join(figures)})"


def winners_table(decisions):
    """Returns the lines of each link's choice and its rivals.

    Latency and, if known, energy; below, a legend and the `unmeasured`.
    """
    rivals = ["mobile-only", "cloud-only, best", "cloud-only, matched"]
    known = {c.choice.name for d in decisions for c in d.references}
    rivals += ["cloud-only, tuned"] if "cloud-only, tuned" in known else []
    rows = []
    for decision in decisions:
        costs = {c.choice.name: c for c in decision.references}
        winner = decision.winner
        rows.append(
            [
                decision.link.name,
                chosen(decision),
                _short(winner),
                _break_even(decision, winner) if winner else "–",
                *(
                    _short(costs.get(name), name in decision.unmeasured)
                    for name in rivals
                ),
            ]
        )
    header = ["network", "chosen", "costs", "break-even RTT ms", *rivals]
    return [
        *aligned(header, rows, left=2), "", _LEGEND, *unmeasured(decisions)
    ]  # fmt: skip


def _short(cost, is_unmeasured=False):
    if cost is None:
        return "not measured" if is_unmeasured else "–"
    energy = cost.energy_mj
    latency = f"{cost.latency_ms:.2f} ms"
    if is_unmeasured:
        return f"{latency}, energy not measured"
    return latency if energy is None else f"{latency}, {energy:.2f} mJ"


def selection_values(decisions, machines, **more):
    """Returns the content of `selection.json`, with the command etc."""
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
    """Returns a decision as a dictionary for JSON."""
    return {
        "link": dataclasses.asdict(decision.link),
        "goal": dataclasses.asdict(decision.goal),
        "limits": dataclasses.asdict(decision.limits),
        "splits": [_values(decision, cost) for cost in decision.costs],
        "references": [_values(decision, cost) for cost in decision.references],
        "refused": decision.refused,
        "unmeasured": decision.unmeasured,
        "winner": decision.winner and decision.winner.choice.name,
        "best": decision.best and decision.best.choice.name,
        "front": list(decision.front),
        "between": {
            split: dataclasses.asdict(figure)
            for split, figure in decision.between.items()
        },
        "sensitivity": [
            {
                "rate_factor": s.rate_factor,
                "device_load": s.device_load,
                "cloud_load": s.cloud_load,
                "winner": s.winner and s.winner.choice.name,
                "latency_ms": s.winner and s.winner.latency_ms,
                "energy_mj": s.winner and s.winner.energy_mj,
            }
            for s in decision.scenarios
        ],
        "messages": [
            {
                "message_overhead_bytes": size,
                "winner": won and won.choice.name,
                "latency_ms": won and won.latency_ms,
                "energy_mj": won and won.energy_mj,
            }
            for size, won in decision.messages.items()
        ],
    }


def _values(decision, cost):
    values = dataclasses.asdict(cost)
    values["choice"]["way"] = cost.choice.way.value
    return {
        **values,
        "latency_ms": cost.latency_ms,
        "energy_mj": cost.energy_mj,
        "break_even_rtt_ms": decision.break_even.get(cost.choice.name),
    }
