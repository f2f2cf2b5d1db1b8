"""Latency and energy of each choice in stacked bars: table 4 as a picture."""

import dataclasses

from matplotlib.patches import Patch

from bottlenet_tf.report import aim, palette, text
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure
from bottlenet_tf.selection import Way

EXPLANATION = (
    "Stacked: where the time goes, and the device's energy. Below the line is "
    "what splits must beat. Hatched is what a limit refuses. All that is sent "
    "is charged its message and the answer's round trip. The codec's energy is "
    "in the device's. Of splits without a unit (raw), the chosen one alone is "
    "drawn. Compressing and decoding a cloud-only image isn't counted, in its "
    "favour. A bar with » is longer than drawn."
)
# A bar longer than this many times the longest split's is cut.
_LONGEST = 1.5
# Inches between bars; where there are many, all of them fit a printed page.
_PITCH, _SMALL_PITCH, _MANY = 0.235, 0.19, 20
# Inches that a panel is wide, at least, on a page and on a phone; and those
# of a letter at its bars' ends.
_ROOM = {False: 2.6, True: 1.9}
_LETTER = 0.068
_TIMES = (
    ("device_ms", palette.DEVICE),
    ("codec_ms", palette.CODEC),
    ("uplink_ms", palette.UPLINK),
    ("answer_ms", palette.ANSWER),
    ("cloud_ms", palette.CLOUD),
)
_ENERGIES = (
    ("compute_mj", palette.DEVICE),
    ("uplink_mj", palette.UPLINK),
    ("waiting_mj", palette.ANSWER),
)
_NAMES = {
    palette.DEVICE: "device",
    palette.CODEC: "codec",
    palette.UPLINK: "up-link",
    palette.ANSWER: "answer, waiting",
    palette.CLOUD: "server",
}
HEADER = (
    "choice", "way", "detail", "accuracy_percent", "test_accuracy_percent",
    "wire_bytes",
    "on_air_bytes", "device_ms", "codec_ms", "uplink_ms", "answer_ms",
    "cloud_ms", "latency_ms", "compute_mj", "uplink_mj", "waiting_mj",
    "energy_mj", "break_even_rtt_ms", "mark",
)  # fmt: skip
_FIGURES = HEADER[HEADER.index("on_air_bytes") : HEADER.index("energy_mj") + 1]


@dataclasses.dataclass(frozen=True)
class _Panel:
    title: str
    noun: str
    unit: str
    total: str
    parts: tuple


_PANELS = (
    _Panel("latency", aim.TIME, "ms", "latency_ms", _TIMES),
    _Panel("energy of the device", aim.ENERGY, "mJ", "energy_mj", _ENERGIES),
)


def picture(decision, selection):
    """Returns the `Picture` of one network's decision.

    Args:
        decision: `selection.Decision`.
        selection: `selection_file.Selection` that it is of.
    """
    link = decision.link
    shown = _shown(decision)
    goal = aim.told(decision.goal)
    won = decision.winner and decision.winner.choice.name
    told = (
        f"What one image costs over {told_link(link)} on "
        f"{selection.machines}. The goal was the least {goal}: "
        + (f"{won} is chosen" if won else "no split is acceptable")
        + f"{not_compared(decision)}."
    )
    if not _is_known(decision, "energy_mj"):
        told += " The splits' energy is unknown: their profile has no power."
    lines = "; ".join(
        f"{c.choice.name} {text.number(c.latency_ms)} ms"
        + (
            f" and {text.number(c.energy_mj)} mJ"
            if c.energy_mj is not None
            else ""
        )
        for c in shown
    )
    return Picture(
        name=f"costs_{link.name}",
        caption=told,
        alt=f"Stacked bars for {link.name}: {lines}. Chosen for the least "
        f"{goal}: {won or 'none'}.",
        draw=lambda width: _draw(decision, shown, width),
        header=HEADER,
        rows=[
            _row(decision, cost)
            for cost in (*decision.costs, *decision.references)
        ],
        origins=(selection.origin,),
    )


def told_link(link):
    """Returns a link's name with what is counted of it."""
    return (
        f"{link.name} ({link.uplink_mbps:g} Mbit/s up, round trip "
        f"{link.rtt_ms:g} ms, {text.number(link.message_overhead_bytes)} bytes "
        "a message)"
    )


def not_compared(decision):
    """Returns ", not compared with ..."; "" if all rivals were measured."""
    names = decision.uncompared
    return f", not compared with {text.listed(names)}" if names else ""


def break_even(decision, cost):
    """Returns the round trip above which mobile-only costs less, as text."""
    value = decision.break_even.get(cost.choice.name)
    return value if isinstance(value, str) else text.number(value)


def mark(decision, cost):
    """Returns what is special about a choice; "" if nothing is."""
    name = cost.choice.name
    if cost is decision.winner:
        return "chosen"
    reasons = "; ".join(decision.refused.get(name, ()))
    refused = f"refused: {reasons}" if reasons else ""
    if any(cost is reference for reference in decision.references):
        return f"reference, {refused}" if refused else "reference"
    if refused:
        return refused
    return "on the front" if name in decision.front else ""


def least(decision, field):
    """Returns the `Cost` of the acceptable split of least `field`, or None.

    Args:
        decision: `selection.Decision`.
        field: "latency_ms" or "energy_mj".
    """
    return _least_of(_acceptable(decision), field)


def meter(selection):
    """Returns what told the device's power, for people."""
    return "unknown" if selection.meter == "none" else selection.meter


def _shown(decision):
    won = decision.winner and decision.winner.choice.split
    return [
        cost
        for cost in (*decision.costs, *decision.references)
        if cost.choice.way is not Way.RAW_SPLIT or cost.choice.split == won
    ]


