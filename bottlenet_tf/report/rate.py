"""Accuracy over bytes: curves of splits and units, rings, and cloud-only."""

import dataclasses
import math

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bottlenet_tf import curve_cells
from bottlenet_tf.plot_labels import place_labels
from bottlenet_tf.rate_curves import front, unit_curves
from bottlenet_tf.report import decisions, text
from bottlenet_tf.report.picture import (
    INK,
    Picture,
    is_narrow,
    looks_of,
    new_figure,
)

# Points below the worst that is accepted that are still drawn.
_DEPTH = 12.0
# There is no room for more names beside points, least of all on a phone; the
# legend has all.
_MOST_LABELS = {False: 9, True: 6}
# Of a unit that would be deployed, and of the ring of what was chosen.
_MARKER, _RING = 8.5, 15.3
# Inches of the plot alone; of a legend: its letters, what else a column takes,
# and its lines.
_HEIGHT = 3.5
_LETTER, _HANDLE, _LINE = 0.062, 0.55, 0.17
_MOST_COLUMNS = 5
_CODECS = {"jpeg": "-.", "webp": "--x", "avif": "-.+", "jxl": ":1"}


@dataclasses.dataclass(frozen=True)
class _Series:
    """A line, marks of what would be deployed, and their names.

    Attributes:
        line: `(bytes, accuracy)` of each point; none if fewer than wanted.
        look: Matplotlib's, of line and marks.
        marked: `(bytes, accuracy)` of each large mark.
        label: In the legend, or None.
        name: Beside each large mark.
    """

    line: list
    look: dict
    marked: tuple = ()
    label: str | None = None
    name: str = ""


def of_search(sources):
    """Returns the `Picture` of a search with at least one measured run.

    Args:
        sources: `sources.Sources` of a search; units that are compared with
            and the choices of a selection are drawn, too.
    """
    search, runs = sources.search, sources.runs
    against = sources.against
    worst = min(run.accuracy for run in runs.values())
    floor = _floor(min(worst, search.accuracy - search.max_loss))
    told = ""
    if any(len(run.unit.points) > 1 for run in runs.values()):
        told += " Thick lines: all operating points of a unit."
    if against:
        told += " Black: the units that are compared with."
    named = ""
    if len(runs) > min(_MOST_LABELS.values()):
        named = " (the legend names all, the plot the best)"
    first, rings = next(iter(runs.values())), _rings(sources)
    images = search.search_images
    looks = {s: _look(*look) for s, look in looks_of(search.splits).items()}
    trials = {
        split: [
            (point.wire_bytes, point.accuracy)
            for trial in search.trials
            if trial.split == split
            for point in trial.points
        ]
        for split in search.splits
    }
    series = [
        _Series(
            [p for p in front(points) if p[0] > 0],
            looks[split] | {"linewidth": 1, "markersize": 3.5},
            label=None if split in runs else f"{text.short(split)} (none)",
        )
        for split, points in trials.items()
    ] + [
        _Series(
            run.unit.points if len(run.unit.points) > 1 else [],
            looks[split], (run.at(None),), text.short(split), text.short(split),
        )
        for split, run in runs.items()
    ] + [
        _Series(curve.points, _look(INK, "*"), label=text.short(
            curve_cells.unit_label(curve)))
        for curve in unit_curves(run.unit for run in against)
    ]  # fmt: skip
    many = [("operating point", r) for r in runs.values() if r.points[1:]]
    many += [("against", run) for run in against]
    rows = [
        *(["candidate", split, *[""] * 4, *run.at(None), run.num_images]
          for split, run in runs.items()),
        *([what, choice.split, choice.point, *[""] * 3, *point,
           first.num_images] for what, choice, point in _chosen_rows(rings)),
        *([what, run.split, i, *[""] * 3, *point, run.num_images]
          for what, run in many for i, point in enumerate(run.unit.points)),
        *(["trial", trial.split, "", trial.name, point.quality, "",
           point.wire_bytes, point.accuracy, images or ""]
          for trial in search.trials for point in trial.points),
        *(["cloud-only", "", "", p.codec, p.quality, p.side, p.num_bytes,
           p.accuracy, first.num_images] for p in first.cloud),
    ]  # fmt: skip
    return Picture(
        name="rate_accuracy",
        caption=(
            f"Large marks: the unit kept for each split{named}, on all "
            f"{first.num_images:,} test images. Small marks: what the search's "
            "trials reached with fewer bytes than others, on "
            f"{images or 'all'} validation images.{told}{_rings_told(rings)} "
            "Grey: the image itself, compressed and sent to the untouched "
            "network. Bytes are "
            + _CAPTION_END.format(floor=floor, left_out=_left_out(first))
        ),
        alt=_alt(runs),
        draw=lambda width: _draw(
            width, series, rings, first, floor, search.max_loss
        ),
        header=(
            "what", "split", "point", "trial_or_codec", "quality", "side_px",
            "wire_bytes", "accuracy_percent", "images",
        ),
        rows=rows,
        origins=(search.origin, *(run.origin for run in against)),
    )  # fmt: skip


