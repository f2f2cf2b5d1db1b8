"""Bytes at drops of accuracy, BD-rates and operating points, in tables."""

from bottlenet_tf.common import curve_cells
from bottlenet_tf.report import text
from bottlenet_tf.report.blocks import Heading, Table, note


def tables(runs, against=()):
    """Returns blocks with a table for each curve; see `curve_cells.tables`."""
    blocks = []
    for curve, *cells in curve_cells.tables(
        [run.unit for run in runs], [run.unit for run in against]
    ):
        name = curve_cells.unit_label(curve)
        blocks += [Heading(name), Table(f"Bytes at drops: {name}", *cells)]
    return blocks and [*blocks, note(curve_cells.NOTE)]


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
        name = f"Operating points of {run.name}, the default one highlighted"
        blocks.append(Table(name, header, rows, 1, marked, name))
    return blocks
