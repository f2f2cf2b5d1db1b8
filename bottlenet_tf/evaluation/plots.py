"""Diagrams: accuracy over bytes, and aware against naive training."""

import pathlib

import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bottlenet_tf.common import rate_curves
from bottlenet_tf.common.plot_labels import place_labels
from bottlenet_tf.evaluation.curves import unit_of
from bottlenet_tf.evaluation.table import split_order

# Okabe and Ito's palette, told apart by the colour-blind; markers differ too.
_BLUE, _VERMILION, _GREEN = "#0072B2", "#D55E00", "#009E73"
_ORANGE, _PURPLE, _BLACK = "#E69F00", "#CC79A7", "#000000"
_SKY, _GREY = "#56B4E9", "0.6"
# Not theirs, but darker than all of them.
_BROWN, _INDIGO = "#7A4B2A", "#332288"
_CODECS = {
    "jpeg": ("JPEG", _ORANGE, "s"),
    "webp": ("WebP", _PURPLE, "^"),
    "avif": ("AVIF", _SKY, "P"),
    "jxl": ("JPEG XL", _GREY, "<"),
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

    Operating points of a unit are joined, and its default point is marked. So
    are units of one point at the same split point, all of them marked.

    Args:
        reports: Dictionaries from `build_report` or `load_report`, all of
            one data set and backbone.
        path: PNG file to write.

    Returns:
        The `pathlib.Path` written.

    Raises:
        ValueError: if there are no reports, or they can't be compared.
    """
    reports = sorted(reports, key=split_order)
    shared = ("dataset", "dataset_fingerprint", "measured_on", "num_images",
              "backbone", "baseline_accuracy")  # fmt: skip
    measured = {tuple(report[key] for key in shared) for report in reports}
    if len(measured) != 1:
        raise ValueError(
            "A diagram compares reports of the same images and the same "
            f"untouched network. Received: {len(reports)} reports of "
            f"{sorted(measured, key=str)}"
        )
    figure, axes = _figure("bytes an image (logarithmic)", "accuracy (%)")
    axes.set_xscale("log")
    obstacles = _cloud_curves(axes, reports[0])
    for report in reports:
        _tuned_points(axes, report)
    labels, lines = _split_points(axes, reports)
    obstacles += lines
    known = reports[0]["baseline_accuracy"]
    if known is not None:
        _draw_network(axes, known)
        size = reports[0]["label_only"]["bytes"]
        axes.plot(size, known, "*", color=_BLACK, markersize=11, zorder=4)
        labels.append((size, known, "label only"))
    ((dataset, _, part, num_images, backbone, _),) = measured
    images = "images" if part == "all" else f"{part} images"
    axes.set_title(f"{backbone} on {dataset}, {num_images:,} {images}")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.08)
    axes.legend(loc="best", fontsize=9)
    if known is not None:
        left, right = np.log10(axes.get_xlim())
        line = np.logspace(left, right, 200)
        obstacles += [(x, known) for x in line]
    place_labels(axes, labels, obstacles)
    return _save(figure, path)


@style.context("default")
def plot_aware_against_naive(points, path, network_accuracy=None):
    """Draws accuracy over JPEG quality for two ways of training.

    Args:
        points: Dictionaries with "mode", "quality" and "accuracy" (percent).
        path: PNG file to write.
        network_accuracy: Of the untouched network in percent, or None.

    Returns:
        The `pathlib.Path` written.

    Raises:
        ValueError: if there are no points, or a mode is unknown.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, figure 7.
    """
    points = list(points)
    unknown = sorted({p["mode"] for p in points} - set(_MODES))
    if not points or unknown:
        raise ValueError(
            f"Points must be of the modes {', '.join(_MODES)}, and there must "
            f"be some. Received: {len(points)} points, unknown={unknown}"
        )
    figure, axes = _figure("JPEG quality of the plane", "accuracy (%)")
    for mode, (name, color, marker) in _MODES.items():
        line = sorted(
            (p["quality"], p["accuracy"]) for p in points if p["mode"] == mode
        )
        if line:
            axes.plot(*zip(*line), color=color, marker=marker, label=name)
    if network_accuracy is not None:
        _draw_network(axes, network_accuracy)
    axes.margins(y=0.08)
    axes.legend(loc="best", fontsize=9)
    return _save(figure, path)


@style.context("default")
def plot_samples(samples, path, network_accuracy=None):
    """Draws accuracy over wire bytes of sampled units, the kept ones joined.

    Args:
        samples: Dictionaries with "wire_bytes_mean", "accuracy" (percent) and
            "kept", whether none of the others beats it.
        path: PNG file to write.
        network_accuracy: Of the untouched network in percent, or None.

    Returns:
        The `pathlib.Path` written.
    """
    figure, axes = _figure("bytes an image (logarithmic)", "accuracy (%)")
    axes.set_xscale("log")
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
    if network_accuracy is not None:
        _draw_network(axes, network_accuracy)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.margins(y=0.08)
    if samples:
        axes.legend(loc="best", fontsize=9)
    return _save(figure, path)


def _figure(xlabel, ylabel):
    figure = Figure(figsize=(8, 5), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(True, color="0.9", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw_network(axes, accuracy):
    axes.axhline(
        accuracy,
        color=_BLACK,
        linestyle="--",
        linewidth=1,
        label=f"network, unsplit: {accuracy:.2f} %",
    )


def _tuned_points(axes, report):
    """Draws what networks reach that are tuned for a codec; each label once."""
    drawn = {handle.get_label() for handle in axes.get_lines()}
    tuned = (report.get("tuned_rivals") or {}).get("points", ())
    for codec in sorted({point["codec"] for point in tuned}):
        name, color, _ = _CODECS.get(codec, (codec, "0.4", "v"))
        label = f"cloud-only, network tuned for {name}"
        mine = [point for point in tuned if point["codec"] == codec]
        axes.plot(
            [point["bytes"] for point in mine],
            [point["accuracy"] for point in mine],
            linestyle="", marker="+", color=color, markersize=7,
            label=label if label not in drawn else None,
        )  # fmt: skip


def _cloud_curves(axes, report):
    """Draws a line for each codec; returns points along the lines."""
    along, points = [], report["cloud_only"]
    tuned = "network tuned for " if report["mode"] == "cloud" else ""
    largest = max((point["side"] for point in points), default=0)
    for codec, side in sorted({(p["codec"], p["side"]) for p in points}):
        name, color, marker = _CODECS.get(codec, (codec, "0.4", "v"))
        curve = sorted(
            (p["bytes"], p["accuracy"])
            for p in points
            if (p["codec"], p["side"]) == (codec, side)
        )
        x, y = np.array(curve).T
        is_small = side < largest
        axes.plot(
            x, y, color=color, marker=marker, markersize=4,
            linestyle=":" if is_small else "-",
            label=f"cloud-only, {tuned}{name}" + is_small * f", {side} px",
        )  # fmt: skip
        along += _along(curve)
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
            along += _along(curve.points)
        labels += _labels(curve, [split[i] for i in curve.members])
    return labels, along


def _labels(curve, reports):
    """Returns `(bytes, accuracy, text)` of a curve's units."""
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


def _along(line):
    """Returns points along a line, for labels to keep off."""
    x, y = np.array(line).T
    at = np.linspace(np.log(x[0]), np.log(x[-1]), 400)
    return list(zip(np.exp(at), np.interp(at, np.log(x), y)))


def _save(figure, path):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, format="png")
    return temporary.replace(path)
