"""Diagrams: figure, style, the axis of bytes, labels that cover nothing."""

import io

import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

# In inches of 72 pt: 730 px of a page, and 336 px, a phone less its margins.
WIDE, NARROW = 7.6, 3.5
INK, PALE = "#1A1A1A", "#666666"
_STYLE = {
    "svg.fonttype": "none",  # Text stays text, in an available font.
    "svg.hashsalt": "bottlenet_tf",  # The same picture gives the same file.
    "text.parse_math": False,  # Names may contain dollars.
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": "0.4",
    "grid.color": "0.9",
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_PNG_DPI = 160
# Places of a label, tried in this order, in points from the marker: (x, y,
# horizontal, vertical). Those farther away get a thin line to the point.
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
_LINE = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.6}


def in_style():
    """Returns a context, or decorator, in which figures have our style."""
    return style.context(["default", _STYLE])


def svg(draw):
    """Returns the figure that a function draws as bytes, without a prolog."""
    data = saved(draw, "svg", metadata=_NO_METADATA)
    return data[data.index(b"<svg") :]


def png(draw):
    """Returns the figure that a function draws as the bytes of a PNG file."""
    return saved(draw, "png", dpi=_PNG_DPI)


def saved(draw, kind, **options):
    """Returns the figure that a function draws as the bytes of a file."""
    file = io.BytesIO()
    with in_style():
        draw().savefig(file, format=kind, **options)
    return file.getvalue()


def is_narrow(width):
    """Whether this is a phone's width."""
    return width < (NARROW + WIDE) / 2


def new_figure(width, height):
    """Returns an empty Matplotlib figure; sides in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
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

    Labels are placed in the order given, each at the first place that is free,
    or else at the one that covers least.

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

    def pixels(of):
        return axes.transData.transform(np.array(of, float).reshape(-1, 2))

    covered = pixels([*obstacles, *points])
    frame = axes.get_window_extent(renderer)
    side = renderer.points_to_pixels(size)
    boxes = [
        Bbox.from_bounds(x - side / 2, y - side / 2, side, side)
        for x, y in pixels([*points, *markers])
        if side
    ]
    taken = []
    for x, y, text in labels:
        tried = []
        for place in (*_CLOSE, *_FAR):
            label = _annotate(axes, x, y, text, place)
            # An annotation's own extent would include its line.
            label.update_positions(renderer)
            box = Text.get_window_extent(label, renderer).padded(padding)
            cost = _cost(box, covered, boxes, taken, frame)
            tried.append((cost, len(tried), label, box))
            if cost == 0:
                break
        best = min(tried)
        for _, _, label, _ in tried:
            if label is not best[2]:
                label.remove()
        taken.append(best[3])


def _annotate(axes, x, y, text, place):
    right, up, horizontal, vertical = place
    return axes.annotate(
        text, (x, y), xytext=(right, up), textcoords="offset points",
        ha=horizontal, va=vertical, fontsize=9, zorder=5,
        arrowprops=_LINE if place in _FAR else None,
    )  # fmt: skip


def _cost(box, pixels, markers, taken, frame):
    """Weighs other labels most, then the frame's edge, markers, the data."""
    is_inside = frame.containsx(box.x0) and frame.containsx(box.x1)
    is_inside &= frame.containsy(box.y0) and frame.containsy(box.y1)
    covered = np.all((pixels > box.min) & (pixels < box.max), axis=1).sum()
    return (
        1000 * box.count_overlaps(taken)
        + 500 * (not is_inside)
        + 100 * box.count_overlaps(markers)
        + int(covered)
    )