def _row(decision, cost):
    choice = cost.choice
    figures = [getattr(cost, name) for name in _FIGURES]
    return [
        choice.name, choice.way.value, choice.detail, choice.accuracy,
        choice.test_accuracy, choice.sent_bytes, *figures,
        decision.break_even.get(choice.name),
        mark(decision, cost),
    ]  # fmt: skip


def _is_known(decision, field):
    """Whether a total is known of any split; without splits, of anything."""
    costs = decision.costs or decision.references
    return any(getattr(cost, field) is not None for cost in costs)


def _draw(decision, shown, width):
    panels = [panel for panel in _PANELS if _is_known(decision, panel.total)]
    narrow = is_narrow(width)
    pitch = _SMALL_PITCH if len(shown) > _MANY and not narrow else _PITCH
    high = 0.6 + pitch * len(shown)
    legend = 0.45 if narrow else 0.25
    figure = new_figure(width, high * (len(panels) if narrow else 1) + legend)
    grid = (len(panels), 1) if narrow else (1, len(panels))
    all_axes = figure.subplots(*grid, squeeze=False).flat
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, decision, shown, panel, narrow)
    if not narrow:
        for axes in figure.axes[1:]:
            axes.set_yticklabels([])
    used = {
        color
        for panel in panels
        for part, color in panel.parts
        if any(getattr(cost, part) for cost in shown)
    }
    figure.legend(
        handles=[
            Patch(color=color, label=name)
            for color, name in _NAMES.items()
            if color in used
        ],
        loc="outside lower left",
        ncols=3 if narrow else len(_NAMES),
        handlelength=1,
        columnspacing=1.2,
    )
    return figure


def _draw_panel(axes, decision, shown, panel, narrow):
    totals = [getattr(cost, panel.total) or 0.0 for cost in shown]
    splits = len(decision.costs)
    limit = min(_LONGEST * max(totals[:splits]), max(totals)) or 1.0
    left = [0.0] * len(shown)
    for part, color in panel.parts:
        values = [
            getattr(cost, part) or 0.0 if total else 0.0
            for cost, total in zip(shown, totals, strict=True)
        ]
        ends = [min(a + b, limit) for a, b in zip(left, values, strict=True)]
        bars = axes.barh(
            range(len(shown)),
            [end - a for end, a in zip(ends, left, strict=True)],
            left=left, height=0.66, color=color,
        )  # fmt: skip
        left = ends
        for cost, bar in zip(shown, bars, strict=True):
            if cost.choice.name in decision.refused:
                bar.set(hatch="////", edgecolor="white", alpha=0.6)
    marks = _marks(decision, panel, narrow)
    most = limit
    for y, cost in enumerate(shown):
        told = _total(getattr(cost, panel.total), limit, marks.get(id(cost)))
        end = min(getattr(cost, panel.total) or 0.0, limit)
        _write_total(axes, y, end, told, id(cost) in marks)
        letters = max(map(len, told.split("\n")))
        room = _ROOM[narrow]
        taken = min(_LETTER * letters + 0.05, 0.8 * room)
        most = max(most, end * room / (room - taken))
    names = [text.short(cost.choice.name) for cost in shown]
    size = 9 if len(shown) <= _MANY or narrow else 8
    axes.set_yticks(range(len(shown)), names, fontsize=size)
    for tick, cost in zip(axes.get_yticklabels(), shown, strict=True):
        if cost is decision.winner:
            tick.set_fontweight("bold")
    axes.axhline(splits - 0.5, color=palette.PALE, linewidth=0.8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, most)
    axes.set_title(f"{panel.title} ({panel.unit})", loc="left", fontsize=9)
    axes.tick_params(left=False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=4)


def _marks(decision, panel, narrow):
    """Returns `{id of a cost: what is special about it in this panel}`.

    Chosen is what the goal asks for: a panel that isn't of the goal shows
    which split would be least there.
    """
    noun = aim.quantity(decision.goal)
    marks = {}
    split = least(decision, panel.total)
    if split is not None and noun != panel.noun:
        told = f"  least {panel.noun} of the splits"
        marks[id(split)] = "\nleast of the splits" if narrow else told
    if noun == panel.noun:  # Of what keeps to all limits.
        best = None if decision.uncompared else decision.best
    else:
        rivals = [
            cost
            for cost in decision.references
            if cost.choice.name not in ("label-only", *decision.refused)
        ]
        all_of_them = [*_acceptable(decision), *rivals]
        best = None
        if not {*decision.untimed} & {*decision.uncompared} and all(
            getattr(cost, panel.total) is not None for cost in all_of_them
        ):
            best = _least_of(all_of_them, panel.total)
    if best is not None:
        marks[id(best)] = "  least of all"
    if decision.winner is not None and noun in (panel.noun, aim.SUM):
        marks[id(decision.winner)] = "  chosen"
    return marks


def _acceptable(decision):
    return [c for c in decision.costs if c.choice.name not in decision.refused]


def _least_of(some_costs, field):
    known = [c for c in some_costs if getattr(c, field) is not None]
    return min(known, key=lambda c: getattr(c, field), default=None)


def _total(total, limit, mark):
    """Returns the sum at the end of a bar, and what is special about it."""
    told = "unknown" if total is None else text.number(total)
    if total is not None and total > limit:
        told = f"» {told}"
    return told + (mark or "")


def _write_total(axes, y, end, told, is_marked):
    note = axes.annotate(
        told,
        (end, y),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7 if "\n" in told else 8,
        linespacing=0.95,
        fontweight="bold" if is_marked else "normal",
    )
    note.set_in_layout(False)  # There is room, and measuring takes long.
