"""A unit's curve beside its rivals', as the cells of a table."""

from bottlenet_tf.common import rate_curves

CODEC_LABELS = {
    "jpeg": "JPEG",
    "webp": "WebP",
    "avif": "AVIF",
    "jxl": "JPEG XL",
}
NOTE = (
    "Nothing is extrapolated. ≤: the smallest measured point is more accurate; "
    "–: none is accurate enough. BD-rate: by how many percent the unit's bytes "
    "differ from the column's, in the mean over the accuracies below; negative "
    "where the unit takes fewer."
)


def codec_label(codec):
    """Returns a codec's name for people."""
    return CODEC_LABELS.get(codec, codec)


def unit_label(curve):
    """Returns the name of a `rate_curves.UnitCurve` for people."""
    kind = "learned" if curve.kind == "learned" else codec_label(curve.kind)
    count = len(curve.members)
    units = f"{kind} unit" if count == 1 else f"{count} {kind} units"
    return f"{curve.split} {curve.mode}, {units}"


def anchors(untouched, tuned=(), units=()):
    """Returns the curves that a unit's is compared with, by name.

    Args:
        untouched: `{codec: points}` of cloud-only.
        tuned: The same of networks tuned for the codec.
        units: `rate_curves.Unit`s that are compared with, as one curve.
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
    """Returns a curve's bytes at drops of accuracy, and its BD-rates.

    Args:
        points: `(bytes, accuracy)` pairs of the unit.
        unsplit_accuracy: In percent, or None.
        compared: `{name: points}`, as of `anchors`.

    Returns:
        `(header, rows)` of strings, the first column flush left.
    """
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
