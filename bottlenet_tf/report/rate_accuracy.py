"""Accuracy over bytes: each split's curve, what was chosen, and cloud-only."""

from bottlenet_tf import curve_cells
from bottlenet_tf.plot_labels import place_labels
from bottlenet_tf.rate_curves import front, unit_curves
from bottlenet_tf.report import chosen, palette, text
from bottlenet_tf.report.accuracy_axes import (
    HEIGHT,
    MARKER,
    add_legend,
    along,
    draw_cloud,
    draw_curve,
    draw_unsplit,
    label_axes,
    left_out,
)
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

# There is no room for more names beside points, least of all on a phone; the
# legend has all.
_MOST_LABELS = {False: 9, True: 6}
# Points below the worst candidate that are still drawn.
_DEPTH = 12.0
_HEADER = (
    "what", "split", "point", "trial_or_codec", "quality", "side_px",
    "wire_bytes", "accuracy_percent", "images",
)  # fmt: skip


def picture(search, against=(), selection=None):
    """Returns the `Picture` of a search with at least one measured run.

    Args:
        search: `search_file.Search`.
        against: `run_file.Run`s of other units that are drawn beside it.
        selection: `selection_file.Selection` whose choices are marked.
    """
    runs = search.runs
    marks = chosen.marks(selection, runs)
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
            f"validation images.{_told_of(runs, against)}"
            f"{chosen.told(marks)} Grey: the image "
            "itself, compressed and sent to the untouched network. Bytes are "
            "wire bytes, without the message that carries them. Points below "
            f"{floor:.0f} % aren't drawn; the CSV file has them."
            + left_out(first)
        ),
        alt=f"Accuracy over wire bytes of one image: {points}.",
        draw=lambda width: _draw(search, against, marks, floor, width),
        header=_HEADER,
        rows=_rows(search, against, marks, first),
        origins=(search.origin, *(run.origin for run in against)),
    )


def _told_of(runs, against):
    told = ""
    if any(len(run.unit.points) > 1 for run in runs.values()):
        told += " Thick lines: all operating points of a unit."
    if against:
        told += " Black: the units that are compared with."
    return told


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


def _rows(search, against, marks, first):
    blank = [""] * 3
    rows = [
        ["candidate", split, "", *blank, *run.at(None), run.num_images]
        for split, run in search.runs.items()
    ]
    rows += [
        [what, split, point, *blank, *figures]
        for what, split, point, *figures in chosen.rows(marks, first.num_images)
    ]
    of_points = {"operating point": search.runs.values(), "against": against}
    rows += [
        [what, run.split, index, *blank, *point, run.num_images]
        for what, some in of_points.items()
        for run in some
        for index, point in enumerate(run.unit.points)
        if what == "against" or len(run.unit.points) > 1
    ]
    rows += [
        ["trial", trial.split, "", trial.name, point.quality, "",
         point.wire_bytes, point.accuracy, search.search_images or ""]
        for trial in search.trials
        for point in trial.points
    ]  # fmt: skip
    return rows + [
        ["cloud-only", "", "", point.codec, point.quality, point.side,
         point.num_bytes, point.accuracy, first.num_images]
        for point in first.cloud
    ]  # fmt: skip


def _draw(search, against, marks, floor, width):
    narrow = is_narrow(width)
    runs, looks = search.runs, palette.of_splits(search.splits)
    figure = new_figure(width, HEIGHT)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    first = next(iter(runs.values()))
    seen = draw_cloud(axes, first.cloud, floor, narrow)
    for split in search.splits:
        color, marker = looks[split]
        line = [p for p in front(_of_split(search, split)) if p[1] >= floor]
        if line and min(size for size, _ in line) > 0:
            axes.plot(
                *zip(*line), color=color, marker=marker, markersize=3.5,
                linewidth=1,
                label=None if split in runs else f"{text.short(split)} (none)",
            )  # fmt: skip
            seen += along(line)
    for split, run in runs.items():
        color, marker = looks[split]
        if len(run.unit.points) > 1:
            seen += draw_curve(axes, run.unit.points, floor, color, marker)
        axes.plot(
            run.wire_bytes, run.accuracy, marker, color=color,
            markersize=MARKER, markeredgecolor="black", markeredgewidth=0.8,
            zorder=5, label=text.short(split),
        )  # fmt: skip
    for curve in unit_curves(run.unit for run in against):
        seen += draw_curve(
            axes, curve.points, floor, palette.INK, "*",
            text.short(curve_cells.unit_label(curve)),
        )  # fmt: skip
    draw_unsplit(axes, first.baseline_accuracy, search.max_loss)
    rings = chosen.draw(axes, marks, floor)
    axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    label_axes(axes, narrow)
    add_legend(figure, width)
    points = {s: (run.wire_bytes, run.accuracy) for s, run in runs.items()}
    named = _named(points, _MOST_LABELS[narrow])
    labels = [(*points[split], text.short(split)) for split in named] + rings
    place_labels(axes, labels, seen, 2, points.values(), MARKER)
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
