"""Reports as tables that read well in a terminal and in Markdown."""

import re

from bottlenet_tf.markdown import aligned

_HEADER = (
    "split",
    "mode",
    "accuracy %",
    "drop",
    "payload B",
    "wire B mean",
    "median",
    "p95",
    "cloud B, same accuracy",
    "ratio",
    "tuned cloud B",
    "ratio",
    "device MACs",
)
_CODECS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}
# The loss of accuracy that BottleNet accepts, in points.
_ACCEPTED_DROP = 2.0


def markdown_table(reports):
    """Returns reports as Markdown: split networks, then what they must beat.

    Reports of the same data, backbone and untouched network share a table. A
    "≤" marks a cloud-only figure that is only an upper bound.

    Args:
        reports: List of dictionaries from `build_report` or `load_report`.
    """
    groups = {}
    for report in reports:
        shared = (
            "dataset",
            "measured_on",
            "num_images",
            "backbone",
            "dataset_fingerprint",
            "baseline_accuracy",
        )
        groups.setdefault(tuple(report[key] for key in shared), []).append(
            report
        )
    return "\n".join(
        _group(key, members) for key, members in groups.items()
    ).rstrip("\n")


def split_order(report):
    """Sort key: RB2 before RB10, then by size."""
    parts = re.split(r"(\d+)", report["split"] or "")
    natural = [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
    return natural, report.get("wire_bytes_mean", 0)


def _group(key, reports):
    dataset, part, num_images, backbone, *_ = key
    lines = [f"{backbone} on {dataset}, {num_images:,} {part} images", ""]
    split = [report for report in reports if report["split"] is not None]
    if split:
        rows = [_row(report) for report in sorted(split, key=split_order)]
        lines += [*aligned(_HEADER, rows, 2), ""]
    rows = _baseline_rows(reports)
    if rows:
        header = ("baseline", "accuracy %", "B", "whole file B")
        lines += [*aligned(header, rows, 1), ""]
    for figure, reason in reports[0].get("reasons", {}).items():
        if figure.startswith("cloud_only."):
            codec = _label(figure.removeprefix("cloud_only."))
            lines += [f"{codec} is left out: {reason}.", ""]
    return "\n".join(lines)


def _row(report):
    return (
        report["split"],
        report["mode"],
        _number(report["accuracy"], ".2f"),
        _number(report["accuracy_drop"], ".2f"),
        _number(report["payload_bytes_mean"], ".1f"),
        _number(report["wire_bytes_mean"], ".1f"),
        _number(report["wire_bytes_median"], ".0f"),
        _number(report["wire_bytes_p95"], ".0f"),
        *_matched(report, "accuracy_matched"),
        *_matched(report, "tuned_matched"),
        _number(report["device_mac_share"], ".1%"),
    )


def _matched(report, name):
    """Returns a rival's bytes at our accuracy, and how many times ours."""
    bound = "≤ " if report.get(f"{name}_at_most") else ""
    size = _number(report.get(f"{name}_bytes"), ".0f", bound)
    if report.get(f"{name}_codec"):
        size += f" {_label(report[f'{name}_codec'])}"
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
            f"{_label(codec)} {point['quality']}{kind}"
            + (f" at {point['side']} px" if point["side"] < largest else "")
            + f", {what}",
            _number(point["accuracy"], ".2f"),
            _number(point["bytes"], ".0f"),
            _number(point["file_bytes"], ".0f"),
        )
        for what, point in rows
    ]


def _label(codec):
    return _CODECS.get(codec, codec)


def _number(value, spec, before="", after=""):
    return "–" if value is None else f"{before}{value:{spec}}{after}"
