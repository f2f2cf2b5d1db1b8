"""The page of some runs: their curves, without a search or a choice."""

import dataclasses

from bottlenet_tf import curve_cells, rate_curves
from bottlenet_tf.report import (
    curve_tables,
    document,
    markup,
    runs_picture,
    text,
    words,
)

_TITLES = {
    "rate": "Accuracy over bytes",
    "drops": "Bytes at the same accuracy",
    "unseen": "Classes that the unit never saw",
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
    """

    runs: tuple
    against: tuple = ()

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
        return {}


def planes(sources):
    """Returns `{name: path}` of the pictures of planes."""
    return {run.name: run.planes for run in sources.runs if run.planes}


def pictures(sources):
    """Returns `{name of section: [Picture]}` of what there is to draw."""
    found = {"rate": [runs_picture.picture(sources.all)]}
    if sources.unseen.runs:
        unseen = sources.unseen.all
        found["unseen"] = [runs_picture.picture(unseen, "rate_accuracy_unseen")]
    return found


def html(sources, drawn, maker):
    """Returns the page's text.

    Args:
        sources: `Runs`.
        drawn: As `pictures` returns it.
        maker: `run_file.Origin` of the page itself.
    """
    runs, first = sources.runs, sources.runs[0]
    names = [
        (run.name, curve_cells.unit_label(curve), run)
        for run in runs
        for curve in rate_curves.unit_curves([run.unit])
    ]
    bodies = {
        "rate": [*map(markup.drawing, drawn["rate"]), _units(names)],
        "drops": curve_tables.tables(runs, sources.against)
        or [markup.paragraph(_NO_CURVE, "note")],
        "unseen": _unseen(sources.unseen, drawn.get("unseen", ())),
        "points": curve_tables.operating_points(runs),
        "planes": document.planes(names),
        "origins": document.origins(
            [*(run.origin for run in sources.all), maker]
        ),
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
