"""Accuracy over bytes: each split, and cloud-only."""

import math

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bottlenet_tf.plot_labels import place_labels
from bottlenet_tf.rate_curves import front
from bottlenet_tf.report import palette, text
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

# There is no room for more names beside points, least of all on a phone; the
# legend has all.
_MOST_LABELS = {False: 9, True: 6}
_MARKER = 8.5
# Inches of a legend: its letters, what else a column takes, and its lines.
_LETTER, _HANDLE, _LINE = 0.062, 0.55, 0.17
_MOST_COLUMNS = 5
# Of the plot alone.
_HEIGHT = 3.5
# Points below the worst candidate that are still drawn.
_DEPTH = 12.0
_CODECS = {
    "jpeg": ("JPEG", "-", "."),
    "webp": ("WebP", "--", "x"),
    "avif": ("AVIF", "-.", "+"),
    "jxl": ("JPEG XL", ":", "1"),
}
_HEADER = (
    "what", "split", "trial_or_codec", "quality", "side_px", "wire_bytes",
    "accuracy_percent", "images",
)  # fmt: skip


def picture(search):
    """Returns the `Picture` of a search with at least one measured run.

    Args:
        search: `search_file.Search`.
    """
    runs = search.runs
    first = next(iter(runs.values()))
    images = search.search_images or "all"
    floor = _floor(search)
    named = ""
    if len(runs) > min(_MOST_LABELS.values()):
        named = " (the legend names all, the plot the best)"
    points = ", ".join(
        f"{split} {run.accuracy:.2f} % at {run.wire_bytes:.0f} wire bytes"
        for split, run in runs.items()
    )
    return Picture(
        name="rate_accuracy",
        caption=(
            f"Large marks: the unit kept for each split{named}, on all "
            f"{first.num_images:,} test images. Small marks: what the search's "
            f"trials reached with fewer bytes than others, on {images} "
            "validation images. Grey: the image itself, compressed and sent to "
            "the untouched network. Bytes are wire bytes, without the message "
            "that carries them. Points below "
            f"{floor:.0f} % aren't drawn; the CSV file has them."
            + "".join(
                f" {_name(codec)} is left out: {reason}."
                for codec, reason in first.left_out.items()
            )
        ),
        alt=f"Accuracy over wire bytes of one image: {points}.",
        draw=lambda width: _draw(search, floor, width),
        header=_HEADER,
        rows=_rows(search, first),
        origins=(search.origin,),
    )


def _name(codec):
    return _CODECS.get(codec, (text.short(codec),))[0]


def _floor(search):
    worst = min(run.accuracy for run in search.runs.values())
    accepted = search.accuracy - search.max_loss
    return max(0.0, min(worst, accepted) - _DEPTH)


def _of_split(search, split):
    return [
        (point.wire_bytes, point.accuracy)
        for trial in search.trials
        if trial.split == split
        for point in trial.points
    ]


def _rows(search, first):
    rows = [
        ["candidate", split, "", "", "", run.wire_bytes, run.accuracy,
         run.num_images]
        for split, run in search.runs.items()
    ]  # fmt: skip
    rows += [
        ["trial", trial.split, trial.name, point.quality, "",
         point.wire_bytes, point.accuracy, search.search_images or ""]
        for trial in search.trials
        for point in trial.points
    ]  # fmt: skip
    return rows + [
        ["cloud-only", "", point.codec, point.quality, point.side,
         point.num_bytes, point.accuracy, first.num_images]
        for point in first.cloud
    ]  # fmt: skip


def _draw(search, floor, width):
    narrow = is_narrow(width)
    runs, looks = search.runs, palette.of_splits(search.splits)
    figure = new_figure(width, _HEIGHT)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    first = next(iter(runs.values()))
    seen = _draw_cloud(axes, first.cloud, floor, narrow)
    for split in search.splits:
        color, marker = looks[split]
        line = [p for p in front(_of_split(search, split)) if p[1] >= floor]
        if line and min(size for size, _ in line) > 0:
            axes.plot(
                *zip(*line), color=color, marker=marker, markersize=3.5,
                linewidth=1,
                label=None if split in runs else f"{text.short(split)} (none)",
            )  # fmt: skip
            seen += _along(line)
    for split, run in runs.items():
        color, marker = looks[split]
        axes.plot(
            run.wire_bytes, run.accuracy, marker, color=color,
            markersize=_MARKER, markeredgecolor="black", markeredgewidth=0.8,
            zorder=5, label=text.short(split),
        )  # fmt: skip
    known = first.baseline_accuracy
    if known is not None:
        axes.axhline(
            known, color=palette.INK, linewidth=1,
            label=f"unsplit: {known:.2f} %",
        )  # fmt: skip
        axes.axhline(
            known - search.max_loss, color=palette.INK, linewidth=1,
            linestyle=":", label=f"{search.max_loss:g} points less",
        )  # fmt: skip
    axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    _label_axes(axes, narrow)
    _add_legend(figure, width)
    points = {s: (run.wire_bytes, run.accuracy) for s, run in runs.items()}
    named = _named(points, _MOST_LABELS[narrow])
    labels = [(*points[split], text.short(split)) for split in named]
    place_labels(axes, labels, seen, 2, points.values(), _MARKER)
    return figure


def _named(points, most):
    """Returns the splits that have a name beside them: all, or the best.

    Args:
        points: `{split: (bytes, accuracy)}`.
        most: How many there is room for.
    """
    if len(points) <= most:
        return list(points)
    best = set(front(points.values()))
    found = [split for split in points if points[split] in best]
    # Of too many, evenly spread.
    step = max(1.0, len(found) / most)
    return [found[int(i * step)] for i in range(min(most, len(found)))]


def _draw_cloud(axes, cloud, floor, narrow):
    """Draws cloud-only; returns points along its lines."""
    along = []
    largest = max((point.side for point in cloud), default=0)
    for codec, side in sorted({(p.codec, p.side) for p in cloud}):
        curve = sorted(
            (p.num_bytes, p.accuracy)
            for p in cloud
            if (p.codec, p.side) == (codec, side) and p.accuracy >= floor
        )
        if not curve or curve[0][0] <= 0:
            continue
        name, line, marker = _CODECS.get(codec, (text.short(codec), "-.", "+"))
        small = f", {side} px" if side < largest else ""
        axes.plot(
            *zip(*curve), color="0.55" if small else "0.35", linestyle=line,
            marker=marker, markersize=4, linewidth=1.1,
            label=f"{'cloud: ' if narrow else 'cloud-only, '}{name}{small}",
        )  # fmt: skip
        along += _along(curve)
    return along


def _along(line):
    """Returns points along a line, for labels to keep off."""
    x, y = np.array(line).T
    at = np.linspace(math.log(x[0]), math.log(x[-1]), 100)
    return list(zip(np.exp(at), np.interp(at, np.log(x), y)))


def _label_axes(axes, narrow):
    axes.set_xlabel("wire bytes an image (logarithmic)")
    axes.set_ylabel("accuracy (%)")
    axes.grid(True)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if narrow else
                                            (1, 2, 5)))  # fmt: skip
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
