"""What pictures of accuracy over bytes share: axes, cloud-only, legend."""

import math

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bottlenet_tf.report import palette, text

# Of a unit that would be deployed.
MARKER = 8.5
# Of the plot alone, in inches.
HEIGHT = 3.5
# Inches of a legend: its letters, what else a column takes, and its lines.
_LETTER, _HANDLE, _LINE = 0.062, 0.55, 0.17
_MOST_COLUMNS = 5
_CODECS = {
    "jpeg": ("JPEG", "-", "."),
    "webp": ("WebP", "--", "x"),
    "avif": ("AVIF", "-.", "+"),
    "jxl": ("JPEG XL", ":", "1"),
}


def codec_name(codec):
    """Returns an image codec's name for people."""
    return _CODECS.get(codec, (text.short(codec),))[0]


def left_out(run):
    """Returns sentences on image codecs that cloud-only lacks."""
    return "".join(
        f" {codec_name(codec)} is left out: {reason}."
        for codec, reason in run.left_out.items()
    )


def draw_cloud(axes, cloud, floor, narrow):
    """Draws cloud-only; returns points along its lines.

    Args:
        axes: Matplotlib axes.
        cloud: `run_file.CloudPoint`s.
        floor: Accuracy in percent below which nothing is drawn.
        narrow: Whether the legend has little room.
    """
    seen = []
    largest = max((point.side for point in cloud), default=0)
    for codec, side in sorted({(p.codec, p.side) for p in cloud}):
        curve = sorted(
            (p.num_bytes, p.accuracy)
            for p in cloud
            if (p.codec, p.side) == (codec, side) and p.accuracy >= floor
        )
        if not curve:
            continue
        name, line, marker = _CODECS.get(codec, (text.short(codec), "-.", "+"))
        small = f", {side} px" if side < largest else ""
        axes.plot(
            *zip(*curve), color="0.55" if small else "0.35", linestyle=line,
            marker=marker, markersize=4, linewidth=1.1,
            label=f"{'cloud: ' if narrow else 'cloud-only, '}{name}{small}",
        )  # fmt: skip
        seen += along(curve)
    return seen


def draw_curve(axes, points, floor, color, marker, label=None):
    """Draws a unit's curve; returns points along it.

    Args:
        axes: Matplotlib axes.
        points: `(bytes, accuracy)` pairs, in any order.
        floor: Accuracy in percent below which nothing is drawn.
        color, marker: Of Matplotlib.
        label: In the legend, or None.
    """
    shown = sorted(point for point in points if point[1] >= floor)
    if not shown:
        return []
    axes.plot(
        *zip(*shown), color=color, marker=marker, markersize=4,
        linewidth=1.8, zorder=4, label=label,
    )  # fmt: skip
    return along(shown)


def draw_unsplit(axes, accuracy, loss=None):
    """Draws lines at the unsplit network's accuracy and a loss below it."""
    if accuracy is None:
        return
    axes.axhline(
        accuracy, color=palette.INK, linewidth=1,
        label=f"unsplit: {accuracy:.2f} %",
    )  # fmt: skip
    if loss is not None:
        axes.axhline(
            accuracy - loss, color=palette.INK, linewidth=1,
            linestyle=":", label=f"{loss:g} points less",
        )  # fmt: skip


def along(line):
    """Returns points along a line, for labels to keep off."""
    x, y = np.array(line).T
    at = np.linspace(math.log(x[0]), math.log(x[-1]), 100)
    return list(zip(np.exp(at), np.interp(at, np.log(x), y)))


def label_axes(axes, narrow):
    """Names axes and numbers bytes."""
    axes.set_xlabel("wire bytes an image (logarithmic)")
    axes.set_ylabel("accuracy (%)")
    axes.grid(True)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if narrow else
                                            (1, 2, 5)))  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def add_legend(figure, width):
    """Adds it below the plot, and makes the figure that much higher."""
    labels = figure.axes[0].get_legend_handles_labels()[1]
    column = _LETTER * max(map(len, labels)) + _HANDLE
    columns = max(1, min(_MOST_COLUMNS, int(width / column)))
    lines = math.ceil(len(labels) / columns)
    figure.set_figheight(HEIGHT + _LINE * lines + 0.1)
    figure.legend(
        loc="outside lower left", fontsize=8, ncols=columns, columnspacing=1.2
    )
