"""A split network's bytes and accuracy beside cloud-only's."""

from bottlenet_tf.evaluation.cloud_only import CloudPoint
from bottlenet_tf.evaluation.curves import add_curve_figures
from bottlenet_tf.evaluation.matching import matched_bytes
from bottlenet_tf.evaluation.split import summarize

UNTRAINED = "the untouched network has no trained weights to compare with"


def compare(result, baselines):
    """Compares a split network with what leaves the network whole.

    Args:
        result: `SplitResult`.
        baselines: `Baselines`, or None if there is nothing to compare with.

    Returns:
        `(figures, reasons)`: the figures that `build_report` explains, None
        where there is none, and `{figure: why it is None or a bound}`.
    """
    if baselines is None:
        drop, points, reasons = None, (), {"accuracy_drop": UNTRAINED}
    else:
        drop = baselines.network_accuracy - result.accuracy
        points, reasons = baselines.cloud_only, {}
    figures = {
        "accuracy_drop": drop,
        **_matched(points, result, reasons),
        "paper_ratio": _paper_ratio(points, result, reasons),
    }
    return figures, reasons


def add_tuned(figures, points, settings):
    """Adds the tuned rivals to the figures of one part of the data.

    `tuned_matched_bytes` are the fewest that cloud-only needs for our
    accuracy if the network may be tuned for the codec; untouched networks
    count, too, where they need fewer. `tuned_matched_ratio` divides them by
    our mean wire bytes: below 1, the rival wins. What is told of curves is
    renewed with theirs.

    Args:
        figures: Dictionary of a report, or of what it says of validation
            images; changed.
        points: List of `cloud_only` points of tuned networks, each with the
            quality it is `tuned_at`.
        settings: Dictionary of what was asked for: `codecs` and more.
    """
    figures["tuned_rivals"] = {**settings, "points": points}
    reasons = figures["reasons"]
    reasons.pop("tuned_rivals", None)
    everyone = map(_as_point, figures["cloud_only"] + points)
    match = matched_bytes(everyone, figures["accuracy"])
    ours = figures["wire_bytes_mean"]
    figures |= _figures_of("tuned_matched", match, ours, reasons)
    add_curve_figures(figures)


def _as_point(values):
    return CloudPoint(
        values["codec"],
        values["quality"],
        values["side"],
        values["bytes"],
        values["file_bytes"],
        values["accuracy"],
    )


def _figures_of(name, match, wire_bytes, reasons):
    """Returns a `Match` and its ratio under a name, as a report has it."""
    for figure in ("bytes", "ratio"):
        reasons.pop(f"{name}_{figure}", None)
        if match.reason is not None:
            reasons[f"{name}_{figure}"] = match.reason
    return {
        f"{name}_bytes": match.bytes_mean,
        f"{name}_codec": match.codec,
        f"{name}_at_most": match.at_most,
        f"{name}_ratio": match.bytes_mean and match.bytes_mean / wire_bytes,
    }


def _matched(points, result, reasons):
    name = "accuracy_matched"
    if not points:
        nothing = (
            f"{name}_{x}" for x in ("bytes", "codec", "at_most", "ratio")
        )
        figures = dict.fromkeys(nothing)
        for figure in figures:
            reasons[figure] = "there is no cloud-only sweep"
        return figures
    match = matched_bytes(points, result.accuracy)
    ours = summarize(result.wire_bytes).mean
    return _figures_of(name, match, ours, reasons)


def _paper_ratio(points, result, reasons):
    jpeg = [point for point in points if point.codec == "jpeg"]
    if not jpeg:
        reasons["paper_ratio"] = "the cloud-only sweep holds no JPEG"
        return None
    finest = max(jpeg, key=lambda point: (point.side, point.quality))
    ours = summarize(result.payload_bytes).mean
    if not ours:
        reasons["paper_ratio"] = "no image has any image data"
        return None
    return finest.file_bytes_mean / ours
