"""A figure of the report: drawn for a page, a phone and a PNG file."""

import dataclasses
import io

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# In inches of 72 pt: 730 px of a page, and 336 px, a phone less its margins.
WIDE, NARROW = 7.6, 3.5
_PNG_DPI = 160
_STYLE = {
    "svg.fonttype": "none",  # Text stays text, in a font that is there.
    "svg.hashsalt": "bottlenet_tf",  # The same picture is the same file.
    "text.parse_math": False,  # Names may hold dollars.
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


@dataclasses.dataclass(frozen=True)
class Picture:
    """One figure, with all that is told of it.

    Attributes:
        name: Of its files.
        caption: What it shows, for people who see it.
        alt: The same for those who don't.
        draw: Function of a width in inches that returns a Matplotlib figure.
        header: Names of the columns of its data.
        rows: Its data.
        origins: `origins.Origin`s of its data.
    """

    name: str
    caption: str
    alt: str
    draw: object
    header: tuple
    rows: list
    origins: tuple = ()

    def svg(self, width):
        """Returns the drawing as bytes, without a prolog."""
        data = self._saved(width, "svg", metadata=_NO_METADATA)
        return data[data.index(b"<svg") :]

    def png(self):
        """Returns the wide drawing as bytes."""
        return self._saved(WIDE, "png", dpi=_PNG_DPI)

    def _saved(self, width, kind, **options):
        file = io.BytesIO()
        with matplotlib.rc_context(_STYLE):
            self.draw(width).savefig(file, format=kind, **options)
        return file.getvalue()


def new_figure(width, height):
    """Returns an empty Matplotlib figure; sides in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def is_narrow(width):
    """Whether that is a phone's width."""
    return width < (NARROW + WIDE) / 2
