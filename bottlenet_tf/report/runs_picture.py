"""Accuracy over bytes: the curves of some runs, and cloud-only."""

from bottlenet_tf import curve_cells
from bottlenet_tf.plot_labels import place_labels
from bottlenet_tf.rate_curves import unit_curves
from bottlenet_tf.report import chosen, palette, text
from bottlenet_tf.report.accuracy_axes import (
    HEIGHT,
    MARKER,
    add_legend,
    draw_cloud,
    draw_curve,
    draw_unsplit,
    label_axes,
    left_out,
)
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

# Points below the least accurate default point that are still drawn.
_DEPTH = 12.0
_HEADER = (
    "what", "run", "split", "point", "quality", "side_px", "wire_bytes",
    "accuracy_percent", "images",
)  # fmt: skip


def picture(runs, name="rate_accuracy", marks=()):
    """Returns the `Picture` of some runs.

    Args:
        runs: `run_file.Run`s of one network, at least one.
        name: Of the picture's files.
        marks: `chosen.Mark`s of what was chosen among them.
    """
    first = runs[0]
    floor = max(0.0, min(run.accuracy for run in runs) - _DEPTH)
    told = ", ".join(
        f"{run.name} {run.accuracy:.2f} % at {run.wire_bytes:.0f} wire bytes"
        for run in runs
    )
    return Picture(
        name=name,
        caption=(
            "Lines: all operating points of a unit, or units of one point at "
            "the same split. Large marks: what a unit sends unless it is told "
            f"otherwise.{chosen.told(marks)} Grey: the image itself, "
            "compressed and sent to the "
            f"untouched network. All on {first.images}. Bytes are wire bytes, "
            "without the message that carries "
            f"them. Points below {floor:.0f} % aren't drawn; the CSV file has "
            "them." + left_out(first)
        ),
        alt=f"Accuracy over wire bytes of one image: {told}.",
        draw=lambda width: _draw(runs, marks, floor, width),
        header=_HEADER,
        rows=_rows(runs, marks),
        origins=tuple(run.origin for run in runs),
    )


def _rows(runs, marks):
    images = runs[0].num_images
    rows = [
        ["operating point", run.name, run.split, i, "", "", *point,
         run.num_images]
        for run in runs
        for i, point in enumerate(run.unit.points)
    ]  # fmt: skip
    rows += [
        [what, run, "", point, "", "", *figures]
        for what, run, point, *figures in chosen.rows(marks, images)
    ]
    return rows + [
        ["cloud-only", point.codec, "", "", point.quality, point.side,
         point.num_bytes, point.accuracy, images]
        for point in runs[0].cloud
    ]  # fmt: skip


def _draw(runs, marks, floor, width):
    narrow = is_narrow(width)
    curves = unit_curves(run.unit for run in runs)
    looks = palette.of_splits(range(len(curves)))
    figure = new_figure(width, HEIGHT)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    seen = draw_cloud(axes, runs[0].cloud, floor, narrow)
    for i, curve in enumerate(curves):
        color, marker = looks[i]
        seen += draw_curve(axes, curve.points, floor, color, marker)
        axes.plot(
            *zip(*curve.marked), linestyle="", marker=marker, color=color,
            markersize=MARKER, markeredgecolor="black", markeredgewidth=0.8,
            zorder=5, label=text.plain(curve_cells.unit_label(curve)),
        )  # fmt: skip
    draw_unsplit(axes, runs[0].baseline_accuracy)
    rings = chosen.draw(axes, marks, floor)
    axes.set_ylim(bottom=floor)
    axes.margins(x=0.08)
    label_axes(axes, narrow)
    add_legend(figure, width)
    marked = [(*mark, curve) for curve in curves for mark in curve.marked]
    labels = [(x, y, text.short(curve.split)) for x, y, curve in marked]
    labels += rings
    markers = [(x, y) for x, y, _ in marked]
    place_labels(axes, labels, seen, 2, markers, MARKER)
    return figure
