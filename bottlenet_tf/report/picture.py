"""A figure of the report: drawn for a page, a phone and a PNG file.

One colour has one meaning in all pictures. Parts have Okabe and Ito's colours,
made for the colour-blind; splits go from dark to light in the network's order,
with their own markers.
"""

import csv
import dataclasses
import io
from collections.abc import Callable

import matplotlib
from matplotlib.colors import to_hex, to_rgb

from bottlenet_tf.common import diagrams

DEVICE, CODEC, UPLINK, ANSWER, CLOUD = (
    "#D55E00", "#F0C000", "#56B4E9", "#AAAAAA", "#0072B2",
)  # fmt: skip
# Computing on neither side: the rest of an unsplit network.
REST = "#C4CBD0"
_MARKERS = "osD^vPX<>p"
# The lightest end of viridis can't be seen on white.
_LIGHTEST = 0.82


@dataclasses.dataclass(frozen=True)
class Picture:
    """One figure, with its texts, its data and the `Origin`s of these.

    `name` is that of its files, `alt` a text alternative, and `draw` maps a
    width in inches to a Matplotlib figure.
    """

    name: str
    caption: str
    alt: str
    draw: Callable
    header: tuple
    rows: list
    origins: tuple = ()

    def figure(self, width):
        """Returns the drawing as a Matplotlib figure in the page's style."""
        with diagrams.in_style():
            return self.draw(width)

    def svg(self, width):
        """Returns the drawing as bytes, without a prolog."""
        return diagrams.svg(lambda: self.draw(width))

    def png(self):
        """Returns the wide drawing as bytes."""
        return diagrams.png(lambda: self.draw(diagrams.WIDE))

    def csv(self):
        """Returns its data as bytes."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.header, *self.rows])
        return file.getvalue().encode("utf-8", "replace")


def looks_of(splits):
    """Returns `{split: (colour, marker)}`."""
    colors = matplotlib.colormaps["viridis"]
    last = max(len(splits) - 1, 1)
    return {
        split: (
            to_hex(colors(_LIGHTEST * i / last)),
            _MARKERS[i % len(_MARKERS)],
        )
        for i, split in enumerate(splits)
    }


def ink_on(color):
    """Returns black or white, whichever has more contrast to a colour."""
    red, green, blue = to_rgb(color)
    light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
    return "#000000" if light else "#FFFFFF"
