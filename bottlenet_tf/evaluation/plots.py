"""Diagrams: accuracy over bytes, and aware against naive training."""

import io

from bottlenet_tf.common import diagrams, rate_curves, whole_file
from bottlenet_tf.common.accuracy_drawing import (
    WAYS,
    Series,
    cloud_series,
    codec_look,
    draw_qualities,
    draw_rates,
    look,
)
from bottlenet_tf.common.curve_cells import codec_label
from bottlenet_tf.evaluation.curves import tuned_points, unit_of
from bottlenet_tf.evaluation.table import SHARED, split_order

_WIDTH, _DPI = 8, 140
# Okabe and Ito's palette, made for the colour-blind; markers differ, too.
_BLUE, _VERMILION, _GREEN = "#0072B2", "#D55E00", "#009E73"
# Additions, darker than all of theirs.
_BROWN, _INDIGO = "#7A4B2A", "#332288"
_MODES = {
    "aware": ("split, trained with the codec", _BLUE, "o"),
    "tail": ("split, prefix frozen", _BROWN, "h"),
    "frozen": ("split, backbone frozen", _GREEN, "D"),
    "naive": ("split, trained without the codec", _VERMILION, "X"),
}


@diagrams.in_style()
def plot_rate_accuracy(reports, path):
    """Draws accuracy over wire bytes: split networks against cloud-only.

    A unit's operating points are joined, with its default point marked, as are
    units of one point at the same split point, all marked.

    Args:
        reports: Dictionaries from `build_report` or `load_report`, all of
            one data set and backbone.
        path: PNG file to write, which is returned.
    """
    reports = sorted(reports, key=split_order)
    measured = {tuple(report[key] for key in SHARED) for report in reports}
    if len(measured) != 1:
        raise ValueError(
            "A diagram compares reports of the same images and the same "
            f"untouched network. Received: {len(reports)} reports of "
            f"{sorted(measured, key=str)}"
        )
    ((dataset, part, num_images, backbone, _, known),) = measured
    first = reports[0]
    tuned = "network tuned for " if first["mode"] == "cloud" else ""
    cloud = [
        (p["codec"], p["side"], p["bytes"], p["accuracy"])
        for p in first["cloud_only"]
    ]
    series = [
        *cloud_series(cloud, f"cloud-only, {tuned}"),
        *_tuned_series(reports),
        *_split_series([r for r in reports if r["split"] is not None]),
    ]
    if known is not None:
        label_only = (first["label_only"]["bytes"], known, "label only")
        star = look(diagrams.INK, "*")
        series.append(Series((), star, (label_only,)))
    images = "images" if part == "all" else f"{part} images"
    title = f"{backbone} on {dataset}, {num_images:,} {images}"
    return _save(draw_rates(_WIDTH, series, known, title=title), path)


@diagrams.in_style()
def plot_aware_against_naive(points, path, network_accuracy=None):
    """Draws accuracy over JPEG quality for two ways of training.

    Args:
        points: Dictionaries with "mode", "quality" and "accuracy" (percent).
        network_accuracy: That of the untouched network in percent, or None.
    """
    found = {
        way: sorted(
            (p["quality"], p["accuracy"]) for p in points if p["mode"] == way
        )
        for way in WAYS
    }
    return _save(draw_qualities(_WIDTH, found, network_accuracy), path)


@diagrams.in_style()
def plot_samples(samples, path, network_accuracy=None):
    """Draws accuracy over wire bytes of sampled units, the kept ones joined.

    Args:
        samples: Dictionaries with "wire_bytes_mean", "accuracy" (percent) and
            "kept", whether no other is better.
        network_accuracy: That of the untouched network in percent, or None.
    """
    points = {
        kept: [
            (s["wire_bytes_mean"], s["accuracy"])
            for s in samples
            if s["kept"] == kept
        ]
        for kept in (False, True)
    }
    alone = look("0.6", "o", linestyle="")
    series = [
        Series(points[False], alone, label="sampled"),
        Series(points[True], look(_BLUE, "o"), label="Pareto set"),
    ]
    return _save(draw_rates(_WIDTH, series, network_accuracy), path)


def _tuned_series(reports):
    """Yields the points of networks that are tuned for each codec."""
    tuned = [p for r in reports for p in tuned_points(r)]
    for codec in sorted({point["codec"] for point in tuned}):
        line = [
            (p["bytes"], p["accuracy"]) for p in tuned if p["codec"] == codec
        ]
        crosses = codec_look(codec, linestyle="", marker="+", markersize=7)
        label = f"cloud-only, network tuned for {codec_label(codec)}"
        yield Series(line, crosses, label=label)


def _split_series(reports):
    """Yields the curves of split networks, each kind named once."""
    curves = rate_curves.unit_curves(map(unit_of, reports))
    drawn = set()
    for curve in sorted(curves, key=lambda c: list(_MODES).index(c.mode)):
        name, color, marker = _MODES[curve.mode]
        if curve.kind == "learned":
            name = f"learned unit, {name.removeprefix('split, ')}"
            color = _INDIGO
        line = curve.points if len(curve.points) > 1 else ()
        marks = tuple(_marks([reports[i] for i in curve.members]))
        label = None if name in drawn else name
        drawn.add(name)
        yield Series(line, look(color, marker), marks, label)


def _marks(reports):
    """Yields `(bytes, accuracy, name)` of a curve's units, by size."""
    for report in sorted(reports, key=lambda r: r["wire_bytes_mean"]):
        name = report["split"]
        if len(reports) > 1:
            unit = report["flags"]["unit"]
            name += f" c{unit['channels']} "
            if "task_weight" in unit:
                name += f"λ{unit['task_weight']:g}"
            else:
                name += f"q{unit['quality']}"
        yield report["wire_bytes_mean"], report["accuracy"], name


def _save(figure, path):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return whole_file.write(path, file.getvalue())
