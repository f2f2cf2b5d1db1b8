"""The page: one HTML file with all of it, which opens anywhere."""

from bottlenet_tf.report import (
    costs,
    curve_tables,
    document,
    markup,
    network,
    rate_accuracy,
    sensitivity,
    text,
    verdict,
    words,
)
from bottlenet_tf.report import modes as modes_picture

_TITLES = {
    "summary": "What was chosen",
    "network": "The network and its split points",
    "costs": "Latency and energy",
    "rate": "Accuracy over bytes",
    "modes": "Trained with the codec, and without",
    "sensitivity": "At other rates and loads",
    "planes": "What the codec sees",
    "origins": "What made these figures",
    "words": "Words",
}


def planes(sources):
    """Returns `{name: path}` of the pictures of planes."""
    runs = sources.search.runs
    return {split: run.planes for split, run in runs.items() if run.planes}


def pictures(sources):
    """Returns `{name of section: [Picture]}` of what there is to draw."""
    search, selection = sources.search, sources.selection
    found = {"network": network.pictures(search, selection, sources.computing)}
    if selection:
        decisions = selection.decisions
        found["costs"] = [costs.picture(d, selection) for d in decisions]
        found["sensitivity"] = [
            sensitivity.picture(d, selection, search.splits)
            for d in decisions
            if d.scenarios
        ]
    if search.runs:
        found["rate"] = [rate_accuracy.picture(search, sources.against)]
    if sources.modes:
        found["modes"] = [modes_picture.picture(sources.modes)]
    return found


def html(sources, drawn, maker):
    """Returns the page's text.

    Args:
        sources: `sources.Sources`.
        drawn: As `pictures` returns it.
        maker: `run_file.Origin` of the page itself.
    """
    bodies = {
        "summary": _summary(sources),
        "network": [*_drawings(drawn, "network"), _candidates(sources)],
        "costs": _costs(sources, drawn),
        "rate": _rate(sources, drawn) or _missing(sources, "runs"),
        "modes": _drawings(drawn, "modes") or _missing(sources, "modes"),
        "sensitivity": _sensitivity(sources, drawn),
        "planes": _planes(sources.search),
        "origins": document.origins((*sources.origins, maker)),
        "words": [words.listed()],
    }
    search = sources.search
    title = f"Where to split {search.backbone}"
    return document.html(title, _lead(search), _TITLES, bodies)


def _lead(search):
    told = (
        f"{len(search.splits)} split points were searched with "
        f"{len(search.trials)} trials; a unit may lose "
        f"{search.max_loss:g} points of accuracy."
    )
    for run in list(search.runs.values())[:1]:
        known = text.percent(run.baseline_accuracy)
        told += (
            f" Data: {run.dataset}, {run.num_images:,} test images, of which "
            f"the network without a split gets {known} right."
        )
    return told


def _drawings(drawn, name):
    pictures = drawn.get(name, ())
    return [
        markup.drawing(picture, before)
        for before, picture in zip((None, *pictures), pictures)
    ]


def _missing(sources, name):
    told = sources.missing.get(name)
    return [markup.paragraph(told, "note")] if told else []


def _summary(sources):
    search, selection = sources.search, sources.selection
    if selection is None:
        told = verdict.without_selection(search)
        return [
            *map(markup.paragraph, told),
            *_missing(sources, "runs"),
            *_missing(sources, "selection"),
        ]
    known = [run.baseline_accuracy for run in search.runs.values()][:1]
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


def _candidates(sources):
    search, server = sources.search, sources.computing.shares
    header = (
        "split", "unit", "feature", "feature B", "wire B mean", "p95", "p99",
        "max", "accuracy", "drop", "device MACs", "server MACs",
    )  # fmt: skip
    rows = []
    for split in search.splits:
        candidate, run = search.candidates.get(split), search.runs.get(split)
        if run is None:
            told = "not measured" if candidate else "none acceptable"
            rows.append([split, told] + ["–"] * (len(header) - 2))
            continue
        known = run.baseline_accuracy
        drop = None if known is None else known - run.accuracy
        rows.append(
            [
                split, candidate.unit, network.shape(run),
                text.number(run.feature_bytes),
                *map(text.number, (run.wire_bytes, *run.high_bytes)),
                text.percent(run.accuracy),
                "–" if drop is None else f"{drop:.2f}",
                text.share(run.device_mac_share),
                text.share(server.get(split)),
            ]
        )  # fmt: skip
    failed = [trial.name for trial in search.trials if trial.error]
    told = (
        f"The trials saw {search.examples:,} training images; the exhaustive "
        f"search of the same grid takes {search.examples_exhaustive:,}."
    )
    if failed:
        told += f" Failed: {', '.join(failed)}; see their failure.json."
    table = markup.table(header, rows, 2, "The unit kept for each split")
    return table + markup.paragraph(told, "note")


def _rate(sources, drawn):
    runs = list(sources.search.runs.values())
    return [
        *_drawings(drawn, "rate"),
        *curve_tables.tables(runs, sources.against),
        *curve_tables.operating_points(runs),
    ]


def _costs(sources, drawn):
    missing = _missing(sources, "selection") + _missing(sources, "profiles")
    if not sources.selection:
        return missing
    pieces = [markup.paragraph(costs.EXPLANATION)]
    figures = _drawings(drawn, "costs")
    for decision, figure in zip(sources.selection.decisions, figures):
        name = decision.link.name
        table = markup.details(f"All numbers: {name}", _cost_table(decision))
        pieces += [f"<h3>{text.escaped(name)}</h3>", figure, table]
    return pieces + missing


def _sensitivity(sources, drawn):
    figures = _drawings(drawn, "sensitivity")
    if not figures:
        told = "No split is acceptable under any network."
        return _missing(sources, "selection") or [markup.paragraph(told)]
    decided = [d for d in sources.selection.decisions if d.scenarios]
    pieces = [markup.paragraph(sensitivity.EXPLANATION)]
    for decision, figure in zip(decided, figures):
        pieces += [f"<h3>{text.escaped(decision.link.name)}</h3>", figure]
    return pieces


def _cost_table(decision):
    header = (
        "choice", "what", "", "accuracy", "wire B", "on air B", "device ms",
        "codec ms", "up-link ms", "answer ms", "server ms", "latency ms",
        "energy mJ", "break-even RTT ms",
    )  # fmt: skip
    rows = []
    everything = (*decision.costs, *decision.references)
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
            ]
        )
    rows += [
        [name, "", "not measured"] + ["–"] * (len(header) - 3)
        for name in decision.untimed
    ]
    marked = [i for i, c in enumerate(everything) if c is decision.winner]
    name = f"All costs for {decision.link.name}"
    return markup.table(header, rows, 3, name, marked)


def _planes(search):
    runs = search.runs.items()
    names = [(split, search.candidates[split].unit, run) for split, run in runs]
    told = "No run left a planes.png; bottlenet-search writes it for each."
    return document.planes(names) or [markup.paragraph(told, "note")]
