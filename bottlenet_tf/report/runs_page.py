"""The page of some runs, without a search: their curves, what was chosen."""

import dataclasses

from bottlenet_tf import curve_cells, rate_curves
from bottlenet_tf.report import (
    chosen,
    curve_tables,
    document,
    markup,
    origins,
    run_file,
    runs_picture,
    selection_pieces,
    text,
    words,
)

# What to do to tell how times were measured.
NO_PROFILES = (
    "How the times were measured isn't told: give the files of "
    "bottlenet-profile by --profiles=phone.json,server.json."
)
_TITLES = {
    **selection_pieces.TITLES,
    "rate": "Accuracy over bytes",
    "drops": "Bytes at the same accuracy",
    "unseen": "Classes that the unit never saw",
    "before": "Every split, before training",
    "points": "Operating points",
    "planes": "What the codec sees",
    "origins": "What made these figures",
    "words": "Words",
}


@dataclasses.dataclass(frozen=True)
class Runs:
    """What there is to tell.

    Attributes:
        runs: Tuple of `run_file.Run`s, of one network.
        against: Tuple of those that curves are compared with.
        selection: `selection_file.Selection` among `runs`; None if nothing was
            chosen.
        profiles: Tuple of `profiling.profile_file.Profile`.
        before: Tuple of `run_file.Run`s of a search over curves: all splits,
            before training.
    """

    runs: tuple
    against: tuple = ()
    selection: object = None
    profiles: tuple = ()
    before: tuple = ()

    @property
    def all(self):
        """All runs, each once."""
        ours = {run.file: run for run in (*self.runs, *self.against)}
        return list(ours.values())

    @property
    def unseen(self):
        """Those of `runs` that were measured on unseen classes, as `Runs`."""
        parts = (self.runs, self.against)
        return Runs(*(tuple(r.unseen for r in p if r.unseen) for p in parts))

    @property
    def missing(self):
        """As of `sources.Sources`."""
        is_told = self.selection is None or self.profiles
        return {} if is_told else {"profiles": NO_PROFILES}

    @property
    def origins(self):
        """All `origins.Origin`s."""
        found = [run.origin for run in (*self.all, *self.before)]
        found += map(origins.of_profile, self.profiles)
        return found + ([self.selection.origin] if self.selection else [])


def planes(sources):
    """Returns `{name: path}` of the pictures of planes."""
    return {run.name: run.planes for run in sources.runs if run.planes}


def pictures(sources):
    """Returns `{name of section: [Picture]}` of what there is to draw."""
    selection, by_name = sources.selection, run_file.by_name(sources.runs)
    marks = chosen.marks(selection, by_name)
    found = {"rate": [runs_picture.picture(sources.all, marks=marks)]}
    if selection:
        found |= selection_pieces.pictures(selection, list(by_name))
    if sources.before:
        picture = runs_picture.picture(sources.before, "rate_accuracy_before")
        found["before"] = [picture]
    if sources.unseen.runs:
        unseen = sources.unseen.all
        found["unseen"] = [runs_picture.picture(unseen, "rate_accuracy_unseen")]
    return found


def html(sources, drawn, maker):
    """Returns the page's text.

    Args:
        sources: `Runs`.
        drawn: As `pictures` returns it.
        maker: `origins.Origin` of the page itself.
    """
    runs, first = sources.runs, sources.runs[0]
    names = [
        (run.name, curve_cells.unit_label(curve), run)
        for run in runs
        for curve in rate_curves.unit_curves([run.unit])
    ]
    bodies = {
        **_selected(sources, drawn),
        "rate": [*map(markup.drawing, drawn["rate"]), _units(names)],
        "drops": curve_tables.tables(runs, sources.against)
        or [markup.paragraph(_NO_CURVE, "note")],
        "unseen": _unseen(sources.unseen, drawn.get("unseen", ())),
        "before": _before(sources, drawn.get("before", ())),
        "points": curve_tables.operating_points(runs),
        "planes": document.planes(names),
        "origins": document.origins([*sources.origins, maker]),
        "words": [words.listed()],
    }
    bodies = {name: pieces for name, pieces in bodies.items() if pieces}
    known = text.percent(first.baseline_accuracy)
    lead = (
        f"{len(runs)} unit{'s' * (len(runs) > 1)} of {first.backbone} on "
        f"{first.dataset}, measured on {first.images}, of which the network "
        f"without a split gets {known} right."
    )
    title = f"Accuracy over bytes of {first.backbone}"
    return document.html(title, lead, _TITLES, bodies)


_NO_CURVE = (
    "No unit has several operating points, and no split several units of one: "
    "there is no curve to read bytes off."
)


def _selected(sources, drawn):
    """Returns the sections on what was chosen, none without a selection."""
    selection = sources.selection
    if selection is None:
        return {}
    return {
        "summary": selection_pieces.summary(selection, sources.runs),
        "costs": [
            *selection_pieces.costs_told(selection, drawn),
            *(markup.paragraph(m, "note") for m in sources.missing.values()),
        ],
        "sensitivity": selection_pieces.sensitivity_told(selection, drawn),
    }


def _unseen(sources, drawn):
    """Returns pieces of HTML about images of unseen classes."""
    if not sources.runs:
        return []
    first = sources.runs[0]
    lead = (
        f"The same units on {first.images}, of which the network without a "
        f"split gets {text.percent(first.baseline_accuracy)} right. No image "
        "of these classes was read when the units were made."
    )
    return [
        markup.paragraph(lead),
        *map(markup.drawing, drawn),
        *curve_tables.tables(sources.runs, sources.against),
    ]


def _before(sources, drawn):
    """Returns pieces of HTML about a search's curves."""
    if not sources.before:
        return []
    trained = ", ".join(run.split for run in sources.runs)
    lead = (
        f"Closed forms, on {sources.before[0].images}. Of these splits the "
        f"search trained {trained}; it passed over those that couldn't win "
        "over the links it was asked about. For early splits the curves are "
        "more pessimistic than for late ones."
    )
    return [
        markup.paragraph(lead),
        *map(markup.drawing, drawn),
        *curve_tables.tables(sources.before),
    ]


def _units(names):
    header = (
        "run", "unit", "wire B mean", "p95", "p99", "max", "accuracy", "drop",
        "device MACs",
    )  # fmt: skip
    rows = []
    for name, unit, run in names:
        known = run.baseline_accuracy
        rows.append(
            [
                name,
                unit,
                *map(text.number, (run.wire_bytes, *run.high_bytes)),
                text.percent(run.accuracy),
                "–" if known is None else f"{known - run.accuracy:.2f}",
                text.share(run.device_mac_share),
            ]
        )
    return markup.table(header, rows, 2, "Units at their default point")