def of_runs(runs, name="rate_accuracy", sources=None):
    """Returns the `Picture` of some runs of one network, at least one.

    Args:
        runs: `runs.Run`s.
        name: Of the picture's files.
        sources: `sources.Sources` whose selection's choices are marked; None
            marks nothing.
    """
    first, rings = runs[0], _rings(sources) if sources else []
    floor = _floor(min(run.accuracy for run in runs))
    curves = unit_curves(run.unit for run in runs)
    series = [
        _Series(
            curve.points, _look(*look), curve.marked,
            text.plain(curve_cells.unit_label(curve)), text.short(curve.split),
        )
        for curve, look in zip(curves, looks_of(range(len(curves))).values())
    ]  # fmt: skip
    rows = [
        *(["operating point", run.name, run.split, i, "", "", *point,
           run.num_images]
          for run in runs for i, point in enumerate(run.unit.points)),
        *([what, choice.split, "", choice.point, "", "", *point,
           first.num_images] for what, choice, point in _chosen_rows(rings)),
        *(["cloud-only", p.codec, "", "", p.quality, p.side, p.num_bytes,
           p.accuracy, first.num_images] for p in first.cloud),
    ]  # fmt: skip
    return Picture(
        name=name,
        caption=(
            "Lines: all operating points of a unit, or units of one point at "
            "the same split. Large marks: what a unit sends unless it is told "
            f"otherwise.{_rings_told(rings)} Grey: the image itself, "
            "compressed and sent to the untouched network. All on "
            f"{first.images}. Bytes are "
            + _CAPTION_END.format(floor=floor, left_out=_left_out(first))
        ),
        alt=_alt({run.name: run for run in runs}),
        draw=lambda width: _draw(width, series, rings, first, floor),
        header=(
            "what", "run", "split", "point", "quality", "side_px",
            "wire_bytes", "accuracy_percent", "images",
        ),
        rows=rows,
        origins=tuple(run.origin for run in runs),
    )  # fmt: skip


_CAPTION_END = (
    "wire bytes, without the message that carries them. Points below "
    "{floor:.0f} % aren't drawn; the CSV file has them.{left_out}"
)


def _alt(runs):
    points = ", ".join(
        f"{name} {run.accuracy:.2f} % at {run.wire_bytes:.0f} wire bytes"
        for name, run in runs.items()
    )
    return f"Accuracy over wire bytes of one image: {points}."


def _floor(accuracy):
    return max(0.0, accuracy - _DEPTH)


def _look(color, marker):
    return {"color": color, "marker": marker, "linewidth": 1.8, "markersize": 4}


def _left_out(run):
    return "".join(
        f" {_codec_label(codec)} is left out: {reason}."
        for codec, reason in run.left_out.items()
    )


def _codec_label(codec):
    return text.short(curve_cells.codec_label(codec))


