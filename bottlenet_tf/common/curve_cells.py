"""A unit's curve next to those of its rivals, as a table."""

from bottlenet_tf.common import rate_curves

_CODECS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}
NOTE = (
    "Nothing is extrapolated. ≤: the smallest measured point is more accurate; "
    "–: none is accurate enough. BD-rate: by how many percent the unit's bytes "
    "differ from the column's, in the mean over the accuracies below; negative "
    "where the unit takes fewer."
)


def codec_label(codec):
    """Returns a codec's name for display."""
    return _CODECS.get(codec, codec)


def unit_label(curve):
    """Returns the name of a `rate_curves.UnitCurve` for display."""
    kind = "learned" if curve.kind == "learned" else codec_label(curve.kind)
    count = len(curve.members)
    units = f"{kind} unit" if count == 1 else f"{count} {kind} units"
    return f"{curve.split} {curve.mode}, {units}"


def tables(units, against=()):
    """Yields a table for each curve of several points.

    Each has bytes at drops of accuracy and BD-rates, next to the image codecs.

    Args:
        against: Units to compare curves with, together as one curve; if there
            are none, a learned unit is compared with the JPEG units of its
            split point among `units`.

    Yields:
        `(rate_curves.UnitCurve, header, rows)`, cells as strings, the first
        column flush left.
    """
    for curve in rate_curves.unit_curves(units):
        if len(curve.points) < 2:
            continue
        members = [units[i] for i in curve.members]
        rivals = rate_curves.rival_curves(
            members[0].cloud, [p for unit in members for p in unit.tuned]
        )
        others = against or rate_curves.jpeg_units(curve, units)
        compared = anchors(*rivals, others)
        known = members[0].unsplit_accuracy
        yield curve, *cells(curve.points, known, compared)


def anchors(untouched, tuned=(), units=()):
    """Returns the curves to compare a unit's with, by name.

    `untouched` and `tuned` are `{codec: points}` of cloud-only.
    """
    found = {codec_label(c): points for c, points in untouched.items()}
    for codec, points in dict(tuned).items():
        found[f"tuned {codec_label(codec)}"] = points
    if units:
        is_jpeg = all(unit.kind == "jpeg" for unit in units)
        name = "JPEG unit" if is_jpeg else "given units"
        found[name] = [point for unit in units for point in unit.points]
    return found


def cells(points, unsplit_accuracy, compared):
    """Returns `(header, rows)` of a curve and `{name: points}` of others."""
    header = ("points lost", "wire B", *compared)
    drops = [
        rate_curves.bytes_at_drop(curve, unsplit_accuracy)
        for curve in (points, *compared.values())
    ]
    rows = [[drop, *(size(d[drop]) for d in drops)] for drop in drops[0]]
    rates = [rate_curves.bd_rate(points, c) for c in compared.values()]
    if rates:
        percents = ("–" if r.reason else f"{r.percent:+.1f}" for r in rates)
        between = (
            "–" if r.reason else f"{r.low:.1f}–{r.high:.1f}" for r in rates
        )
        rows += [["BD-rate %", "", *percents], ["accuracies %", "", *between]]
    return header, rows


def size(figure):
    """Returns a `rate_curves.bytes_at` as text, "≤" before an upper bound."""
    if figure.value is None:
        return "–" if figure.at_most is None else f"≤ {_digits(figure.at_most)}"
    return _digits(figure.value)


def _digits(size):
    return f"{size:.1f}" if size < 100 else f"{size:,.0f}"
