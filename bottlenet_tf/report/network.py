"""The network as blocks, with each split point's bytes and computing."""

import math

import numpy as np

from bottlenet_tf.common.diagrams import INK, PALE, is_narrow, new_figure
from bottlenet_tf.report import origins, text
from bottlenet_tf.report.picture import (
    CLOUD,
    DEVICE,
    REST,
    Picture,
    ink_on,
    looks_of,
)

# Splits per drawing: as many as fit on a printed page.
_MOST = 28
# Inches per split, which shrink until all fit, and of all, on page and phone.
_STEPS = {False: (0.3, 0.6), True: (0.42, 0.66)}
_HIGH = {False: 8.1, True: 14.0}
# In steps: other blocks, and on a phone the line with the links that a split is
# chosen for.
_END, _CHOSEN = 0.75, 0.4
# Inches for the blocks' names; a share's figure is inside its bar if that is
# wider than this.
_NAMES, _INSIDE = 1.0, 0.35


def pictures(sources):
    """Returns `Picture`s of the network and its split points, 28 on each."""
    splits = sources.search.splits
    count = max(math.ceil(len(splits) / _MOST), 1)
    size = max(math.ceil(len(splits) / count), 1)
    sheets = [splits[i * size : (i + 1) * size] for i in range(count)]
    return [_picture(sources, sheets, i) for i in range(count)]


def _chosen(sources):
    """Returns `{split: [names of networks]}` of the chosen splits."""
    found = {}
    for choice, links in sources.chosen.values():
        found.setdefault(choice.split, []).extend(links)
    return found


def _picture(sources, sheets, i):
    search, splits = sources.search, sheets[i]
    chosen, shares = _chosen(sources), sources.server_shares
    sent = "; ".join(
        f"{split} sends {sources.runs[split].wire_bytes:.0f} wire bytes, "
        f"{text.share(sources.runs[split].device_mac_share)} of the computing "
        "on the device"
        for split in splits
        if split in sources.runs
    )
    part = ""
    if len(sheets) > 1:
        part = f"Part {i + 1} of {len(sheets)}, {splits[0]} to {splits[-1]}. "
    server = [origins.of_profile(sources.server)] if shares else []
    return Picture(
        name="network" if i == 0 else f"network_{i + 1}",
        caption=part + _caption(search, shares),
        alt=f"{part}Blocks of {search.backbone}, split after each. {sent}.",
        draw=lambda width: _Drawing(
            sources, splits, chosen, i == 0, i == len(sheets) - 1, width
        ).figure,
        header=(
            "split", "unit", "feature_shape", "feature_bytes", "wire_bytes",
            "accuracy_percent", "device_mac_share", "server_mac_share",
            "chosen_for",
        ),
        rows=[_row(sources, split, chosen) for split in splits],
        origins=(search.origin, *server),
    )  # fmt: skip


def _caption(search, shares):
    caption = "The network from top to bottom, with its split points. "
    if search.stated.config.splits:
        caption += (
            "Only the searched ones are drawn: a block may contain several of "
            "the network's. "
        )
    caption += (
        "Bytes: mean wire bytes of one image, at the unit's default operating "
        "point, and the feature's in 8 bits. Bars: multiply-accumulates, of "
        "which the unsplit network's are 100 %. The device's part of the unit "
        "is included; "
    )
    if shares:
        return caption + (
            "so is the server's, by the profile, which is why both together "
            "may exceed 100 % (the vertical lines)."
        )
    return caption + (
        "grey is what remains of the unsplit network. The server computes more "
        "than that, since it restores the feature: a profile shows how much."
    )


def _row(sources, split, chosen):
    candidate = sources.search.candidates.get(split)
    run, networks = sources.runs.get(split), " ".join(chosen.get(split, ()))
    unit = candidate.unit if candidate else "none acceptable"
    if run is None:
        return [split, unit, *[None] * 6, networks]
    return [
        split, unit, run.feature_shape, run.feature_bytes, run.wire_bytes,
        run.accuracy, run.device_mac_share, sources.server_shares.get(split),
        networks,
    ]  # fmt: skip


