"""Tables of the page: costs, units, operating points, bytes at drops."""

from bottlenet_tf.common import curve_cells
from bottlenet_tf.report import network, text
from bottlenet_tf.report.blocks import Heading, Table, note
from bottlenet_tf.selection import tables

# Columns of `_figures`.
_COLUMNS = (
    "wire B mean", "p95", "p99", "max", "accuracy", "drop", "device MACs",
)  # fmt: skip


def costs(decision):
    """Returns all costs of a `selection.Decision`, one row for each split."""
    heading = tables.between_heading(decision)
    header = (
        "choice", "method", "", "accuracy", "wire B", "on air B", "device ms",
        "codec ms", "up-link ms", "answer ms", "server ms", "latency ms",
        "energy mJ", "break-even RTT ms", *([heading] if heading else []),
    )  # fmt: skip
    everything = (*decision.shown, *decision.references)
    rows = [_costs(decision, cost) for cost in everything]
    if heading:
        for row, cost in zip(rows, everything):
            row.append(tables.between(decision, cost))
    rows += [
        [name, "", "not measured"] + ["–"] * (len(header) - 3)
        for name in decision.untimed
    ]
    marked = [i for i, c in enumerate(everything) if c is decision.winner]
    name = decision.link.name
    return Table(
        f"All costs for {name}", header, rows, 3, marked, f"All numbers: {name}"
    )


def _costs(decision, cost):
    choice = cost.choice
    even = decision.break_even.get(choice.name)
    figures = (
        choice.sent_bytes, cost.on_air_bytes, cost.device_ms, cost.codec_ms,
        cost.uplink_ms, cost.answer_ms, cost.cloud_ms, cost.latency_ms,
        cost.energy_mj,
    )  # fmt: skip
    return [
        choice.name,
        choice.detail,
        tables.mark(decision, cost),
        text.percent(choice.shown_accuracy),
        *map(text.number, figures),
        even if isinstance(even, str) else text.number(even),
    ]


def candidates(sources):
    """Returns the units that represent the splits of a search over a grid."""
    server = sources.server_shares
    header = (
        "split", "unit", "feature", "feature B", *_COLUMNS, "server MACs",
    )  # fmt: skip
    rows = []
    for split in sources.search.splits:
        candidate = sources.search.candidates.get(split)
        run = sources.runs.get(split)
        if run is None:
            reason = "not measured" if candidate else "none acceptable"
            rows.append([split, reason] + ["–"] * (len(header) - 2))
            continue
        size = text.number(network.feature_bytes(run))
        row = [split, candidate.unit, network.shape(run), size, *_figures(run)]
        rows.append([*row, text.share(server.get(split))])
    return Table("The unit kept for each split", header, rows, 2)


def units(runs):
    """Returns the units of some runs at their default points."""
    rows = [[run.name, run.label, *_figures(run)] for run in runs]
    header = ("run", "unit", *_COLUMNS)
    return Table("Units at their default point", header, rows, 2)


def _figures(run):
    return [
        *map(text.number, (run.wire_bytes, *run.high_bytes)),
        text.percent(run.accuracy),
        text.drop(run, run.accuracy),
        text.share(run.device_mac_share),
    ]


def curves(runs, against=()):
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
