"""Builds the page's blocks: of a search, or of runs without one."""

from bottlenet_tf import curve_cells, rate_curves
from bottlenet_tf.report import (
    costs,
    curves,
    decisions,
    modes,
    network,
    origins,
    rate,
    sensitivity,
    text,
    verdict,
)
from bottlenet_tf.report.blocks import (
    Drawing,
    Heading,
    Origins,
    Page,
    Paragraph,
    Photograph,
    Section,
    Table,
    Words,
)
from bottlenet_tf.selection import tables

_TITLES = {
    "summary": "What was chosen",
    "network": "The network and its split points",
    "costs": "Latency and energy",
    "rate": "Accuracy over bytes",
    "modes": "Trained with the codec, and without",
    "sensitivity": "At other rates and loads",
    "drops": "Bytes at the same accuracy",
    "unseen": "Classes that the unit never saw",
    "before": "Every split, before training",
    "points": "Operating points",
    "planes": "What the codec sees",
    "origins": "What made these figures",
    "words": "Words",
}
_COSTS = (
    "Stacked: where the time goes, and the device's energy. Of each split, the "
    "best of its operating points. Below the line is what splits must beat. "
    "Hatched is what a limit or the deadline refuses. All that is sent "
    "is charged its message and the answer's round trip. The codec's energy is "
    "in the device's. Of splits without a unit (raw), the chosen one alone is "
    "drawn. Compressing and decoding a cloud-only image isn't counted, in its "
    "favour. A bar with » is longer than drawn."
)
_SENSITIVITY = (
    "Rows: the load of device / server, how many other processes each is busy "
    "with. Splits and their operating points alone are chosen among here, not "
    "mobile-only or cloud-only. "
    "The round trip and what a message takes stay as they are."
)
_NO_CURVE = (
    "No unit has several operating points, and no split several units of one: "
    "there is no curve to read bytes off."
)
_FOLDER = (
    "Each drawing lies in the folder report as a PNG file, with its data as "
    "CSV."
)


def build(sources):
    """Returns the `Page` of some `sources.Sources`."""
    if sources.search:
        title = f"Where to split {sources.search.backbone}"
        lead, bodies = _search_lead(sources), _search_bodies(sources)
    else:
        first, count = next(iter(sources.runs.values())), len(sources.runs)
        title = f"Accuracy over bytes of {first.backbone}"
        lead = (
            f"{count} unit{'s' * (count > 1)} of {first.backbone} on "
            f"{first.dataset}, measured on {first.images}, of which the "
            "network without a split gets "
            f"{text.percent(first.baseline_accuracy)} right."
        )
        bodies = {k: body for k, body in _runs_bodies(sources).items() if body}
    made = Origins((*sources.origins, origins.of_page()))
    bodies |= {"origins": [_note(_FOLDER), made], "words": [Words()]}
    return Page(
        title,
        lead,
        tuple(Section(k, _TITLES[k], body) for k, body in bodies.items()),
    )


def _search_lead(sources):
    search = sources.search
    told = (
        f"{len(search.splits)} split points were searched with "
        f"{len(search.trials)} trials; a unit may lose "
        f"{search.max_loss:g} points of accuracy."
    )
    for run in list(sources.runs.values())[:1]:
        known = text.percent(run.baseline_accuracy)
        told += (
            f" Data: {run.dataset}, {run.num_images:,} test images, of which "
            f"the network without a split gets {known} right."
        )
    return told


def _search_bodies(sources):
    runs, candidates = list(sources.runs.values()), sources.search.candidates
    drawn = _drawings([rate.of_search(sources)]) if runs else []
    compared = [modes.picture(sources.modes)] if sources.modes else []
    return {
        "summary": _summary(sources),
        "network": [
            *_drawings(network.pictures(sources)), *_candidates(sources)
        ],
        "costs": _costs(sources),
        "rate": [
            *drawn,
            *curves.tables(runs, sources.against),
            *curves.operating_points(runs),
            *_missing(sources, "runs"),
        ],
        "modes": _drawings(compared) + _missing(sources, "modes"),
        "sensitivity": _sensitivity(sources),
        "planes": _planes(
            (split, candidates[split].unit, run)
            for split, run in sources.runs.items()
        ) or [_note("No run left a planes.png; bottlenet-search writes it for "
                    "each.")],
    }  # fmt: skip


