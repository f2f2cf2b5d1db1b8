"""Latency and energy of each choice in stacked bars: table 4 as a picture."""

import dataclasses

from bottlenet_tf.report import palette, text
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure
from bottlenet_tf.selection import Way

# A bar longer than this many times the longest split's is cut.
_LONGEST = 2.5
_PARTS = (
    ("device_ms", "network on the device", palette.DEVICE),
    ("codec_ms", "codec", palette.CODEC),
    ("uplink_ms", "up-link", palette.UPLINK),
    ("answer_ms", "answer", palette.ANSWER),
    ("cloud_ms", "network on the server", palette.CLOUD),
)
_ENERGIES = (
    ("compute_mj", "computing, on the device", palette.DEVICE),
    ("uplink_mj", "up-link", palette.UPLINK),
    ("waiting_mj", "waiting", palette.ANSWER),
)
HEADER = (
    "choice", "way", "detail", "accuracy_percent", "bytes", "device_ms",
    "codec_ms", "uplink_ms", "answer_ms", "cloud_ms", "latency_ms",
    "compute_mj", "uplink_mj", "waiting_mj", "energy_mj", "mark",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Panel:
    title: str
    unit: str
    total: str
    parts: tuple


_PANELS = (
    _Panel("latency of one image", "ms", "latency_ms", _PARTS),
    _Panel("energy of one image, device", "mJ", "energy_mj", _ENERGIES),
)


def picture(decision, selection):
    """Returns the `Picture` of one network's decision.

    Args:
        decision: `selection.Decision`.
        selection: `selection_file.Selection` that it is of.
    """
    link = decision.link
    shown = _shown(decision)
    told = (
        f"What one image costs over {link.name} ({link.uplink_mbps:g} Mbit/s "
        f"up), on {selection.device} with {selection.cloud} as server. Below "
        "the line is what splits must beat. Hatched splits are refused. "
    )
    if any(c.choice.way is Way.RAW_SPLIT for c in shown):
        told += "Of splits without a unit, the chosen one alone is drawn. "
    told += (
        "A bar that ends in » is longer than drawn. "
        f"The device's power: {_meter(selection.meter)}."
    )
    lines = "; ".join(
        f"{c.choice.name} {text.number(c.latency_ms)} ms"
        + (
            f" and {text.number(c.energy_mj)} mJ"
            if c.energy_mj is not None
            else ""
        )
        for c in shown
    )
    won = decision.winner and decision.winner.choice.name
    return Picture(
        name=f"costs_{link.name}",
        caption=told,
        alt=f"Stacked bars for {link.name}: {lines}. Chosen: {won or 'none'}.",
        draw=lambda width: _draw(decision, shown, width),
        header=HEADER,
        rows=[
            _row(decision, cost)
            for cost in (*decision.costs, *decision.references)
        ],
        origins=(selection.origin,),
    )


def mark(decision, cost):
    """Returns what is special about a choice; "" if nothing is."""
    name = cost.choice.name
    if cost is decision.winner:
        return "chosen"
    if name in decision.refused:
        return "refused: " + "; ".join(decision.refused[name])
    if any(cost is reference for reference in decision.references):
        return "reference"
    return "on the front" if name in decision.front else ""


def _meter(name):
    return "unknown" if name == "none" else f"by {name}"


def _shown(decision):
    won = decision.winner and decision.winner.choice.split
    return [
        cost
        for cost in (*decision.costs, *decision.references)
        if cost.choice.way is not Way.RAW_SPLIT or cost.choice.split == won
    ]


def _row(decision, cost):
    choice = cost.choice
    figures = [getattr(cost, name) for name in HEADER[5:-1]]
    return [
        choice.name, choice.way.value, choice.detail, choice.accuracy,
        choice.sent_bytes, *figures, mark(decision, cost),
    ]  # fmt: skip


def _draw(decision, shown, width):
    panels = [
        panel
        for panel in _PANELS
        if any(getattr(cost, panel.total) is not None for cost in shown)
    ]
    narrow = is_narrow(width)
    high = 0.85 + 0.235 * len(shown) + 0.3 * narrow
    figure = new_figure(width, high * len(panels) if narrow else high)
    grid = (len(panels), 1) if narrow else (1, len(panels))
    all_axes = figure.subplots(*grid, squeeze=False).flat
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, decision, shown, panel)
        axes.legend(
            loc="upper left", bbox_to_anchor=(-0.02, -0.13 - 0.6 / len(shown)),
            ncols=2, fontsize=8, handlelength=1, columnspacing=1,
            borderaxespad=0,
        )  # fmt: skip
    if not narrow:
        for axes in figure.axes[1:]:
            axes.set_yticklabels([])
    return figure


def _draw_panel(axes, decision, shown, panel):
    totals = [getattr(cost, panel.total) for cost in shown]
    splits = len(decision.costs)
    longest = max(t or 0 for t in totals[:splits]) or max(
        t or 0 for t in totals
    )
    limit = min(_LONGEST * longest, max(t or 0 for t in totals)) or 1.0
    for part, name, color in panel.parts:
        values = [getattr(cost, part) or 0.0 for cost in shown]
        if not any(values):
            continue
        left = [_before(cost, part, panel.parts) for cost in shown]
        ends = [min(a + b, limit) for a, b in zip(left, values)]
        bars = axes.barh(
            range(len(shown)),
            [max(end - a, 0) for end, a in zip(ends, left)],
            left=left, height=0.66, color=color, label=name,
        )  # fmt: skip
        for cost, bar in zip(shown, bars):
            if cost.choice.name in decision.refused:
                bar.set(hatch="////", edgecolor="white", alpha=0.6)
    for y, (cost, total) in enumerate(zip(shown, totals, strict=True)):
        _write_total(axes, y, total, limit, cost is decision.winner)
    labels = axes.set_yticks(
        range(len(shown)), [text.short(c.choice.name) for c in shown]
    )
    for tick, cost in zip(axes.get_yticklabels(), shown, strict=True):
        if cost is decision.winner:
            tick.set_fontweight("bold")
    del labels
    axes.axhline(splits - 0.5, color=palette.PALE, linewidth=0.8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.38 * limit)
    axes.set_title(f"{panel.title} ({panel.unit})", loc="left", fontsize=9)
    axes.tick_params(left=False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=5)


def _before(cost, part, parts):
    names = [name for name, _, _ in parts]
    return sum(getattr(cost, n) or 0.0 for n in names[: names.index(part)])


def _write_total(axes, y, total, limit, won):
    if total is None:
        axes.text(0, y, " unknown", va="center", fontsize=8)
        return
    told = f" {'» ' if total > limit else ''}{text.number(total)}"
    axes.text(
        min(total, limit),
        y,
        told + ("  chosen" if won else ""),
        va="center",
        fontsize=8,
        fontweight="bold" if won else "normal",
    )
