"""Draws accuracy over bytes or quality: curves, marks, rings, a legend."""

import dataclasses
import math

from bottlenet_tf.common.curve_cells import codec_label
from bottlenet_tf.common.diagrams import (
    INK,
    PALE,
    along,
    is_narrow,
    new_figure,
    place_labels,
    scale_bytes,
)
from bottlenet_tf.common.rate_curves import front

# Most names next to points, on a page and on a phone; the legend has all.
MOST_LABELS = {False: 9, True: 6}
# Sizes of a deployed unit's mark, and of the ring around a chosen one.
_MARKER, _RING = 8.5, 15.3
# Inches of the plot alone; in a legend, of a letter, of a column besides its
# letters, and of a line.
_HEIGHT = 3.5
_LETTER, _HANDLE, _LINE = 0.062, 0.55, 0.17
_MOST_COLUMNS = 5
# Of an image codec: line, marker.
_CODECS = {
    "jpeg": ("-", "."),
    "webp": ("--", "x"),
    "avif": ("-.", "+"),
    "jxl": (":", "1"),
}
_OTHER_CODEC = ("-.", "+")
# Of figure 7's two ways of training: name, colour, marker, line.
WAYS = {
    "aware": ("trained with the codec", "#000000", "o", "-"),
    "naive": ("codec switched on afterwards", "#CC79A7", "X", "--"),
}


@dataclasses.dataclass(frozen=True)
class Series:
    """A line, and large marks of units that would be deployed.

    `line` is of `(bytes, accuracy)` points, `marks` of `(bytes, accuracy, name
    beside it)`. `look` are Matplotlib's keywords for the line, `label` is for
    the legend.
    """

    line: tuple
    look: dict
    marks: tuple = ()
    label: str | None = None


def look(color, marker, **more):
    """Returns Matplotlib's keywords for a line."""
    usual = {"linewidth": 1.8, "markersize": 4}
    return usual | {"color": color, "marker": marker} | more


def codec_look(codec, **more):
    """Returns Matplotlib's keywords for a line of an image codec."""
    line, marker = _CODECS.get(codec, _OTHER_CODEC)
    return look("0.35", marker, linestyle=line, linewidth=1.1) | more


def cloud_series(points, start="cloud-only, "):
    """Yields the `Series` of cloud-only, one for each codec and side.

    `points` are `(codec, side, bytes, accuracy)`, a label begins by `start`.
    """
    found = {}
    for codec, side, *point in points:
        found.setdefault((codec, side), []).append(tuple(point))
    largest = max((side for _, side in found), default=0)
    for (codec, side), line in sorted(found.items()):
        label = start + codec_label(codec)
        more = {}
        if side < largest:
            label, more = f"{label}, {side} px", {"color": "0.55"}
        yield Series(line, codec_look(codec, **more), label=label)


def draw_rates(
    width, series, unsplit, floor=0.0, *, rings=(), loss=None, title=""
):
    """Returns the Matplotlib figure of accuracy over bytes.

    Args:
        unsplit: Accuracy of the unsplit network, or None.
        floor: Accuracy below which nothing is drawn.
        rings: `(bytes, accuracy, name)` of each choice.
        loss: Points of accuracy that a unit may lose; if given, there is a line
            for it, and of the names only those that fit.
    """
    narrow = is_narrow(width)
    figure = new_figure(width, _HEIGHT)
    axes = figure.add_subplot(title=title)
    scale_bytes(axes, (1, 3) if narrow else (1, 2, 5))
    seen, names = [], []
    for one in series:
        if one.marks:
            axes.plot(
                *zip(*(point for *point, _ in one.marks)), linestyle="",
                color=one.look["color"], marker=one.look["marker"],
                markersize=_MARKER, markeredgecolor="black",
                markeredgewidth=0.8, zorder=5, label=one.label,
            )  # fmt: skip
            names += one.marks
        line = sorted(p for p in one.line if p[1] >= floor)
        if line:
            label = None if one.marks else one.label
            axes.plot(*zip(*line), label=label, zorder=2.5, **one.look)
            seen += along(line)
    _draw_unsplit(axes, unsplit)
    if unsplit is not None and loss is not None:
        axes.axhline(
            unsplit - loss, color=INK, linewidth=1, linestyle=":",
            label=f"{loss:g} points less",
        )  # fmt: skip
    marks = [point for *point, _ in names]
    if loss is not None:
        names = _best(names, MOST_LABELS[narrow])
    shown = [ring for ring in rings if ring[1] >= floor]
    if shown:
        axes.plot(
            *zip(*(point for *point, _ in shown)), "o", markersize=_RING,
            markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4,
            zorder=6, label="chosen",
        )  # fmt: skip
    if floor:
        axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    axes.set(xlabel="wire bytes per image (logarithmic)", ylabel="accuracy (%)")
    axes.grid(True)
    _add_legend(figure, width)
    place_labels(axes, [*names, *shown], seen, 2, marks, _MARKER)
    return figure


def draw_qualities(width, points, unsplit):
    """Returns the Matplotlib figure of accuracy over JPEG quality.

    `points` are `{one of WAYS: [(quality, accuracy, ...), ...]}`, in order.
    """
    figure = new_figure(width, 3.8 if is_narrow(width) else 3.9)
    axes = figure.add_subplot()
    for way, (label, color, marker, line) in WAYS.items():
        if not points[way]:
            continue
        quality, accuracy, *_ = zip(*points[way])
        axes.plot(quality, accuracy, color=color, marker=marker,
                  linestyle=line, label=label)  # fmt: skip
    _draw_unsplit(axes, unsplit, "network, unsplit", color=PALE, linestyle=":")
    axes.set(xlabel="JPEG quality of the plane", ylabel="accuracy (%)")
    axes.grid(True)
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _draw_unsplit(axes, accuracy, name="unsplit", **look):
    """Draws a line at the unsplit network's accuracy, unless that is None."""
    if accuracy is not None:
        label = f"{name}: {accuracy:.2f} %"
        axes.axhline(
            accuracy, label=label, **{"color": INK, "linewidth": 1, **look}
        )


def _best(names, most):
    """Returns the names that fit: all, or those on the front."""
    if len(names) <= most:
        return names
    best = set(front((x, y) for x, y, _ in names))
    found = [name for name in names if name[:2] in best]
    step = max(1.0, len(found) / most)  # If there are too many, evenly spread.
    return [found[int(i * step)] for i in range(min(most, len(found)))]


def _add_legend(figure, width):
    """Adds the legend below the plot, and enlarges the figure by its height."""
    labels = figure.axes[0].get_legend_handles_labels()[1]
    if not labels:
        return
    column = _LETTER * max(map(len, labels)) + _HANDLE
    columns = max(1, min(_MOST_COLUMNS, int(width / column)))
    lines = math.ceil(len(labels) / columns)
    figure.set_figheight(_HEIGHT + _LINE * lines + 0.1)
    figure.legend(
        loc="outside lower left", fontsize=8, ncols=columns, columnspacing=1.2
    )