def _runs_bodies(sources):
    runs = list(sources.runs.values())
    named = [
        (run.name, curve_cells.unit_label(curve), run)
        for run in runs
        for curve in rate_curves.unit_curves([run.unit])
    ]
    chosen = {}
    if sources.selection:
        chosen = {
            "summary": _summary(sources),
            "costs": _costs(sources),
            "sensitivity": _sensitivity(sources),
        }
    return chosen | {
        "rate": [
            Drawing(rate.of_runs(sources.all_runs, sources=sources)),
            _units(named),
        ],
        "drops": curves.tables(runs, sources.against) or [_note(_NO_CURVE)],
        "unseen": _unseen(runs, sources.against),
        "before": _before(runs, sources.before),
        "points": curves.operating_points(runs),
        "planes": _planes(named),
    }


def _note(words):
    return Paragraph(words, "note")


def _missing(sources, *names):
    return [_note(sources.missing[n]) for n in names if n in sources.missing]


def _drawings(pictures):
    """Returns a `Drawing` of each; what made several is named once."""
    before = [None, *(picture.origins for picture in pictures)]
    return [Drawing(p, p.origins == made) for p, made in zip(pictures, before)]


def _summary(sources):
    selection, runs = sources.selection, list(sources.runs.values())
    if selection is None:
        told = map(Paragraph, verdict.without_selection(sources.search))
        return [*told, *_missing(sources, "runs", "selection")]
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
        _note(f"{machines} The device's power: {meter}."),
    ]


def _candidates(sources):
    search, server = sources.search, sources.server_shares
    header = (
        "split", "unit", "feature", "feature B", "wire B mean", "p95", "p99",
        "max", "accuracy", "drop", "device MACs", "server MACs",
    )  # fmt: skip
    rows = []
    for split in search.splits:
        candidate, run = search.candidates.get(split), sources.runs.get(split)
        if run is None:
            told = "not measured" if candidate else "none acceptable"
            rows.append([split, told] + ["–"] * (len(header) - 2))
            continue
        size = text.number(network.feature_bytes(run))
        row = [split, candidate.unit, network.shape(run), size, *_figures(run)]
        rows.append([*row, text.share(server.get(split))])
    failed = [trial.name for trial in search.trials if trial.error]
    told = (
        f"The trials saw {search.examples:,} training images; the exhaustive "
        f"search of the same grid takes {search.examples_exhaustive:,}."
    )
    if failed:
        told += f" Failed: {', '.join(failed)}; see their failure.json."
    return [Table("The unit kept for each split", header, rows, 2), _note(told)]


def _units(named):
    header = (
        "run", "unit", "wire B mean", "p95", "p99", "max", "accuracy", "drop",
        "device MACs",
    )  # fmt: skip
    rows = [[name, unit, *_figures(run)] for name, unit, run in named]
    return Table("Units at their default point", header, rows, 2)


def _figures(run):
    return [
        *map(text.number, (run.wire_bytes, *run.high_bytes)),
        text.percent(run.accuracy),
        text.drop(run, run.accuracy),
        text.share(run.device_mac_share),
    ]


def _costs(sources):
    """Returns blocks with bars and tables of all costs."""
    selection, found = sources.selection, []
    if selection:
        drawn = _drawings(
            [costs.of_decision(d, selection) for d in selection.decisions]
        )
        found.append(Paragraph(_COSTS))
        for decision, drawing in zip(selection.decisions, drawn):
            heading = Heading(decision.link.name)
            found += [heading, drawing, _costs_table(decision)]
    return found + _missing(sources, "selection", "profiles")


