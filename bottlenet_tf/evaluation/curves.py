"""Curves of a report's figures: bytes at a drop, and BD-rate against rivals.

Figures are dictionaries, those of a report or of its validation section.
"""

from bottlenet_tf.common import rate_curves

# Rivals' networks: without a split, or tuned for the codec.
_NETWORKS = ("untouched", "tuned")


def measured_points(figures):
    """Returns a unit's `(wire bytes, accuracy)` at every operating point.

    Figures of versions without operating points have one.
    """
    points = figures.get("points") or [figures]
    return [(p["wire_bytes_mean"], p["accuracy"]) for p in points]


def tuned_points(figures):
    """Returns cloud-only's points with networks tuned for the codec."""
    return (figures.get("tuned_rivals") or {}).get("points", ())


def curve_figures(figures):
    """Returns a report's figures on its unit's curve.

    `bytes_at_drop` are the wire bytes 2, 1 and 0.5 points below the unsplit
    network, interpolated between measured points; `rival_bytes_at_drop` those
    of image codecs. `bd_rate` is the percentage by which our bytes differ from
    theirs at the same accuracy, negative where we need fewer: the mean over the
    accuracies in `bd_rate_range`.

    Args:
        figures: Those of a report with a unit, or of its validation section.

    Returns:
        `(figures, reasons)`, as from `comparison.compare`.
    """
    ours, known = measured_points(figures), figures["baseline_accuracy"]
    reasons = {}
    found = {
        "bytes_at_drop": _drops(ours, known, reasons, "bytes_at_drop"),
        "rival_bytes_at_drop": {},
        "bd_rate": {},
        "bd_rate_range": {},
    }
    rivals = rate_curves.rival_curves(
        _triples(figures["cloud_only"]), _triples(tuned_points(figures))
    )
    for network, curves in zip(_NETWORKS, rivals, strict=True):
        for name in ("rival_bytes_at_drop", "bd_rate", "bd_rate_range"):
            found[name][network] = {}
        for codec, points in curves.items():
            path = f"{network}.{codec}"
            found["rival_bytes_at_drop"][network][codec] = _drops(
                points, known, reasons, f"rival_bytes_at_drop.{path}"
            )
            rate = rate_curves.bd_rate(ours, points)
            found["bd_rate"][network][codec] = rate.percent
            between = None if rate.reason else [rate.low, rate.high]
            found["bd_rate_range"][network][codec] = between
            if rate.reason:
                reasons[f"bd_rate.{path}"] = rate.reason
    return found, reasons


def add_curve_figures(figures):
    """Adds the `curve_figures` to figures that have `reasons`, or updates them.

    `figures`, of a report or of its validation section, are changed.
    """
    found, reasons = curve_figures(figures)
    kept = {
        name: reason
        for name, reason in figures["reasons"].items()
        if name.partition(".")[0] not in found
    }
    figures |= found
    figures["reasons"] = kept | reasons


def unit_of(report):
    """Returns the `rate_curves.Unit` of a split network's report."""
    flags = report.get("flags") or {}
    return rate_curves.Unit(
        report["split"],
        report["mode"],
        rate_curves.unit_kind(flags.get("unit") or {}),
        tuple(measured_points(report)),
        (report["wire_bytes_mean"], report["accuracy"]),
        report["baseline_accuracy"],
        _triples(report["cloud_only"]),
        _triples(tuned_points(report)),
    )


def _triples(points):
    return tuple((p["codec"], p["bytes"], p["accuracy"]) for p in points)


def _drops(points, known, reasons, path):
    found = rate_curves.bytes_at_drop(points, known)
    for drop, figure in found.items():
        if figure.reason:
            reasons[f"{path}.{drop}"] = figure.reason
    return {drop: figure.value for drop, figure in found.items()}
