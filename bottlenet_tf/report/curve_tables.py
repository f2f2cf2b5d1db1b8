"""Bytes at drops of accuracy, and BD-rates, of a page's curves."""

from bottlenet_tf import curve_cells, rate_curves
from bottlenet_tf.report import markup, text


def tables(runs, against=()):
    """Returns pieces of HTML with a table for each curve; none without one.

    Args:
        runs: `run_file.Run`s of one network.
        against: Those that curves are compared with, together as one curve;
            if there are none, a learned unit is compared with the JPEG units
            of its split point among `runs`.
    """
    units = [run.unit for run in runs]
    pieces = []
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
        header, rows = curve_cells.cells(curve.points, known, compared)
        pieces += [
            f"<h3>{text.escaped(name)}</h3>",
            markup.table(header, rows, 1, f"Bytes at drops: {name}"),
        ]
    if pieces:
        pieces.append(markup.paragraph(curve_cells.NOTE, "note"))
    return pieces


def operating_points(runs):
    """Returns pieces of HTML with the operating points of each unit."""
    header = (
        "point", "wire B mean", "median", "p95", "p99", "max", "accuracy",
        "drop",
    )  # fmt: skip
    pieces = []
    for run in runs:
        if len(run.points) < 2:
            continue
        rows, marked = [], []
        for i, point in enumerate(run.points):
            if (point.mean, point.accuracy) == run.unit.default:
                marked.append(i)
            sizes = (point.mean, point.median, point.p95, point.p99, point.max)
            drop = "–"
            if run.baseline_accuracy is not None:
                drop = f"{run.baseline_accuracy - point.accuracy:.2f}"
            rows.append(
                [
                    str(i),
                    *map(text.number, sizes),
                    text.percent(point.accuracy),
                    drop,
                ]
            )
        name = f"Operating points of {run.name}, the default one stressed"
        table = markup.table(header, rows, 1, name, marked)
        pieces.append(markup.details(name, table))
    return pieces


def _rivals(runs):
    tuned = [point for run in runs for point in run.tuned]
    return rate_curves.rival_curves(
        *(
            [(p.codec, p.num_bytes, p.accuracy) for p in points]
            for points in (runs[0].cloud, tuned)
        )
    )
