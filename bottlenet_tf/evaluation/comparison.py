"""A split network's bytes and accuracy against cloud-only's."""

from bottlenet_tf.evaluation.cloud_only import CloudPoint
from bottlenet_tf.evaluation.curves import add_curve_figures
from bottlenet_tf.evaluation.matching import matched_bytes
from bottlenet_tf.evaluation.split import summarize

UNTRAINED = "the untouched network has no trained weights to compare with"


def compare(result, baselines):
    """Compares a split network with its unsplit rivals.

    Returns:
        `(figures, reasons)`: the figures that `build_report` explains, None if
        missing, and `{figure: why it is None or a bound}`.
    """
    figures = {"accuracy_drop": None}
    points, reasons = (), {"accuracy_drop": UNTRAINED}
    if baselines is not None:
        points, reasons = baselines.cloud_only, {}
        drop = baselines.network_accuracy - result.accuracy
        figures["accuracy_drop"] = drop
    ours = summarize(result.wire_bytes).mean
    figures |= _matched(
        "accuracy_matched", points, result.accuracy, ours, reasons
    )
    figures["paper_ratio"] = _paper_ratio(points, result, reasons)
    return figures, reasons


def add_tuned(figures, points, settings):
    """Adds the tuned rivals to the figures of one part of the data.

    `tuned_matched_bytes` are the fewest that cloud-only needs for our accuracy
    if the network may be tuned for the codec; untouched networks count, too, if
    they need fewer. `tuned_matched_ratio` divides them by our mean wire bytes:
    below 1, the rival wins. Figures of curves are updated.

    Args:
        figures: Dictionary of a report, or of its validation section; changed.
        points: List of `cloud_only` points of tuned networks, each with the
            quality `tuned_at`.
        settings: Dictionary of the rivals' settings: `codecs` and more.
    """
    figures["tuned_rivals"] = {**settings, "points": points}
    figures["reasons"].pop("tuned_rivals", None)
    everyone = [
        CloudPoint(
            p["codec"], p["quality"], p["side"], p["bytes"], p["file_bytes"],
            p["accuracy"],
        )
        for p in figures["cloud_only"] + points
    ]  # fmt: skip
    figures |= _matched(
        "tuned_matched",
        everyone,
        figures["accuracy"],
        figures["wire_bytes_mean"],
        figures["reasons"],
    )
    add_curve_figures(figures)


def _matched(name, points, accuracy, wire_bytes, reasons):
    """Returns a `Match` and its ratio under a name; updates their reasons."""
    names = [f"{name}_{x}" for x in ("bytes", "codec", "at_most", "ratio")]
    for figure in names:
        reasons.pop(figure, None)
    if not points:
        reasons |= dict.fromkeys(names, "there is no cloud-only sweep")
        return dict.fromkeys(names)
    match = matched_bytes(points, accuracy)
    if match.reason is not None:
        reasons |= {f"{name}_{x}": match.reason for x in ("bytes", "ratio")}
    size = match.bytes_mean
    ratio = size and size / wire_bytes
    return dict(zip(names, (size, match.codec, match.at_most, ratio)))


def _paper_ratio(points, result, reasons):
    jpeg = [point for point in points if point.codec == "jpeg"]
    if not jpeg:
        reasons["paper_ratio"] = "the cloud-only sweep has no JPEG"
        return None
    finest = max(jpeg, key=lambda point: (point.side, point.quality))
    ours = summarize(result.payload_bytes).mean
    if not ours:
        reasons["paper_ratio"] = "no image has any image data"
        return None
    return finest.file_bytes_mean / ours
