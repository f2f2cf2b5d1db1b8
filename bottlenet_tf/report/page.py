"""Builds the page of runs, of a search over a grid if they are its candidates.

Each section is empty, and left out, without its sources.
"""

from bottlenet_tf.report import (
    costs,
    modes,
    network,
    origins,
    rate,
    sensitivity,
    tables,
    text,
    verdict,
)
from bottlenet_tf.report.blocks import (
    Heading,
    Page,
    Paragraph,
    Photograph,
    Section,
    note,
)

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
_NO_CURVE = (
    "No unit has several operating points, and no split several units of one: "
    "there is no curve to read bytes from."
)
_NO_PLANES = "No run left a planes.png; bottlenet-search writes it for each."


def build(sources):
    """Returns the `Page` of some `sources.Sources`."""
    search, runs = sources.search, list(sources.runs.values())
    compared = [modes.picture(sources.modes)] if sources.modes else []
    sections = (
        Section("summary", "The choice", _summary(sources)),
        Section("network", "The network and its split points",
                _network(sources)),
        Section("costs", "Latency and energy", _costs(sources)),
        Section("rate", "Accuracy over bytes", _rate(sources)),
        Section("drops", "Bytes at the same accuracy",
                tables.curves(runs, sources.against)
                or ([] if search else [note(_NO_CURVE)])),
        Section("unseen", "Unseen classes", _unseen(runs, sources.against)),
        Section("before", "Every split, before training", _before(sources)),
        Section("points", "Operating points", tables.operating_points(runs)),
        Section("modes", "Trained with the codec, and without",
                compared + sources.notes("modes")),
        Section("sensitivity", "At other rates and loads",
                _sensitivity(sources)),
        Section("planes", "The codec's input",
                _planes(sources) or ([note(_NO_PLANES)] if search else [])),
    )  # fmt: skip
    title, lead = (_of_search if search else _of_runs)(sources, runs)
    made = (*sources.origins, origins.of_page())
    return Page(title, lead, tuple(s for s in sections if s.blocks), made)


def _of_search(sources, runs):
    """Returns title and lead of the page of a search."""
    search = sources.search
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
    return f"Where to split {search.backbone}", lead


def _of_runs(sources, runs):
    """Returns title and lead of the page of other runs."""
    backbone = runs[0].backbone
    lead = (
        f"{len(runs)} unit{'s' * (len(runs) > 1)} of {backbone} on "
        f"{runs[0].dataset}, measured on {runs[0].images}, of which "
        f"{_unsplit(runs[0])}."
    )
    return f"Accuracy over bytes of {backbone}", lead


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


def _summary(sources):
    """Returns the verdict on each network, or how to get one."""
    selection, runs = sources.selection, list(sources.runs.values())
    if selection is None:
        search = sources.search
        sentences = verdict.without_selection(search) if search else ()
        return [*map(Paragraph, sentences), *sources.notes("runs", "selection")]
    known = runs[0].baseline_accuracy if runs else None
    return [
        *(verdict.of_decision(d, known) for d in selection.decisions),
        note(selection.about),
    ]


def _network(sources):
    """Returns the drawings of the network, and the table of its units."""
    if sources.search is None:
        return []
    results = sources.search.results
    spent = (
        f"The trials saw {results.examples:,} training images; the exhaustive "
        f"search of the same grid takes {results.examples_exhaustive:,}."
    )
    failed = [trial.name for trial in results.trials if trial.error]
    if failed:
        spent += f" Failed: {', '.join(failed)}; see their failure.json."
    drawn = network.pictures(sources)
    return [*drawn, tables.candidates(sources), note(spent)]


def _costs(sources):
    """Returns bars and tables of all costs."""
    selection = sources.selection
    blocks = [Paragraph(_COSTS)] if selection else []
    for decision in selection.decisions if selection else ():
        drawn = costs.of_decision(decision, selection)
        table = tables.costs(decision)
        blocks += [Heading(decision.link.name), drawn, table]
    return blocks + sources.notes("selection", "profiles")


def _rate(sources):
    """Returns accuracy over bytes of the runs."""
    runs = list(sources.runs.values())
    if sources.search is None:
        drawn = rate.of_runs(sources.all_runs, sources=sources)
        return [drawn, tables.units(runs)]
    return [rate.of_search(sources)] if runs else sources.notes("runs")


def _unseen(runs, against):
    """Returns the same on images of classes that units never saw."""
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
    return [Paragraph(lead), drawn, *tables.curves(unseen, others)]


def _before(sources):
    """Returns the curves of a search over curves."""
    before = sources.before
    if not before:
        return []
    trained = ", ".join(run.split for run in sources.runs.values())
    lead = (
        f"Closed forms, on {before[0].images}. Of these splits the search "
        f"trained {trained}; it skipped those that couldn't win over the given "
        "links. For early splits the curves are more pessimistic than for late "
        "ones."
    )
    drawn = rate.of_runs(before, "rate_accuracy_before")
    return [Paragraph(lead), drawn, *tables.curves(before)]


def _sensitivity(sources):
    """Returns the choices at other rates and loads."""
    selection = sources.selection
    if selection is None:
        return sources.notes("selection")
    decided = [d for d in selection.decisions if d.scenarios]
    if not decided:
        return [Paragraph("No split is acceptable under any network.")]
    blocks = [Paragraph(_SENSITIVITY)]
    for decision in decided:
        drawn = sensitivity.of_decision(decision, selection, sources.splits)
        blocks += [Heading(decision.link.name), drawn]
    return blocks


def _planes(sources):
    """Returns the photographs of planes that runs left."""
    photographs = []
    for run in sources.runs.values():
        unit = run.label
        if sources.search:
            unit = sources.search.candidates[run.name].unit
        if run.planes:
            caption = (
                f"{run.name} ({unit}). Top: images. Middle: the plane the "
                "codec sees. Bottom: the plane after a round trip through its "
                f"bytes, {text.number(run.wire_bytes)} wire bytes on average."
            )
            photographs.append(
                Photograph(
                    f"planes_{run.name}", run.planes.read_bytes(),
                    f"Images and their planes at {run.name}", caption,
                    (run.origin,),
                )
            )  # fmt: skip
    return photographs
