"""Diagrams of bytes: figure, axis, and labels that cover nothing."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

# Tried in this order, in points from the marker: (x, y, horizontal, vertical).
_CLOSE = (
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (0, 7, "center", "bottom"),
    (0, -7, "center", "top"),
    (6, 6, "left", "bottom"),
    (-6, 6, "right", "bottom"),
    (6, -6, "left", "top"),
    (-6, -6, "right", "top"),
)
_FAR = tuple(
    (scale * x, scale * y, h, v)
    for scale in (2.5, 4, 6)
    for x, y, h, v in _CLOSE
)


def new_figure(width, height, **options):
    """Returns an empty Matplotlib figure; sides in inches."""
    figure = Figure(figsize=(width, height), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


def scale_bytes(axes, ticks=(1, 2, 5)):
    """Makes the x axis logarithmic, in bytes as whole numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def along(line):
    """Returns points along a line of bytes, for labels to avoid."""
    x, y = np.array(line).T
    at = np.linspace(np.log(x[0]), np.log(x[-1]), 100)
    return list(zip(np.exp(at), np.interp(at, np.log(x), y)))


def place_labels(axes, labels, obstacles, padding=1.5, markers=(), size=0.0):
    """Writes labels next to points, each where it covers least.

    Labels are placed in the order given, each at the first position that is
    free, or else at the one that covers least. Farther positions get a thin
    line to the point.

    Args:
        labels: List of `(x, y, text)` in data coordinates.
        obstacles: Data points not to be covered, `(n, 2)`.
        padding: Free space around each label, in pixels.
        markers: Data points that have a marker, besides those of `labels`.
        size: Size of all markers, in points.
    """
    renderer = axes.figure.canvas.get_renderer()
    axes.figure.draw_without_rendering()
    points = [(x, y) for x, y, _ in labels]
    everything = np.array([*obstacles, *points], float).reshape(-1, 2)
    pixels = axes.transData.transform(everything)
    frame = axes.get_window_extent(renderer)
    marked = np.array([*points, *markers], float).reshape(-1, 2)
    side = renderer.points_to_pixels(size)
    markers = [
        Bbox.from_bounds(x - side / 2, y - side / 2, side, side)
        for x, y in axes.transData.transform(marked)
        if side
    ]
    taken = []
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent(renderer))
    for x, y, text in labels:
        best = None
        for position in (*_CLOSE, *_FAR):
            label = _annotate(axes, x, y, text, position)
            # An annotation's own extent would include its line.
            label.update_positions(renderer)
            box = Text.get_window_extent(label, renderer).padded(padding)
            cost = _cost(box, pixels, markers, taken, frame)
            if best is None or cost < best[0]:
                if best is not None:
                    best[1].remove()
                best = cost, label, box
            else:
                label.remove()
            if cost == 0:
                break
        taken.append(best[2])


def _annotate(axes, x, y, text, position):
    right, up, horizontal, vertical = position
    line = None
    if position in _FAR:
        line = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.6}
    return axes.annotate(
        text,
        (x, y),
        xytext=(right, up),
        textcoords="offset points",
        ha=horizontal,
        va=vertical,
        fontsize=9,
        arrowprops=line,
        zorder=5,
    )


def _cost(box, pixels, markers, taken, frame):
    """Weighs other labels most, then the frame's edge, markers, the data."""
    overlaps = _overlaps(box, taken)
    inside = (
        frame.x0 <= box.x0
        and box.x1 <= frame.x1
        and frame.y0 <= box.y0
        and box.y1 <= frame.y1
    )
    covered = np.all((pixels > box.min) & (pixels < box.max), axis=1).sum()
    return (
        1000 * overlaps
        + 500 * (not inside)
        + 100 * _overlaps(box, markers)
        + int(covered)
    )


def _overlaps(box, others):
    return sum(Bbox.intersection(box, other) is not None for other in others)
