"""Bytes at drops of accuracy, BD-rates and operating points, in tables."""

from bottlenet_tf.common import curve_cells, rate_curves
from bottlenet_tf.report import text
from bottlenet_tf.report.blocks import Heading, Paragraph, Table


def tables(runs, against=()):
    """Returns blocks with a table for each curve; none without one.

    Args:
        runs: List of `runs.Run`s of one network.
        against: Those that curves are compared with, together as one curve;
            if there are none, a learned unit is compared with the JPEG units
            of its split point among `runs`.
    """
    units = [run.unit for run in runs]
    blocks = []
    for curve in rate_curves.unit_curves(units):
        if len(curve.points) < 2:
            continue
        members = [runs[i] for i in curve.members]
        compared = curve_cells.anchors(
            *_rivals(members),
            [run.unit for run in against]
            or rate_curves.jpeg_units(curve, units),
        )
        known = members[0].baseline_accuracy
        name = curve_cells.unit_label(curve)
        cells = curve_cells.cells(curve.points, known, compared)
        blocks += [Heading(name), Table(f"Bytes at drops: {name}", *cells)]
    return blocks + [Paragraph(curve_cells.NOTE, "note")] * bool(blocks)


def operating_points(runs):
    """Returns a `Table` of the operating points of each unit with several."""
    header = (
        "point", "wire B mean", "median", "p95", "p99", "max", "accuracy",
        "drop",
    )  # fmt: skip
    blocks = []
    for run in runs:
        if len(run.points) < 2:
            continue
        rows = [
            [
                str(i),
                *map(text.number, (p.mean, p.median, p.p95, p.p99, p.max)),
                text.percent(p.accuracy),
                text.drop(run, p.accuracy),
            ]
            for i, p in enumerate(run.points)
        ]
        default = run.unit.default
        marked = [i for i, p in enumerate(run.unit.points) if p == default]
        name = f"Operating points of {run.name}, the default one stressed"
        blocks.append(Table(name, header, rows, 1, marked, name))
    return blocks


def _rivals(runs):
    tuned = [run.tuned_rivals.points for run in runs if run.tuned_rivals]
    return rate_curves.rival_curves(
        *(
            [(p.codec, p.num_bytes, p.accuracy) for p in points]
            for points in (runs[0].cloud, [p for each in tuned for p in each])
        )
    )
