"""Draws accuracy over bytes: curves, marks, rings, cloud-only, a legend."""

import dataclasses
import math

from bottlenet_tf.common import curve_cells
from bottlenet_tf.common.diagrams import (
    along,
    new_figure,
    place_labels,
    scale_bytes,
)
from bottlenet_tf.common.rate_curves import front
from bottlenet_tf.report import text
from bottlenet_tf.report.picture import INK, is_narrow

# Most names next to points, on a page and on a phone; the legend has all.
MOST_LABELS = {False: 9, True: 6}
# Sizes of a deployed unit's mark, and of the ring around a chosen one.
_MARKER, _RING = 8.5, 15.3
# Inches of the plot alone; in a legend, of a letter, of a column besides its
# letters, and of a line.
_HEIGHT = 3.5
_LETTER, _HANDLE, _LINE = 0.062, 0.55, 0.17
_MOST_COLUMNS = 5
_CODECS = {"jpeg": "-.", "webp": "--x", "avif": "-.+", "jxl": ":1"}


@dataclasses.dataclass(frozen=True)
class Series:
    """A line, large marks of units that would be deployed, and their names.

    `line` and `marked` are `(bytes, accuracy)` points, `look` are Matplotlib's
    keywords for the line. `label` is for the legend, `name` for each mark.
    """

    line: tuple
    look: dict
    marked: tuple = ()
    label: str | None = None
    name: str = ""


def look(color, marker, **more):
    """Returns Matplotlib's keywords for a line."""
    usual = {"linewidth": 1.8, "markersize": 4}
    return usual | {"color": color, "marker": marker} | more


def codec_label(codec):
    """Returns an image codec's name for display."""
    return text.short(curve_cells.codec_label(codec))


def draw(width, series, rings, run, floor, loss=None):
    """Returns the Matplotlib figure.

    Args:
        rings: `(Choice, networks, (bytes, accuracy))` of each choice.
        run: `Run` whose cloud-only and unsplit network are drawn.
        floor: Accuracy in percent below which nothing is drawn.
        loss: Points of accuracy that a unit may lose; None draws no line.
    """
    narrow = is_narrow(width)
    figure = new_figure(width, _HEIGHT)
    axes = figure.add_subplot()
    scale_bytes(axes, (1, 3) if narrow else (1, 2, 5))
    seen, names, marks = [], [], []
    for one in (*_cloud(run.cloud, narrow), *series):
        line = sorted(p for p in one.line if p[1] >= floor)
        label = None if one.marked else one.label
        if line:
            axes.plot(*zip(*line), label=label, zorder=2.5, **one.look)
            seen += along(line)
        if one.marked:
            axes.plot(
                *zip(*one.marked), color=one.look["color"], linestyle="",
                marker=one.look["marker"], markersize=_MARKER,
                markeredgecolor="black", markeredgewidth=0.8, zorder=5,
                label=one.label,
            )  # fmt: skip
            names += [(*mark, one.name) for mark in one.marked]
            marks += one.marked
    _unsplit(axes, run.baseline_accuracy, loss)
    names = _best(names, MOST_LABELS[narrow]) if loss is not None else names
    shown = [ring for ring in rings if ring[2][1] >= floor]
    if shown:
        axes.plot(
            *zip(*(point for *_, point in shown)), "o", markersize=_RING,
            markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4,
            zorder=6, label="chosen",
        )  # fmt: skip
        names += [(*p, text.short(", ".join(links))) for _, links, p in shown]
    axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    axes.set(xlabel="wire bytes per image (logarithmic)", ylabel="accuracy (%)")
    axes.grid(True)
    _add_legend(figure, width)
    place_labels(axes, names, seen, 2, marks, _MARKER)
    return figure


def _cloud(points, narrow):
    """Yields the `Series` of cloud-only, one for each codec and side."""
    found = {}
    for point in points:
        found.setdefault((point.codec, point.side), []).append(
            (point.num_bytes, point.accuracy)
        )
    largest = max((side for _, side in found), default=0)
    start = "cloud: " if narrow else "cloud-only, "
    for (codec, side), line in sorted(found.items()):
        style = _CODECS.get(codec, "-.+")
        small = f", {side} px" if side < largest else ""
        grey = look(
            "0.55" if small else "0.35", style[-1], linestyle=style[:-1],
            linewidth=1.1,
        )  # fmt: skip
        label = f"{start}{codec_label(codec)}{small}"
        yield Series(line, grey, label=label)


def _unsplit(axes, accuracy, loss):
    """Draws lines at the unsplit network's accuracy and a loss below it."""
    if accuracy is None:
        return
    axes.axhline(
        accuracy, color=INK, linewidth=1, label=f"unsplit: {accuracy:.2f} %"
    )
    if loss is not None:
        axes.axhline(
            accuracy - loss, color=INK, linewidth=1, linestyle=":",
            label=f"{loss:g} points less",
        )  # fmt: skip


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
    column = _LETTER * max(map(len, labels)) + _HANDLE
    columns = max(1, min(_MOST_COLUMNS, int(width / column)))
    lines = math.ceil(len(labels) / columns)
    figure.set_figheight(_HEIGHT + _LINE * lines + 0.1)
    figure.legend(
        loc="outside lower left", fontsize=8, ncols=columns, columnspacing=1.2
    )
