"""Diagrams: accuracy over bytes, and aware against naive training."""

import io

from matplotlib import style

from bottlenet_tf.common import diagrams, rate_curves, whole_file
from bottlenet_tf.common.curve_cells import codec_label
from bottlenet_tf.evaluation.curves import tuned_points, unit_of
from bottlenet_tf.evaluation.table import SHARED, split_order

# Okabe and Ito's palette, made for the colour-blind; markers differ, too.
_BLUE, _VERMILION, _GREEN = "#0072B2", "#D55E00", "#009E73"
_ORANGE, _PURPLE, _BLACK = "#E69F00", "#CC79A7", "#000000"
_SKY, _GREY = "#56B4E9", "0.6"
# An addition, darker than all of theirs.
_BROWN, _INDIGO = "#7A4B2A", "#332288"
_CODECS = {
    "jpeg": (_ORANGE, "s"),
    "webp": (_PURPLE, "^"),
    "avif": (_SKY, "P"),
    "jxl": (_GREY, "<"),
}
_MODES = {
    "aware": ("split, trained with the codec", _BLUE, "o"),
    "tail": ("split, prefix frozen", _BROWN, "h"),
    "frozen": ("split, backbone frozen", _GREEN, "D"),
    "naive": ("split, trained without the codec", _VERMILION, "X"),
}


@style.context("default")
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
    figure, axes = _figure("bytes per image (logarithmic)")
    diagrams.scale_bytes(axes)
    obstacles = _cloud_curves(axes, reports[0])
    _tuned_points(axes, reports)
    labels, lines = _split_points(axes, reports)
    obstacles += lines
    ((dataset, part, num_images, backbone, _, known),) = measured
    _draw_network(axes, known)
    if known is not None:
        size = reports[0]["label_only"]["bytes"]
        axes.plot(size, known, "*", color=_BLACK, markersize=11, zorder=4)
        labels.append((size, known, "label only"))
    images = "images" if part == "all" else f"{part} images"
    axes.set_title(f"{backbone} on {dataset}, {num_images:,} {images}")
    axes.margins(x=0.08, y=0.08)
    axes.legend(loc="best", fontsize=9)
    if known is not None:
        obstacles += diagrams.along([(x, known) for x in axes.get_xlim()])
    diagrams.place_labels(axes, labels, obstacles)
    return _save(figure, path)


@style.context("default")
def plot_aware_against_naive(points, path, network_accuracy=None):
    """Draws accuracy over JPEG quality for two ways of training.

    Args:
        points: Dictionaries with "mode", "quality" and "accuracy" (percent).
        network_accuracy: That of the untouched network in percent, or None.
    """
    figure, axes = _figure("JPEG quality of the plane")
    for mode in ("aware", "naive"):
        name, color, marker = _MODES[mode]
        line = sorted(
            (p["quality"], p["accuracy"]) for p in points if p["mode"] == mode
        )
        axes.plot(*zip(*line), color=color, marker=marker, label=name)
    _draw_network(axes, network_accuracy)
    axes.margins(y=0.08)
    axes.legend(loc="best", fontsize=9)
    return _save(figure, path)


@style.context("default")
def plot_samples(samples, path, network_accuracy=None):
    """Draws accuracy over wire bytes of sampled units, the kept ones joined.

    Args:
        samples: Dictionaries with "wire_bytes_mean", "accuracy" (percent) and
            "kept", whether no other is better.
        network_accuracy: That of the untouched network in percent, or None.
    """
    figure, axes = _figure("bytes per image (logarithmic)")
    diagrams.scale_bytes(axes)
    for kept, line, color, label in (
        (False, "", _GREY, "sampled"),
        (True, "-", _BLUE, "Pareto set"),
    ):
        points = sorted(
            (s["wire_bytes_mean"], s["accuracy"])
            for s in samples
            if s["kept"] == kept
        )
        if points:
            x, y = zip(*points)
            axes.plot(x, y, "o", linestyle=line, color=color, label=label)
    _draw_network(axes, network_accuracy)
    axes.margins(y=0.08)
    if samples:
        axes.legend(loc="best", fontsize=9)
    return _save(figure, path)


def _figure(xlabel):
    figure = diagrams.new_figure(8, 5, dpi=140)
    axes = figure.add_subplot()
    axes.set(xlabel=xlabel, ylabel="accuracy (%)")
    axes.grid(True, color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw_network(axes, accuracy):
    if accuracy is not None:
        axes.axhline(
            accuracy, color=_BLACK, linestyle="--", linewidth=1,
            label=f"network, unsplit: {accuracy:.2f} %",
        )  # fmt: skip


def _tuned_points(axes, reports):
    """Draws the points of networks that are tuned for a codec."""
    tuned = [p for r in reports for p in tuned_points(r)]
    for codec in sorted({point["codec"] for point in tuned}):
        color, _ = _CODECS.get(codec, ("0.4", "v"))
        mine = [
            (p["bytes"], p["accuracy"]) for p in tuned if p["codec"] == codec
        ]
        axes.plot(
            *zip(*mine), linestyle="", marker="+", color=color, markersize=7,
            label=f"cloud-only, network tuned for {codec_label(codec)}",
        )  # fmt: skip


def _cloud_curves(axes, report):
    """Draws a line for each codec; returns points along the lines."""
    along, points = [], report["cloud_only"]
    tuned = "network tuned for " if report["mode"] == "cloud" else ""
    largest = max((point["side"] for point in points), default=0)
    for codec, side in sorted({(p["codec"], p["side"]) for p in points}):
        color, marker = _CODECS.get(codec, ("0.4", "v"))
        curve = sorted(
            (p["bytes"], p["accuracy"])
            for p in points
            if (p["codec"], p["side"]) == (codec, side)
        )
        small = f", {side} px" if side < largest else ""
        axes.plot(
            *zip(*curve), color=color, marker=marker, markersize=4,
            linestyle=":" if small else "-",
            label=f"cloud-only, {tuned}{codec_label(codec)}{small}",
        )  # fmt: skip
        along += diagrams.along(curve)
    return along


def _split_points(axes, reports):
    """Draws the split networks; returns labels, and points along lines."""
    split = [report for report in reports if report["split"] is not None]
    curves = rate_curves.unit_curves(map(unit_of, split))
    labels, along, drawn = [], [], set()
    for curve in sorted(curves, key=lambda c: list(_MODES).index(c.mode)):
        name, color, marker = _MODES[curve.mode]
        if curve.kind == "learned":
            name = f"learned unit, {name.removeprefix('split, ')}"
            color = _INDIGO
        label = None if name in drawn else name
        drawn.add(name)
        axes.plot(
            *zip(*curve.marked), marker, color=color, markersize=8,
            label=label, zorder=4, markeredgecolor="white",
        )  # fmt: skip
        if len(curve.points) > 1:
            axes.plot(
                *zip(*curve.points), color=color, marker=marker, markersize=3,
                linewidth=1.2, zorder=3,
            )  # fmt: skip
            along += diagrams.along(curve.points)
        labels += _labels([split[i] for i in curve.members])
    return labels, along


def _labels(reports):
    """Yields `(bytes, accuracy, text)` of a curve's units."""
    for report in reports:
        text = report["split"]
        if len(reports) > 1:
            unit = report["flags"]["unit"]
            text += f" c{unit['channels']} "
            if "task_weight" in unit:
                text += f"λ{unit['task_weight']:g}"
            else:
                text += f"q{unit['quality']}"
        yield report["wire_bytes_mean"], report["accuracy"], text


def _save(figure, path):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return whole_file.write(path, file.getvalue())
