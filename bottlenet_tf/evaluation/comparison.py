"""A split network's bytes and accuracy beside cloud-only's."""

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


def _matched(points, result, reasons):
    name = "accuracy_matched"
    nothing = (f"{name}_{x}" for x in ("bytes", "codec", "at_most", "ratio"))
    figures = dict.fromkeys(nothing)
    if not points:
        for figure in figures:
            reasons[figure] = "there is no cloud-only sweep"
        return figures
    match = matched_bytes(points, result.accuracy)
    if match.reason is not None:
        reasons[f"{name}_bytes"] = reasons[f"{name}_ratio"] = match.reason
    figures[f"{name}_bytes"] = match.bytes_mean
    figures[f"{name}_codec"] = match.codec
    figures[f"{name}_at_most"] = match.at_most
    if match.bytes_mean is not None:
        ours = summarize(result.wire_bytes).mean
        figures[f"{name}_ratio"] = match.bytes_mean / ours
    return figures


def _paper_ratio(points, result, reasons):
    jpeg = [point for point in points if point.codec == "jpeg"]
    if not jpeg:
        reasons["paper_ratio"] = "the cloud-only sweep holds no JPEG"
        return None
    finest = max(jpeg, key=lambda point: (point.side, point.quality))
    return finest.file_bytes_mean / summarize(result.payload_bytes).mean
