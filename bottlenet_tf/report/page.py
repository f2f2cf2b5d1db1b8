"""The page: one HTML file with all of it, which opens anywhere."""

from bottlenet_tf.report import (
    curve_tables,
    document,
    markup,
    network,
    rate_accuracy,
    selection_pieces,
    text,
    verdict,
    words,
)
from bottlenet_tf.report import modes as modes_picture

_TITLES = {
    **selection_pieces.TITLES,
    "network": "The network and its split points",
    "rate": "Accuracy over bytes",
    "modes": "Trained with the codec, and without",
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
        found |= selection_pieces.pictures(selection, search.splits)
    if search.runs:
        found["rate"] = [
            rate_accuracy.picture(search, sources.against, selection)
        ]
    if sources.modes:
        found["modes"] = [modes_picture.picture(sources.modes)]
    return found


def html(sources, drawn, maker):
    """Returns the page's text.

    Args:
        sources: `sources.Sources`.
        drawn: As `pictures` returns it.
        maker: `origins.Origin` of the page itself.
    """
    bodies = {
        "summary": _summary(sources),
        "network": [*markup.drawings(drawn, "network"), _candidates(sources)],
        "costs": _chosen(
            sources, drawn, selection_pieces.costs_told, "selection", "profiles"
        ),
        "rate": _rate(sources, drawn) or _missing(sources, "runs"),
        "modes": markup.drawings(drawn, "modes") or _missing(sources, "modes"),
        "sensitivity": _chosen(
            sources, drawn, selection_pieces.sensitivity_told, "selection"
        ),
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
    return selection_pieces.summary(selection, list(search.runs.values()))


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
        *markup.drawings(drawn, "rate"),
        *curve_tables.tables(runs, sources.against),
        *curve_tables.operating_points(runs),
    ]


def _chosen(sources, drawn, pieces, *names):
    """Returns pieces on the selection, and on what is missing of it."""
    told = pieces(sources.selection, drawn) if sources.selection else []
    return told + [p for name in names for p in _missing(sources, name)]


def _planes(search):
    runs = search.runs.items()
    names = [(split, search.candidates[split].unit, run) for split, run in runs]
    told = "No run left a planes.png; bottlenet-search writes it for each."
    return document.planes(names) or [markup.paragraph(told, "note")]
