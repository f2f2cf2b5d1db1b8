"""Curves of a report's figures: bytes at a drop, and BD-rate against rivals.

Figures are dictionaries, those of a report or of its validation section.
"""

from bottlenet_tf import rate_curves

UNTOUCHED, TUNED = "untouched", "tuned"


def measured_points(figures):
    """Returns a unit's `(wire bytes, accuracy)` at every operating point.

    Figures written before there were operating points have one.
    """
    points = figures.get("points") or [figures]
    return [(p["wire_bytes_mean"], p["accuracy"]) for p in points]


def rival_curves(figures):
    """Returns the curves of the image codecs that a unit must beat.

    A codec's points are of all sides in pixels. Who may tune the network for a
    codec may also leave it as it is, so that a tuned rival's curve holds the
    untouched network's points, too.

    Returns:
        `{"untouched": {codec: points}, "tuned": {codec: points}}`; "tuned" is
        empty where none were measured.
    """
    untouched = _by_codec(figures["cloud_only"])
    rivals = figures.get("tuned_rivals") or {}
    tuned = {
        codec: untouched.get(codec, []) + points
        for codec, points in _by_codec(rivals.get("points", ())).items()
    }
    return {UNTOUCHED: untouched, TUNED: tuned}


def curve_figures(figures):
    """Returns what a report tells of its unit's curve.

    `bytes_at_drop` are the wire bytes 2, 1 and 0.5 points below the unsplit
    network, interpolated between measured points; `rival_bytes_at_drop` those
    of image codecs. `bd_rate` is by how many percent our bytes differ from
    theirs at the same accuracy: negative where we need fewer; it is the mean
    over the accuracies in `bd_rate_range`.

    Args:
        figures: Of a report with a unit, or of its validation section.

    Returns:
        `(figures, reasons)`, as of `comparison.compare`.
    """
    ours, known = measured_points(figures), figures["baseline_accuracy"]
    reasons = {}
    found = {
        "bytes_at_drop": _drops(ours, known, reasons, "bytes_at_drop"),
        "rival_bytes_at_drop": {},
        "bd_rate": {},
        "bd_rate_range": {},
    }
    for network, curves in rival_curves(figures).items():
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
    """Adds the `curve_figures` to figures that have `reasons`, or renews them.

    Args:
        figures: Dictionary of a report or of its validation section; changed.
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
    )


def _by_codec(points):
    curves = {}
    for point in points:
        pair = (point["bytes"], point["accuracy"])
        curves.setdefault(point["codec"], []).append(pair)
    return curves


def _drops(points, known, reasons, path):
    found = rate_curves.bytes_at_drop(points, known)
    for drop, figure in found.items():
        if figure.reason:
            reasons[f"{path}.{drop}"] = figure.reason
    return {drop: figure.value for drop, figure in found.items()}