class _Drawing:
    """Blocks are labels of the y axis, one step apart, next to the bars."""

    def __init__(self, sources, splits, chosen, is_first, is_last, width):
        self.sources, self.chosen = sources, chosen
        self.shares, self.narrow = sources.server_shares, is_narrow(width)
        low, high = _STEPS[self.narrow]
        step = min(high, max(low, _HIGH[self.narrow] / max(len(splits), 1)))
        self.size = 9 if step > 0.45 else 8
        known = [self._parts(run) for run in sources.runs.values()]
        self.most = max([1.0, *(sum(part) for part in known if part)])
        self.inside = _INSIDE * self.most / (width - _NAMES)
        self.gap = self.inside / 10
        ends = ["the rest", "answer"] if is_last else ["⋮"]
        blocks = ["image" if is_first else "⋮", *splits, *ends]
        steps = [_END] + [self._step(split) for split in splits]
        steps += [_END] * len(ends)
        bottoms = np.cumsum(steps)
        self.figure = new_figure(width, 0.45 + step * bottoms[-1])
        self.axes = self.figure.add_subplot()
        self.axes.set(xlim=(0, self.most), ylim=(bottoms[-1], 0))
        self.axes.spines[["bottom"]].set_visible(False)
        self.axes.spines[["left"]].set(linewidth=2, color=PALE)
        self.axes.set_xticks([])
        if self.most > 1.0:
            below = bottoms[-1 - len(ends)] + 0.3
            self._write(1.0, below, "100 %", ha="center", fontsize=8)
        self.axes.tick_params(length=0, pad=7, labelsize=8)
        self._title()
        self._blocks(blocks, bottoms - np.array(steps) / 2)
        for split, bottom in zip(splits, bottoms[1:]):
            self._split(split, bottom)

    def _step(self, split):
        """Returns a split's room; a chosen one has another line on a phone."""
        return 1 + (_CHOSEN if self.narrow and split in self.chosen else 0)

    def _parts(self, run):
        """Returns the shares of device and server; None if unknown."""
        device = run.device_mac_share
        if device is None:
            return None
        return device, self.shares.get(run.split, max(0.0, 1.0 - device))

    def _title(self):
        device, server, color = "on the device", "on the server", CLOUD
        if not self.shares:
            server, color = "rest of the unsplit network", PALE
            if self.narrow:
                device, server = "device", "rest of unsplit network"
        look = {"fontsize": 9, "fontweight": "bold"}
        self.axes.set_title(device, loc="left", color=DEVICE, **look)
        self.axes.set_title(server, loc="right", color=color, **look)

    def _blocks(self, names, places):
        looks = looks_of(self.sources.search.splits)
        self.axes.set_yticks(places, [text.short(name) for name in names])
        for name, label in zip(names, self.axes.get_yticklabels()):
            color = looks.get(name, ("#EEEEEE",))[0]
            label.set(
                color=ink_on(color),
                fontsize=min(self.size, max(5.0, 90 / (1 + len(name)))),
                bbox={"boxstyle": "round", "facecolor": color,
                      "edgecolor": INK, "linewidth": 0.8},
            )  # fmt: skip

    def _write(self, x, y, words, **look):
        look = {"fontsize": self.size, "va": "center", **look}
        self.axes.text(x, y, words, **look)

    def _split(self, split, bottom):
        """Draws the cut after a block, with its figures."""
        self.axes.axhline(bottom, color=PALE, linestyle=(0, (3, 2)),
                          linewidth=0.6)  # fmt: skip
        run, above = self.sources.runs.get(split), bottom - 0.7
        if run is None:
            known = split in self.sources.search.candidates
            words = "not measured" if known else "no acceptable unit"
            self._write(self.gap, above, words, color=PALE)
            return
        size, sent = run.feature_bytes, f"{text.number(run.wire_bytes)} B"
        of = "" if size is None else f" of {text.number(size)}"
        self._write(self.gap, above, sent + of)
        accuracy = text.percent(run.accuracy)
        self._write(self.most, above, accuracy, ha="right")
        if split in self.chosen:
            networks = text.short(", ".join(self.chosen[split]))
            x = self.gap if self.narrow else 0.3 * self.most
            y = above - (_CHOSEN if self.narrow else 0)
            self._write(x, y, f"chosen for {networks}", fontweight="bold")
        if self._parts(run):
            self._bars(bottom - 0.28, *self._parts(run))

    def _bars(self, y, device, server):
        color = CLOUD if self.shares else REST
        look = {"height": 0.34, "linewidth": 0}
        self.axes.barh(y, device, color=DEVICE, **look)
        self.axes.barh(y, server, left=device, color=color, **look)
        gap, look = self.gap, {"fontsize": self.size - 1, "color": "white"}
        if device > self.inside:
            self._write(device - gap, y, text.share(device), ha="right", **look)
        if self.shares and server > self.inside:
            self._write(device + gap, y, text.share(server), **look)
        if self.most > 1.0:  # Where the unsplit network ends.
            self.axes.vlines(1.0, y - 0.22, y + 0.22, color=INK, linewidth=1.2)