def _rings(sources):
    """Returns `(Choice, networks, (bytes, accuracy))` of what was chosen."""
    return [
        (choice, links, sources.runs[choice.split].at(choice.point))
        for choice, links in decisions.chosen_for(sources.selection).values()
    ]


def _rings_told(rings):
    each = (f"{c.name} for {text.listed(links)}" for c, links, _ in rings)
    return f" Rings: what was chosen, {'; '.join(each)}." if rings else ""


def _chosen_rows(rings):
    return [(f"chosen for {' '.join(n)}", c, point) for c, n, point in rings]


def _draw(width, series, rings, first, floor, loss=None):
    """Returns the figure; nothing below `floor` percent is drawn."""
    narrow = is_narrow(width)
    figure = new_figure(width, _HEIGHT)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    seen, names, marks = [], [], []
    for one in (*_cloud(first.cloud, narrow), *series):
        line = sorted(p for p in one.line if p[1] >= floor)
        label = None if one.marked else one.label
        if line:
            axes.plot(*zip(*line), label=label, zorder=2.5, **one.look)
            seen += _along(line)
        if one.marked:
            axes.plot(
                *zip(*one.marked), color=one.look["color"], linestyle="",
                marker=one.look["marker"], markersize=_MARKER,
                markeredgecolor="black", markeredgewidth=0.8, zorder=5,
                label=one.label,
            )  # fmt: skip
            names += [(*mark, one.name) for mark in one.marked]
            marks += one.marked
    _unsplit(axes, first.baseline_accuracy, loss)
    names = _best(names, _MOST_LABELS[narrow]) if loss is not None else names
    shown = [ring for ring in rings if ring[2][1] >= floor]
    if shown:
        axes.plot(
            *zip(*(point for _, _, point in shown)), "o", markersize=_RING,
            markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4,
            zorder=6, label="chosen",
        )  # fmt: skip
        names += [(*p, text.short(", ".join(links))) for _, links, p in shown]
    axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    _name_axes(axes, narrow)
    _add_legend(figure, width)
    place_labels(axes, names, seen, 2, marks, _MARKER)
    return figure


def _cloud(points, narrow):
    """Returns the `_Series` of cloud-only, one for each codec and side."""
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
        look = _look("0.55" if small else "0.35", style[-1])
        look |= {"linestyle": style[:-1], "linewidth": 1.1}
        label = f"{start}{_codec_label(codec)}{small}"
        yield _Series(line, look, label=label)


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


def _along(line):
    """Returns points along a line, for labels to keep off."""
    x, y = np.array(line).T
    at = np.linspace(math.log(x[0]), math.log(x[-1]), 100)
    return list(zip(np.exp(at), np.interp(at, np.log(x), y)))


def _best(names, most):
    """Returns the names that there is room for: all, or those on the front."""
    if len(names) <= most:
        return names
    best = set(front((x, y) for x, y, _ in names))
    found = [name for name in names if name[:2] in best]
    step = max(1.0, len(found) / most)  # Of too many, evenly spread.
    return [found[int(i * step)] for i in range(min(most, len(found)))]


def _name_axes(axes, narrow):
    axes.set(xlabel="wire bytes an image (logarithmic)", ylabel="accuracy (%)")
    axes.grid(True)
    ticks = (1, 3) if narrow else (1, 2, 5)
    axes.xaxis.set_major_locator(LogLocator(subs=ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _add_legend(figure, width):
    """Adds it below the plot, and makes the figure that much higher."""
    labels = figure.axes[0].get_legend_handles_labels()[1]
    column = _LETTER * max(map(len, labels)) + _HANDLE
    columns = max(1, min(_MOST_COLUMNS, int(width / column)))
    lines = math.ceil(len(labels) / columns)
    figure.set_figheight(_HEIGHT + _LINE * lines + 0.1)
    figure.legend(
        loc="outside lower left", fontsize=8, ncols=columns, columnspacing=1.2
    )
