"""Sections of either page: verdicts, costs, other rates and loads."""

from bottlenet_tf.report import costs, sensitivity, text, verdict
from bottlenet_tf.report.blocks import Heading, Paragraph, Table, note
from bottlenet_tf.selection import tables

_COSTS = (
    "Stacked: the parts of the time, and of the device's energy, for the best "
    "operating point of each split. Below the line are the rivals. Hatched "
    "bars are refused by a limit or the deadline. Everything sent includes its "
    "message and the answer's round trip. The codec's energy is in the "
    "device's. Of the splits without a unit (raw), only the chosen one is "
    "drawn. Compressing and decoding a cloud-only image isn't counted, in its "
    "favour. A bar with » is longer than drawn."
)
_SENSITIVITY = (
    "Rows: the load of device / server, the number of other processes that "
    "keep each busy. The choice here is only among splits and their operating "
    "points, without mobile-only and cloud-only. The round trip and the size "
    "of a message stay the same."
)


def summary(sources):
    """Returns blocks with the verdict on each network, or how to get one."""
    selection, runs = sources.selection, list(sources.runs.values())
    if selection is None:
        search = sources.search
        sentences = verdict.without_selection(search) if search else ()
        return [*map(Paragraph, sentences), *sources.notes("runs", "selection")]
    known = runs[0].baseline_accuracy if runs else None
    machines = f"Device: {selection.device}. Server: {selection.cloud}."
    if selection.is_one_machine:
        machines = (
            "Device and server are the same machine here: one profile, of "
            f"{selection.device}, stands for both."
        )
    meter = "unknown" if selection.meter == "none" else selection.meter
    return [
        *(verdict.of_decision(d, known) for d in selection.decisions),
        note(f"{machines} The device's power: {meter}."),
    ]


def costed(sources):
    """Returns blocks with bars and tables of all costs."""
    selection = sources.selection
    blocks = [Paragraph(_COSTS)] if selection else []
    for decision in selection.decisions if selection else ():
        drawn = costs.of_decision(decision, selection)
        blocks += [Heading(decision.link.name), drawn, _table(decision)]
    return blocks + sources.notes("selection", "profiles")


def elsewhere(sources):
    """Returns blocks with the choices at other rates and loads."""
    selection = sources.selection
    if selection is None:
        return sources.notes("selection")
    splits = sources.search.splits if sources.search else list(sources.runs)
    decided = [d for d in selection.decisions if d.scenarios]
    if not decided:
        return [Paragraph("No split is acceptable under any network.")]
    blocks = [Paragraph(_SENSITIVITY)]
    for decision in decided:
        drawn = sensitivity.of_decision(decision, selection, splits)
        blocks += [Heading(decision.link.name), drawn]
    return blocks


def _table(decision):
    heading = tables.between_heading(decision)
    header = (
        "choice", "method", "", "accuracy", "wire B", "on air B", "device ms",
        "codec ms", "up-link ms", "answer ms", "server ms", "latency ms",
        "energy mJ", "break-even RTT ms", *([heading] if heading else []),
    )  # fmt: skip
    everything = (*decision.shown, *decision.references)
    rows = [_row(decision, cost) for cost in everything]
    if heading:
        for row, cost in zip(rows, everything):
            row.append(tables.between(decision, cost))
    rows += [
        [name, "", "not measured"] + ["–"] * (len(header) - 3)
        for name in decision.untimed
    ]
    marked = [i for i, c in enumerate(everything) if c is decision.winner]
    name = decision.link.name
    return Table(
        f"All costs for {name}", header, rows, 3, marked, f"All numbers: {name}"
    )


def _row(decision, cost):
    choice = cost.choice
    even = decision.break_even.get(choice.name)
    figures = (
        choice.sent_bytes, cost.on_air_bytes, cost.device_ms, cost.codec_ms,
        cost.uplink_ms, cost.answer_ms, cost.cloud_ms, cost.latency_ms,
        cost.energy_mj,
    )  # fmt: skip
    return [
        choice.name,
        choice.detail,
        tables.mark(decision, cost),
        text.percent(choice.shown_accuracy),
        *map(text.number, figures),
        even if isinstance(even, str) else text.number(even),
    ]
