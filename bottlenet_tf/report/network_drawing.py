"""Draws a network's blocks, its split points, and who computes how much."""

import dataclasses

from matplotlib.patches import FancyBboxPatch

from bottlenet_tf.report import palette, text
from bottlenet_tf.report.picture import is_narrow, new_figure

# Inches, on a page and on a phone. Steps shrink until all splits fit.
_BOX = {False: 1.6, True: 0.85}
_STEPS = {False: (0.3, 0.6), True: (0.42, 0.66)}
_HIGH = {False: 8.1, True: 14.0}
_GAP, _TOP, _BOTTOM, _CHOSEN = 0.16, 0.5, 0.65, 0.16
# A share's figure stands in its bar if that is wider.
_INSIDE = 0.32


@dataclasses.dataclass(frozen=True)
class Sheet:
    """One drawing: some of a search's splits, in a row.

    Attributes:
        splits: Names of the split points.
        is_first, is_last: Whether the network begins and ends with them.
    """

    splits: tuple
    is_first: bool
    is_last: bool


def draw(search, sheet, chosen, shares, width):
    """Returns the Matplotlib figure of a sheet.

    Args:
        search: `search_file.Search`.
        sheet: `Sheet`.
        chosen: `{split: [names of networks]}` of what was chosen.
        shares: `{split: the server's part of the unsplit network's MACs}`;
            empty if unknown.
        width: Of the figure in inches.
    """
    return _Drawing(search, sheet, chosen, shares, width).figure


class _Drawing:
    """What `draw` takes; places are inches, from the top left corner."""

    def __init__(self, search, sheet, chosen, shares, width):
        self.search, self.chosen, self.shares = search, chosen, shares
        self.narrow = is_narrow(width)
        low, high = _STEPS[self.narrow]
        count = max(len(sheet.splits), 1)
        self.step = min(high, max(low, _HIGH[self.narrow] / count))
        self.size = 9 if self.step > 0.45 else 8
        self.bar = 0.15 if self.step > 0.45 else 0.11
        self.box, self.right = _BOX[self.narrow], width
        self.left = self.box + _GAP
        known = [self._parts(split) for split in search.runs]
        self.most = max([1.0, *(sum(part) for part in known if part)])
        steps = [self._step(split) for split in sheet.splits]
        height = _TOP + sum(steps) + _BOTTOM
        self.figure = new_figure(width, height)
        self.figure.set_layout_engine("none")
        self.axes = self.figure.add_axes((0.005, 0, 0.99, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")
        self.axes.plot([self.box / 2] * 2, [0.2, height - 0.2], zorder=0,
                       color=palette.PALE, linewidth=2)  # fmt: skip
        self._title()
        self._block(0.2, "image" if sheet.is_first else "⋮")
        looks = palette.of_splits(search.splits)
        y = _TOP
        for split, step in zip(sheet.splits, steps, strict=True):
            self._split(y, y + step, split, looks[split][0])
            y += step
        self._block(y + 0.15, "the rest" if sheet.is_last else "⋮")
        if sheet.is_last:
            self._block(y + 0.45, "answer")
        if self.most > 1.0:
            self._write(self._at(1.0), y + 0.08, "100 %", "center", fontsize=8)

    def _step(self, split):
        """On a phone, what a split is chosen for needs a line."""
        has_line = self.narrow and split in self.chosen
        return self.step + (_CHOSEN if has_line else 0.0)

    def _parts(self, split):
        """Returns the shares of device and server; None if unknown."""
        device = self.search.runs[split].device_mac_share
        if device is None:
            return None
        return device, self.shares.get(split, max(0.0, 1.0 - device))

    def _at(self, share):
        return self.left + (self.right - self.left) * share / self.most

    def _write(self, x, y, told, ha="left", **look):
        look = {"fontsize": self.size, **look}
        self.axes.text(x, y, told, ha=ha, va="center", **look)

    def _title(self):
        device, server, color = "on the device", "on the server", palette.CLOUD
        if not self.shares:
            server, color = "rest of the unsplit network", palette.PALE
            if self.narrow:
                device, server = "device", "rest of unsplit network"
        self._write(self.left, 0.2, device, color=palette.DEVICE,
                    fontsize=9, fontweight="bold")  # fmt: skip
        self._write(self.right, 0.2, server, "right", color=color,
                    fontsize=9, fontweight="bold")  # fmt: skip

    def _block(self, y, name, high=0.2, color="#EEEEEE"):
        self.axes.add_patch(
            FancyBboxPatch(
                (0.06, y - high / 2), self.box - 0.12, high,
                boxstyle="round,pad=0,rounding_size=0.04",
                facecolor=color, edgecolor=palette.INK, linewidth=0.8,
            )
        )  # fmt: skip
        size = min(self.size, max(5.0, 81 / max(len(name), 1)))
        self._write(self.box / 2, y, name, "center", fontsize=size,
                    color=palette.ink_on(color))  # fmt: skip

    def _split(self, top, bottom, split, color):
        """Draws a block, the cut after it, and what is told of that."""
        cut = bottom - self.bar / 2 - 0.1 * self.step
        high = min(0.32, 0.62 * self.step)
        self._block(top + 0.45 * self.step, text.short(split), high, color)
        self.axes.plot(
            [0, self.left - 0.04], [cut, cut], color=palette.INK,
            linestyle=(0, (3, 2)), linewidth=1,
        )  # fmt: skip
        run = self.search.runs.get(split)
        # Half a line above the bar.
        above = cut - self.bar / 2 - 0.02 - self.size * 0.6 / 72
        if run is None:
            known = split in self.search.candidates
            told = "not measured" if known else "no acceptable unit"
            self._write(self.left, above, told, color=palette.PALE)
            return
        if split in self.chosen:
            networks = text.short(", ".join(self.chosen[split]))
            x = self.left + (0.0 if self.narrow else 1.6)
            told = f"chosen for {networks}"
            self._write(x, above, told, fontweight="bold")
            above -= _CHOSEN if self.narrow else 0.0
        self._write(self.left, above, _bytes(run))
        self._write(self.right, above, text.percent(run.accuracy), "right")
        parts = self._parts(split)
        if parts:
            self._bars(cut, *parts)

    def _bars(self, y, device, server):
        color = palette.CLOUD if self.shares else palette.REST
        middle, end = self._at(device), self._at(device + server)
        look = {"height": self.bar, "linewidth": 0}
        self.axes.barh(y, middle - self.left, left=self.left,
                       color=palette.DEVICE, **look)  # fmt: skip
        self.axes.barh(y, end - middle, left=middle, color=color, **look)
        small = {"fontsize": self.size - 1, "color": "white"}
        if middle - self.left > _INSIDE:
            self._write(middle - 0.04, y, text.share(device), "right", **small)
        if self.shares and end - middle > _INSIDE:
            self._write(middle + 0.04, y, text.share(server), **small)
        if self.most > 1.0:  # Where the unsplit network ends.
            reach = [y - self.bar / 2 - 0.03, y + self.bar / 2 + 0.03]
            self.axes.plot([self._at(1.0)] * 2, reach, color=palette.INK,
                           linewidth=1.2)  # fmt: skip


def _bytes(run):
    sent = f"{text.number(run.wire_bytes)} B"
    if run.feature_bytes is None:
        return sent
    return f"{sent} of {text.number(run.feature_bytes)}"
