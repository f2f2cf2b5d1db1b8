"""One colour, one meaning, in all pictures.

Parts have Okabe and Ito's colours, which the colour-blind tell apart; splits
go from dark to light in the network's order, with markers of their own.
"""

import matplotlib

DEVICE, CODEC, UPLINK, ANSWER, CLOUD = (
    "#D55E00",
    "#F0C000",
    "#56B4E9",
    "#AAAAAA",
    "#0072B2",
)
# Computing that is nobody's: what remains of a network that isn't split.
REST = "#C4CBD0"
AWARE, NAIVE = "#000000", "#CC79A7"
INK, PALE = "#1A1A1A", "#666666"
_MARKERS = "osD^vPX<>p"
# The lightest end of viridis can't be seen on white.
_LIGHTEST = 0.82


def of_splits(splits):
    """Returns `{split: (colour, marker)}`."""
    colors = matplotlib.colormaps["viridis"]
    last = max(len(splits) - 1, 1)
    return {
        split: (
            matplotlib.colors.to_hex(colors(_LIGHTEST * i / last)),
            _MARKERS[i % len(_MARKERS)],
        )
        for i, split in enumerate(splits)
    }


def ink_on(color):
    """Returns black or white, whichever is read more easily on it."""
    red, green, blue = matplotlib.colors.to_rgb(color)
    light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
    return "#000000" if light else "#FFFFFF"
