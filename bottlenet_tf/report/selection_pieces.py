"""What was chosen, what it costs, how surely: sections of either page."""

from bottlenet_tf.report import costs, markup, sensitivity, text, verdict
from bottlenet_tf.selection import tables

TITLES = {
    "summary": "What was chosen",
    "costs": "Latency and energy",
    "sensitivity": "At other rates and loads",
}


def pictures(selection, splits):
    """Returns `{name of section: [Picture]}` of a selection.

    Args:
        selection: `selection_file.Selection`.
        splits: All that the page is of, in order, for their colours.
    """
    decisions = selection.decisions
    return {
        "costs": [costs.picture(d, selection) for d in decisions],
        "sensitivity": [
            sensitivity.picture(d, selection, splits)
            for d in decisions
            if d.scenarios
        ],
    }


def summary(selection, runs):
    """Returns pieces of HTML with the verdict on each network.

    Args:
        selection: `selection_file.Selection`.
        runs: `run_file.Run`s that it chose among.
    """
    known = [run.baseline_accuracy for run in runs][:1]
    pieces = []
    for decision in selection.decisions:
        found = verdict.of_decision(decision, known[0] if known else None)
        pieces.append(
            f'<div class="verdict{" beaten" if found.beaten else ""}">'
            f"<h3>{text.escaped(found.title)}</h3>"
            f"{''.join(map(markup.paragraph, found.sentences))}"
            f"{markup.items(found.others)}</div>"
        )
    machines = f"Device: {selection.device}. Server: {selection.cloud}."
    if selection.is_one_machine:
        machines = (
            "Device and server are the same machine here: one profile, of "
            f"{selection.device}, stands for both."
        )
    machines += f" The device's power: {costs.meter(selection)}."
    return [*pieces, markup.paragraph(machines, "note")]


def costs_told(selection, drawn):
    """Returns pieces of HTML with bars and tables of all costs.

    Args:
        selection: `selection_file.Selection`.
        drawn: As `pictures` returns it.
    """
    pieces = [markup.paragraph(costs.EXPLANATION)]
    figures = markup.drawings(drawn, "costs")
    for decision, figure in zip(selection.decisions, figures):
        name = decision.link.name
        table = markup.details(f"All numbers: {name}", _table(decision))
        pieces += [f"<h3>{text.escaped(name)}</h3>", figure, table]
    return pieces


def sensitivity_told(selection, drawn):
    """Returns pieces of HTML with the choices at other rates and loads.

    Args:
        selection: `selection_file.Selection`.
        drawn: As `pictures` returns it.
    """
    figures = markup.drawings(drawn, "sensitivity")
    if not figures:
        return [markup.paragraph("No split is acceptable under any network.")]
    decided = [d for d in selection.decisions if d.scenarios]
    pieces = [markup.paragraph(sensitivity.EXPLANATION)]
    for decision, figure in zip(decided, figures):
        pieces += [f"<h3>{text.escaped(decision.link.name)}</h3>", figure]
    return pieces


def _table(decision):
    heading = tables.between_heading(decision)
    header = (
        "choice", "what", "", "accuracy", "wire B", "on air B", "device ms",
        "codec ms", "up-link ms", "answer ms", "server ms", "latency ms",
        "energy mJ", "break-even RTT ms", *([heading] if heading else []),
    )  # fmt: skip
    everything = (*decision.shown, *decision.references)
    rows = []
    for cost in everything:
        times = (
            cost.device_ms, cost.codec_ms, cost.uplink_ms, cost.answer_ms,
            cost.cloud_ms, cost.latency_ms, cost.energy_mj,
        )  # fmt: skip
        rows.append(
            [
                cost.choice.name,
                cost.choice.detail,
                costs.mark(decision, cost),
                text.percent(cost.choice.shown_accuracy),
                text.number(cost.choice.sent_bytes),
                text.number(cost.on_air_bytes),
                *map(text.number, times),
                costs.break_even(decision, cost),
                *([tables.between(decision, cost)] if heading else []),
            ]
        )
    rows += [
        [name, "", "not measured"] + ["–"] * (len(header) - 3)
        for name in decision.untimed
    ]
    marked = [i for i, c in enumerate(everything) if c is decision.winner]
    name = f"All costs for {decision.link.name}"
    return markup.table(header, rows, 3, name, marked)
