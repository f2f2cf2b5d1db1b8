"""What tests look for in drawings: words, boxes, lines."""

from matplotlib.text import Text

from bottlenet_tf.common.diagrams import WIDE

HOSTILE = '<script>$x_1$&"\x01\n' + "long" * 20


def words(found, width=WIDE):
    """Returns all text of a `Picture`, as a list."""
    return [t.get_text() for t in found.figure(width).findobj(Text)]


def boxes(figure, texts):
    """Returns `(text, extent in pixels)` of those, without their lines."""
    renderer = figure.canvas.get_renderer()
    return [
        (t.get_text(), Text.get_window_extent(t, renderer))
        for t in texts
        if t.get_text()
    ]


def lines(figure):
    """Returns the points of each line of the first axes."""
    return [list(zip(*li.get_data())) for li in figure.axes[0].get_lines()]