def _costs_table(decision):
    heading = tables.between_heading(decision)
    header = (
        "choice", "what", "", "accuracy", "wire B", "on air B", "device ms",
        "codec ms", "up-link ms", "answer ms", "server ms", "latency ms",
        "energy mJ", "break-even RTT ms", *([heading] if heading else []),
    )  # fmt: skip
    everything = (*decision.shown, *decision.references)
    rows = []
    for cost in everything:
        choice = cost.choice
        even = decision.break_even.get(choice.name)
        figures = (
            choice.sent_bytes, cost.on_air_bytes, cost.device_ms,
            cost.codec_ms, cost.uplink_ms, cost.answer_ms, cost.cloud_ms,
            cost.latency_ms, cost.energy_mj,
        )  # fmt: skip
        rows.append(
            [
                choice.name,
                choice.detail,
                decisions.mark(decision, cost),
                text.percent(choice.shown_accuracy),
                *map(text.number, figures),
                even if isinstance(even, str) else text.number(even),
                *([tables.between(decision, cost)] if heading else []),
            ]
        )
    rows += [
        [name, "", "not measured"] + ["–"] * (len(header) - 3)
        for name in decision.untimed
    ]
    marked = [i for i, c in enumerate(everything) if c is decision.winner]
    name = decision.link.name
    return Table(
        f"All costs for {name}", header, rows, 3, marked, f"All numbers: {name}"
    )


def _sensitivity(sources):
    """Returns blocks with the choices at other rates and loads."""
    selection = sources.selection
    if selection is None:
        return _missing(sources, "selection")
    splits = sources.search.splits if sources.search else list(sources.runs)
    decided = [d for d in selection.decisions if d.scenarios]
    drawn = _drawings(
        [sensitivity.of_decision(d, selection, splits) for d in decided]
    )
    if not drawn:
        return [Paragraph("No split is acceptable under any network.")]
    found = [Paragraph(_SENSITIVITY)]
    for decision, drawing in zip(decided, drawn):
        found += [Heading(decision.link.name), drawing]
    return found


def _unseen(runs, against):
    """Returns blocks on images of classes that units never saw."""
    unseen = [run.unseen for run in runs if run.unseen]
    if not unseen:
        return []
    others, first = [run.unseen for run in against if run.unseen], unseen[0]
    lead = (
        f"The same units on {first.images}, of which the network without a "
        f"split gets {text.percent(first.baseline_accuracy)} right. No image "
        "of these classes was read when the units were made."
    )
    everything = {run.file: run for run in (*unseen, *others)}
    drawn = rate.of_runs(list(everything.values()), "rate_accuracy_unseen")
    return [Paragraph(lead), Drawing(drawn), *curves.tables(unseen, others)]


def _before(runs, before):
    """Returns blocks on a search's curves."""
    if not before:
        return []
    trained = ", ".join(run.split for run in runs)
    lead = (
        f"Closed forms, on {before[0].images}. Of these splits the "
        f"search trained {trained}; it passed over those that couldn't win "
        "over the links it was asked about. For early splits the curves are "
        "more pessimistic than for late ones."
    )
    drawn = Drawing(rate.of_runs(before, "rate_accuracy_before"))
    return [Paragraph(lead), drawn, *curves.tables(before)]


def _planes(named):
    """Returns a `Photograph` of each run that has one."""
    return [
        Photograph(
            run.planes.read_bytes(),
            f"Images and their planes at {name}",
            f"{name} ({unit}). Top: images. Middle: the plane the codec sees. "
            "Bottom: the plane after a round trip through its bytes, "
            f"{text.number(run.wire_bytes)} wire bytes in the mean.",
            (run.origin,),
            f"planes_{name}",
        )
        for name, unit, run in named
        if run.planes
    ]
