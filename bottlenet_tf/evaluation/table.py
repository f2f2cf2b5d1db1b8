"""Reports as tables that read well in a terminal and in Markdown."""

import re

from bottlenet_tf.common import curve_cells
from bottlenet_tf.common.curve_cells import codec_label
from bottlenet_tf.common.markdown import aligned, cell
from bottlenet_tf.evaluation.curves import tuned_points, unit_of

# Fields that compared reports share.
SHARED = (
    "dataset",
    "measured_on",
    "num_images",
    "backbone",
    "dataset_fingerprint",
    "baseline_accuracy",
)
_SIZES = ("median", "p95", "p99", "max")
_HEADER = (
    "split", "mode", "accuracy %", "drop", "payload B", "wire B mean", *_SIZES,
    "cloud B, same accuracy", "ratio", "tuned cloud B", "ratio", "device MACs",
)  # fmt: skip
_POINT_HEADER = ("point", "wire B mean", *_SIZES, "accuracy %", "drop")
_BASELINE_HEADER = ("baseline", "accuracy %", "B", "whole file B")
_IMAGES = {
    "all": "images",
    "unseen": "test images of classes that the unit never saw",
}
# The loss of accuracy that BottleNet accepts, in points.
_ACCEPTED_DROP = 2.0


def markdown_table(reports):
    """Returns reports as Markdown: split networks, then their rivals.

    Reports of the same data, backbone and untouched network share a table. A
    "≤" marks a cloud-only figure that is only an upper bound. Curves, of units
    of several operating points or of several units, have their own tables; a
    learned unit is compared with the JPEG units of its split point there.
    """
    groups = _grouped(reports)
    return "\n".join(_group(*each) for each in groups.items()).rstrip("\n")


def of_unseen(report):
    """Returns a report of only the unseen classes' test images, or None."""
    if "unseen" not in report:
        return None
    return {**report, **report["unseen"], "measured_on": "unseen"}


def split_order(report):
    """Sort key: RB2 before RB10, then by size."""
    parts = re.split(r"(\d+)", report["split"] or "")
    natural = [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
    return natural, report.get("wire_bytes_mean", 0)


def _grouped(reports):
    """Returns `{shared: reports}`, figures of unseen classes separately."""
    groups = {}
    for report in reports:
        for each in filter(None, (report, of_unseen(report))):
            key = tuple(each[name] for name in SHARED)
            groups.setdefault(key, []).append(each)
    return groups


def _group(key, reports):
    dataset, part, num_images, backbone, *_ = key
    images = _IMAGES.get(part, f"{part} images")
    lines = [f"{backbone} on {dataset}, {num_images:,} {images}", ""]
    split = [report for report in reports if report["split"] is not None]
    if split:
        split = sorted(split, key=split_order)
        lines += [*aligned(_HEADER, list(map(_row, split)), 2), ""]
        lines += _curve_lines(split)
    rows = _baseline_rows(reports)
    if rows:
        lines += [*aligned(_BASELINE_HEADER, rows, 1), ""]
    lines += _precision_lines(reports)
    for figure, reason in reports[0].get("reasons", {}).items():
        if figure.startswith("cloud_only."):
            codec = codec_label(figure.removeprefix("cloud_only."))
            lines += [f"{codec} is left out: {reason}.", ""]
    return "\n".join(lines)


def _curve_lines(reports):
    """Returns tables of curves, and of operating points; none without any."""
    lines = []
    units = list(map(unit_of, reports))
    for curve, header, rows in curve_cells.tables(units):
        lines += [f"{curve_cells.unit_label(curve)}:", ""]
        if len(curve.members) == 1:
            points = _point_rows(reports[curve.members[0]])
            lines += [*aligned(_POINT_HEADER, points, 1), ""]
        lines += [*aligned(header, rows, 1), ""]
    return lines and [*lines, curve_cells.NOTE, ""]


def _point_rows(report):
    default = report.get("default_point")
    return [
        [
            f"{p['index']}{' (default)' if p['index'] == default else ''}",
            f"{p['wire_bytes_mean']:.1f}",
            *(f"{p[f'wire_bytes_{size}']:.0f}" for size in _SIZES),
            f"{p['accuracy']:.2f}",
            cell(p["accuracy_drop"], ".2f"),
        ]
        for p in report["points"]
    ]


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
        cell(report["accuracy"], ".2f"),
        cell(report["accuracy_drop"], ".2f"),
        cell(report["payload_bytes_mean"], ".1f"),
        cell(report["wire_bytes_mean"], ".1f"),
        *(cell(report.get(f"wire_bytes_{s}"), ".0f") for s in _SIZES),
        *_matched(report, "accuracy_matched"),
        *_matched(report, "tuned_matched"),
        cell(report["device_mac_share"], ".1%"),
    )


def _matched(report, name):
    """Returns a rival's bytes at our accuracy, and how many times ours."""
    bound = "≤ " if report.get(f"{name}_at_most") else ""
    size = bound + cell(report.get(f"{name}_bytes"), ".0f")
    if report.get(f"{name}_codec"):
        size += f" {codec_label(report[f'{name}_codec'])}"
    ratio = report.get(f"{name}_ratio")
    wins = ", rival wins" if ratio is not None and ratio < 1.0 else ""
    return size, bound + cell(ratio, ".2f", f"x{wins}")


def _baseline_rows(reports):
    first = reports[0]
    known = first["baseline_accuracy"]
    if known is None:
        return []
    rows = [("network, unsplit", cell(known, ".2f"), "–", "–")]
    points = first["cloud_only"]
    kind = " tuned" if first["mode"] == "cloud" else ""
    # The points of all tuned rivals that any report knows, each once.
    tuned = {
        tuple(sorted(point.items())): point
        for report in reports
        for point in tuned_points(report)
    }
    largest = max((point["side"] for point in points), default=0)
    rows += _codec_rows(points, known, largest, kind)
    rows += _codec_rows(list(tuned.values()), known, largest, " tuned")
    raw = {}
    for report in sorted(reports, key=split_order):
        if report.get("raw_features"):
            raw.setdefault(report["split"], report["raw_features"])
    for split, feature in raw.items():
        deflated = cell(feature["deflated_bytes_mean"], ".0f")
        name = f"{split} feature, 8 bit (deflated)"
        accuracy = cell(feature["accuracy"], ".2f")
        rows.append((name, accuracy, f"{feature['bytes']} ({deflated})", "–"))
    label = first["label_only"]
    rows.append(("label only", cell(known, ".2f"), f"{label['bytes']}", "–"))
    return rows


def _codec_rows(points, known, largest, kind):
    """Yields each codec's most accurate and cheapest acceptable points."""
    found = []
    for codec in sorted({point["codec"] for point in points}):
        mine = [point for point in points if point["codec"] == codec]
        best = min(mine, key=lambda p: (-p["accuracy"], p["bytes"]))
        found.append(("most accurate", best))
        good = [p for p in mine if known - p["accuracy"] <= _ACCEPTED_DROP]
        if good:
            cheapest = min(good, key=lambda p: p["bytes"])
            found.append((f"within {_ACCEPTED_DROP:g} points", cheapest))
    return [
        (
            f"{codec_label(point['codec'])} {point['quality']}{kind}"
            + (f" at {point['side']} px" if point["side"] < largest else "")
            + f", {what}",
            cell(point["accuracy"], ".2f"),
            cell(point["bytes"], ".0f"),
            cell(point["file_bytes"], ".0f"),
        )
        for what, point in found
    ]
