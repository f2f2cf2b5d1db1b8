"""Builds the page of a search, or of runs without one."""

from bottlenet_tf.common import curve_cells, rate_curves
from bottlenet_tf.report import (
    chosen,
    curves,
    modes,
    network,
    origins,
    rate,
    text,
)
from bottlenet_tf.report.blocks import (
    Page,
    Paragraph,
    Photograph,
    Section,
    Table,
    note,
)

_TITLES = {
    "summary": "The choice",
    "network": "The network and its split points",
    "costs": "Latency and energy",
    "rate": "Accuracy over bytes",
    "modes": "Trained with the codec, and without",
    "sensitivity": "At other rates and loads",
    "drops": "Bytes at the same accuracy",
    "unseen": "Unseen classes",
    "before": "Every split, before training",
    "points": "Operating points",
    "planes": "The codec's input",
}
_NO_CURVE = (
    "No unit has several operating points, and no split several units of one: "
    "there is no curve to read bytes from."
)
_NO_PLANES = "No run left a planes.png; bottlenet-search writes it for each."
# Columns of `_figures`.
_COLUMNS = (
    "wire B mean", "p95", "p99", "max", "accuracy", "drop", "device MACs",
)  # fmt: skip


def build(sources):
    """Returns the `Page` of some `sources.Sources`."""
    make = _of_search if sources.search else _of_runs
    title, lead, bodies = make(sources)
    sections = [Section(k, _TITLES[k], body) for k, body in bodies.items()]
    made = (*sources.origins, origins.of_page())
    return Page(title, lead, tuple(sections), made)


def _of_search(sources):
    search, runs = sources.search, list(sources.runs.values())
    lead = (
        f"{len(search.splits)} split points were searched with "
        f"{len(search.results.trials)} trials; a unit may lose "
        f"{search.results.max_accuracy_loss:g} points of accuracy."
    )
    if runs:
        lead += (
            f" Data: {runs[0].dataset}, {runs[0].num_images:,} test images, of "
            f"which {_unsplit(runs[0])}."
        )
    named = [(s, search.candidates[s].unit, r) for s, r in sources.runs.items()]
    compared = [modes.picture(sources.modes)] if sources.modes else []
    return f"Where to split {search.backbone}", lead, {
        "summary": chosen.summary(sources),
        "network": [*network.pictures(sources), *_candidates(sources)],
        "costs": chosen.costed(sources),
        "rate": [
            *([rate.of_search(sources)] if runs else []),
            *curves.tables(runs, sources.against),
            *curves.operating_points(runs),
            *sources.notes("runs"),
        ],
        "modes": compared + sources.notes("modes"),
        "sensitivity": chosen.elsewhere(sources),
        "planes": _planes(named) or [note(_NO_PLANES)],
    }  # fmt: skip


def _of_runs(sources):
    runs, against = list(sources.runs.values()), sources.against
    backbone = runs[0].backbone
    lead = (
        f"{len(runs)} unit{'s' * (len(runs) > 1)} of {backbone} on "
        f"{runs[0].dataset}, measured on {runs[0].images}, of which "
        f"{_unsplit(runs[0])}."
    )
    named = [
        (run.name, curve_cells.unit_label(curve), run)
        for run in runs
        for curve in rate_curves.unit_curves([run.unit])
    ]
    drawn = rate.of_runs(sources.all_runs, sources=sources)
    units = [[name, unit, *_figures(run)] for name, unit, run in named]
    header = ("run", "unit", *_COLUMNS)
    bodies = {
        "summary": chosen.summary(sources),
        "costs": chosen.costed(sources),
        "sensitivity": chosen.elsewhere(sources),
        "rate": [
            drawn,
            Table("Units at their default point", header, units, 2),
        ],
        "drops": curves.tables(runs, against) or [note(_NO_CURVE)],
        "unseen": _unseen(runs, against),
        "before": _before(runs, sources.before),
        "points": curves.operating_points(runs),
        "planes": _planes(named),
    }
    bodies = {name: body for name, body in bodies.items() if body}
    return f"Accuracy over bytes of {backbone}", lead, bodies


def _unsplit(run):
    known = text.percent(run.baseline_accuracy)
    if run.mean_average_precision is None:
        return f"the network without a split classifies {known} correctly"
    precise = text.percent(run.baseline_mean_average_precision)
    return (
        f"the network without a split gets all labels of {known} right (mean "
        f"average precision {precise}; {run.split}, at the default point, "
        f"{text.percent(run.mean_average_precision)})"
    )


def _candidates(sources):
    search, server = sources.search, sources.server_shares
    header = (
        "split", "unit", "feature", "feature B", *_COLUMNS, "server MACs",
    )  # fmt: skip
    rows = []
    for split in search.splits:
        candidate, run = search.candidates.get(split), sources.runs.get(split)
        if run is None:
            reason = "not measured" if candidate else "none acceptable"
            rows.append([split, reason] + ["–"] * (len(header) - 2))
            continue
        size = text.number(network.feature_bytes(run))
        row = [split, candidate.unit, network.shape(run), size, *_figures(run)]
        rows.append([*row, text.share(server.get(split))])
    results = search.results
    failed = [trial.name for trial in results.trials if trial.error]
    spent = (
        f"The trials saw {results.examples:,} training images; the exhaustive "
        f"search of the same grid takes {results.examples_exhaustive:,}."
    )
    if failed:
        spent += f" Failed: {', '.join(failed)}; see their failure.json."
    return [Table("The unit kept for each split", header, rows, 2), note(spent)]


def _figures(run):
    return [
        *map(text.number, (run.wire_bytes, *run.high_bytes)),
        text.percent(run.accuracy),
        text.drop(run, run.accuracy),
        text.share(run.device_mac_share),
    ]


def _unseen(runs, against):
    """Returns blocks on images of classes that units never saw."""
    unseen = [run.unseen for run in runs if run.unseen]
    others = [run.unseen for run in against if run.unseen]
    if not unseen:
        return []
    lead = (
        f"The same units on {unseen[0].images}, of which "
        f"{_unsplit(unseen[0])}. No image of these classes was read to make "
        "the units."
    )
    everything = list({run.file: run for run in (*unseen, *others)}.values())
    drawn = rate.of_runs(everything, "rate_accuracy_unseen")
    return [Paragraph(lead), drawn, *curves.tables(unseen, others)]


def _before(runs, before):
    """Returns blocks on a search's curves."""
    if not before:
        return []
    trained = ", ".join(run.split for run in runs)
    lead = (
        f"Closed forms, on {before[0].images}. Of these splits the search "
        f"trained {trained}; it skipped those that couldn't win over the given "
        "links. For early splits the curves are more pessimistic than for late "
        "ones."
    )
    drawn = rate.of_runs(before, "rate_accuracy_before")
    return [Paragraph(lead), drawn, *curves.tables(before)]


def _planes(named):
    return [
        Photograph(
            f"planes_{name}",
            run.planes.read_bytes(),
            f"Images and their planes at {name}",
            f"{name} ({unit}). Top: images. Middle: the plane the codec sees. "
            "Bottom: the plane after a round trip through its bytes, "
            f"{text.number(run.wire_bytes)} wire bytes on average.",
            (run.origin,),
        )
        for name, unit, run in named
        if run.planes
    ]
