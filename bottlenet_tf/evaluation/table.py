"""Reports as tables that read well in a terminal and in Markdown."""

import re

from bottlenet_tf.common.curve_cells import codec_label
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.evaluation.curve_table import curve_lines

_HEADER = (
    "split",
    "mode",
    "accuracy %",
    "drop",
    "payload B",
    "wire B mean",
    "median",
    "p95",
    "p99",
    "max",
    "cloud B, same accuracy",
    "ratio",
    "tuned cloud B",
    "ratio",
    "device MACs",
)
# What reports that are compared have in common.
_SHARED = (
    "dataset",
    "measured_on",
    "num_images",
    "backbone",
    "dataset_fingerprint",
    "baseline_accuracy",
)
_IMAGES = {
    "all": "images",
    "unseen": "test images of classes that the unit never saw",
}
# The loss of accuracy that BottleNet accepts, in points.
_ACCEPTED_DROP = 2.0


def markdown_table(reports, against=()):
    """Returns reports as Markdown: split networks, then what they must beat.

    Reports of the same data, backbone and untouched network share a table. A
    "≤" marks a cloud-only figure that is only an upper bound. Curves, of units
    of several operating points or of several units, have tables of their own.

    Args:
        reports: List of dictionaries from `build_report` or `load_report`.
        against: Reports of units whose points, as one curve, are what BD-rates
            are told against, besides the rivals; if there are none, a learned
            unit is compared with the JPEG units of its split point.

    Raises:
        ValueError: if one of `against` can't be compared with any report.
    """
    groups = _grouped(_with_unseen(reports))
    anchors = _grouped(_with_unseen(against))
    for key in anchors:
        if key not in groups:
            raise ValueError(
                "A unit is compared with those on the same images and the same "
                f"untouched network. Received: against={key}, "
                f"reports={sorted(groups, key=str)}"
            )
    return "\n".join(
        _group(key, members, anchors.get(key, ()))
        for key, members in groups.items()
    ).rstrip("\n")


def _with_unseen(reports):
    """Returns reports, each followed by what it says of unseen classes."""
    return [
        each
        for report in reports
        for each in (report, of_unseen(report))
        if each is not None
    ]


def of_unseen(report):
    """Returns a report of unseen classes' test images alone, or None."""
    if "unseen" not in report:
        return None
    rest = {
        k: v for k, v in report.items() if k not in ("unseen", "validation")
    }
    return {**rest, **report["unseen"], "measured_on": "unseen"}


def _grouped(reports):
    groups = {}
    for report in reports:
        key = tuple(report[name] for name in _SHARED)
        groups.setdefault(key, []).append(report)
    return groups


