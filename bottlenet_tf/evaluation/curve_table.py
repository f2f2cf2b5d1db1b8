"""Units of several operating points, and curves of units, as tables."""

from bottlenet_tf.common import curve_cells, rate_curves
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.evaluation.curves import rival_curves, unit_of

_SIZES = ("mean", "median", "p95", "p99", "max")
_HEADER = ("point", "wire B mean", *_SIZES[1:], "accuracy %", "drop")


def curve_lines(reports, against=()):
    """Returns the lines of what is told of curves; none without a curve.

    A unit of several operating points has a table of these. Every curve, that
    of several units of one point each too, has one of its bytes at drops of
    accuracy and of its BD-rates.

    Args:
        reports: Of split networks, on the same data and untouched network.
        against: Reports of units that curves are compared with, together as
            one curve; if there are none, a learned unit is compared with the
            JPEG units of its split point among `reports`.
    """
    units = [unit_of(report) for report in reports]
    others = [unit_of(report) for report in against]
    lines = []
    for curve in rate_curves.unit_curves(units):
        if len(curve.points) < 2:
            continue
        members = [reports[i] for i in curve.members]
        lines += [f"{curve_cells.unit_label(curve)}:", ""]
        if len(members) == 1:
            lines += [*_points(members[0]), ""]
        compared = _anchors(
            members, others or rate_curves.jpeg_units(curve, units)
        )
        known = members[0]["baseline_accuracy"]
        header, rows = curve_cells.cells(curve.points, known, compared)
        lines += [*aligned(header, rows, 1), ""]
    return [*lines, curve_cells.NOTE, ""] if lines else []


def _anchors(members, units):
    """Returns `curve_cells.anchors` of a curve's reports."""
    tuned = [
        point
        for report in members
        for point in (report.get("tuned_rivals") or {}).get("points", ())
    ]
    rivals = rival_curves(
        {
            "cloud_only": members[0]["cloud_only"],
            "tuned_rivals": {"points": tuned},
        }
    )
    return curve_cells.anchors(*rivals, units)


def _points(report):
    default = report.get("default_point")
    rows = [
        [
            f"{p['index']}{' (default)' if p['index'] == default else ''}",
            f"{p['wire_bytes_mean']:.1f}",
            *(f"{p[f'wire_bytes_{size}']:.0f}" for size in _SIZES[1:]),
            f"{p['accuracy']:.2f}",
            "–" if p["accuracy_drop"] is None else f"{p['accuracy_drop']:.2f}",
        ]
        for p in report["points"]
    ]
    return aligned(_HEADER, rows, 1)