def split_order(report):
    """Sort key: RB2 before RB10, then by size."""
    parts = re.split(r"(\d+)", report["split"] or "")
    natural = [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
    return natural, report.get("wire_bytes_mean", 0)


def _group(key, reports, against):
    dataset, part, num_images, backbone, *_ = key
    images = _IMAGES.get(part, f"{part} images")
    lines = [f"{backbone} on {dataset}, {num_images:,} {images}", ""]
    split = [report for report in reports if report["split"] is not None]
    if split:
        split = sorted(split, key=split_order)
        rows = [_row(report) for report in split]
        lines += [*aligned(_HEADER, rows, 2), ""]
        lines += curve_lines(split, against)
    rows = _baseline_rows(reports)
    if rows:
        header = ("baseline", "accuracy %", "B", "whole file B")
        lines += [*aligned(header, rows, 1), ""]
    lines += _precision_lines(reports)
    for figure, reason in reports[0].get("reasons", {}).items():
        if figure.startswith("cloud_only."):
            codec = codec_label(figure.removeprefix("cloud_only."))
            lines += [f"{codec} is left out: {reason}.", ""]
    return "\n".join(lines)


def _precision_lines(reports):
    """Returns the mean average precisions of networks of several labels."""
    known = reports[0].get("baseline_mean_average_precision")
    parts = [] if known is None else [f"unsplit {known:.2f} %"]
    parts += [
        f"{r['split']} ({r['mode']}) {r['mean_average_precision']:.2f} %"
        for r in reports
        if "mean_average_precision" in r
    ]
    if not parts:
        return []
    return [
        "An image is right with exactly its labels. Mean average precision: "
        f"{', '.join(parts)}.",
        "",
    ]


def _row(report):
    return (
        report["split"],
        report["mode"],
        _number(report["accuracy"], ".2f"),
        _number(report["accuracy_drop"], ".2f"),
        _number(report["payload_bytes_mean"], ".1f"),
        _number(report["wire_bytes_mean"], ".1f"),
        *(
            _number(report.get(f"wire_bytes_{size}"), ".0f")
            for size in ("median", "p95", "p99", "max")
        ),
        *_matched(report, "accuracy_matched"),
        *_matched(report, "tuned_matched"),
        _number(report["device_mac_share"], ".1%"),
    )


def _matched(report, name):
    """Returns a rival's bytes at our accuracy, and how many times ours."""
    bound = "≤ " if report.get(f"{name}_at_most") else ""
    size = _number(report.get(f"{name}_bytes"), ".0f", bound)
    if report.get(f"{name}_codec"):
        size += f" {codec_label(report[f'{name}_codec'])}"
    ratio = report.get(f"{name}_ratio")
    wins = ", rival wins" if ratio is not None and ratio < 1.0 else ""
    return size, _number(ratio, ".2f", bound, f"x{wins}")


def _baseline_rows(reports):
    first = reports[0]
    known = first["baseline_accuracy"]
    if known is None:
        return []
    rows = [("network, unsplit", _number(known, ".2f"), "–", "–")]
    points, tuned = first["cloud_only"], _tuned_points(reports)
    kind = " tuned" if first["mode"] == "cloud" else ""
    largest = max((point["side"] for point in points), default=0)
    for codec in sorted({point["codec"] for point in points}):
        rows += _codec_rows(codec, points, known, largest, kind)
    for codec in sorted({point["codec"] for point in tuned}):
        rows += _codec_rows(codec, tuned, known, largest, " tuned")
    seen = set()
    for report in sorted(reports, key=split_order):
        raw = report.get("raw_features")
        if raw and report["split"] not in seen:
            seen.add(report["split"])
            at, accuracy = report["split"], _number(raw["accuracy"], ".2f")
            deflated = _number(raw["deflated_bytes_mean"], ".0f")
            size = f"{raw['bytes']} ({deflated})"
            name = f"{at} feature, 8 bit (deflated)"
            rows.append((name, accuracy, size, "–"))
    label = first["label_only"]
    rows.append(("label only", _number(known, ".2f"), f"{label['bytes']}", "–"))
    return rows


def _tuned_points(reports):
    """The points of all tuned rivals that any report knows, each once."""
    found = {}
    for report in reports:
        for point in (report.get("tuned_rivals") or {}).get("points", ()):
            found[tuple(sorted(point.items()))] = point
    return list(found.values())


def _codec_rows(codec, points, known, largest, kind):
    """The codec's most accurate point, and its cheapest acceptable one."""
    points = [point for point in points if point["codec"] == codec]
    best = min(points, key=lambda p: (-p["accuracy"], p["bytes"]))
    rows = [("most accurate", best)]
    good = [p for p in points if known - p["accuracy"] <= _ACCEPTED_DROP]
    if good:
        cheapest = min(good, key=lambda p: p["bytes"])
        rows.append((f"within {_ACCEPTED_DROP:g} points", cheapest))
    return [
        (
            f"{codec_label(codec)} {point['quality']}{kind}"
            + (f" at {point['side']} px" if point["side"] < largest else "")
            + f", {what}",
            _number(point["accuracy"], ".2f"),
            _number(point["bytes"], ".0f"),
            _number(point["file_bytes"], ".0f"),
        )
        for what, point in rows
    ]


def _number(value, spec, before="", after=""):
    return "–" if value is None else f"{before}{value:{spec}}{after}"
