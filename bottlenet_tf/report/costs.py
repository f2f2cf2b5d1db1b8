"""Latency and energy of each choice in stacked bars."""

import dataclasses

from matplotlib.patches import Patch

from bottlenet_tf.common.diagrams import INK, PALE, is_narrow, new_figure
from bottlenet_tf.report import picture, text
from bottlenet_tf.report.picture import Picture
from bottlenet_tf.report.text import ENERGY, SUM, TIME
from bottlenet_tf.selection import tables
from bottlenet_tf.selection.choices import Way

HEADER = (
    "choice", "way", "detail", "split", "point", "accuracy_percent",
    "test_accuracy_percent", "wire_bytes", "wire_bytes_p95", "wire_bytes_p99",
    "wire_bytes_max", "on_air_bytes", "device_ms", "codec_ms", "uplink_ms",
    "answer_ms", "cloud_ms", "latency_ms", "compute_mj", "uplink_mj",
    "waiting_mj", "energy_mj", "break_even_rtt_ms", "mark",
)  # fmt: skip
_FIGURES = HEADER[HEADER.index("on_air_bytes") : HEADER.index("energy_mj") + 1]
# A bar longer than this many times the longest split's is cut.
_LONGEST = 1.5
# Inches between bars; if there are many, all of them fit a printed page.
_PITCH, _SMALL_PITCH, _MANY = 0.235, 0.19, 20
# Inches: the least width of a panel on a page and on a phone, and that of a
# letter at its bars' ends.
_ROOM = {False: 2.6, True: 1.9}
_LETTER = 0.068
_NAMES = {
    picture.DEVICE: "device",
    picture.CODEC: "codec",
    picture.UPLINK: "up-link",
    picture.ANSWER: "answer, waiting",
    picture.CLOUD: "server",
}


@dataclasses.dataclass(frozen=True)
class _Panel:
    title: str
    noun: str
    total: str
    parts: dict


_PANELS = (
    _Panel("latency (ms)", TIME, "latency_ms", {
        "device_ms": picture.DEVICE, "codec_ms": picture.CODEC,
        "uplink_ms": picture.UPLINK, "answer_ms": picture.ANSWER,
        "cloud_ms": picture.CLOUD,
    }),
    _Panel("energy of the device (mJ)", ENERGY, "energy_mj", {
        "compute_mj": picture.DEVICE, "uplink_mj": picture.UPLINK,
        "waiting_mj": picture.ANSWER,
    }),
)  # fmt: skip


def of_decision(decision, selection):
    """Returns the `Picture` of a `selection.Decision` of a selection."""
    link, shown = decision.link, _shown(decision)
    goal = text.wanted(decision.goal)
    won = decision.winner and decision.winner.choice.name
    caption = (
        f"The cost of one image over {link.name} ({link.uplink_mbps:g} Mbit/s "
        f"up, round trip {link.rtt_ms:g} ms, "
        f"{text.number(link.message_overhead_bytes)} bytes per message) on "
        f"{selection.machines}. The goal was {goal}: "
        + (f"{won} is chosen" if won else "no split is acceptable")
        + f"{text.not_compared(decision)}."
    )
    if decision.goal.deadline_ms is not None:
        caption += " The dotted line is the deadline."
    if not _is_known(decision, "energy_mj"):
        caption += " The splits' energy is unknown: their profile has no power."
    lines = "; ".join(
        f"{c.choice.name} {text.number(c.latency_ms)} ms"
        + ("" if c.energy_mj is None else f" and {text.number(c.energy_mj)} mJ")
        for c in shown
    )
    return Picture(
        name=f"costs_{link.name}",
        caption=caption,
        alt=f"Stacked bars for {link.name}: {lines}. Chosen for "
        f"{goal}: {won or 'none'}.",
        draw=lambda width: _draw(decision, shown, width),
        header=HEADER,
        rows=[_row(decision, c) for c in decision.costs + decision.references],
        origins=(selection.origin,),
    )


def least(some_costs, field):
    """Returns the `Cost` of least known `field`, or None."""
    known = [c for c in some_costs if getattr(c, field) is not None]
    return min(known, key=lambda c: getattr(c, field), default=None)


def _shown(decision):
    """Returns each split's best `Cost`, and the references."""
    won = decision.winner and decision.winner.choice.split
    return [
        cost
        for cost in (*decision.shown, *decision.references)
        if cost.choice.way is not Way.RAW_SPLIT or cost.choice.split == won
    ]


def _row(decision, cost):
    choice, spread = cost.choice, cost.choice.spread
    sizes = (spread.p95, spread.p99, spread.max) if spread else (None,) * 3
    return [
        choice.name, choice.way.value, choice.detail, choice.split,
        choice.point, choice.accuracy, choice.test_accuracy,
        choice.sent_bytes, *sizes, *(getattr(cost, f) for f in _FIGURES),
        decision.break_even.get(choice.name), tables.mark(decision, cost),
    ]  # fmt: skip


def _is_known(decision, field):
    """Whether a total of any split is known; without splits, of any choice."""
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
    for axes, panel in zip(all_axes, panels):
        _draw_panel(axes, decision, shown, panel, narrow)
    if not narrow:
        for axes in figure.axes[1:]:
            axes.set_yticklabels([])
    used = {
        color
        for panel in panels
        for part, color in panel.parts.items()
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
    totals = [getattr(cost, panel.total) for cost in shown]
    splits, known = len(decision.shown), [total or 0.0 for total in totals]
    limit = min(_LONGEST * max(known[:splits]), max(known)) or 1.0
    left = [0.0] * len(shown)
    for part, color in panel.parts.items():
        ends = [
            min(a + (getattr(cost, part) or 0.0 if total else 0.0), limit)
            for a, cost, total in zip(left, shown, totals)
        ]
        widths = [end - a for end, a in zip(ends, left)]
        bars = axes.barh(
            range(len(shown)), widths, left=left, height=0.66, color=color
        )
        left = ends
        for cost, bar in zip(shown, bars):
            if cost.choice.name in decision.refused:
                bar.set(hatch="////", edgecolor="white", alpha=0.6)
    marks, most, room = _marks(decision, panel, narrow), limit, _ROOM[narrow]
    for y, (cost, total) in enumerate(zip(shown, totals)):
        mark = marks.get(id(cost), "")
        words = "unknown" if total is None else text.number(total)
        words = ("» " if (total or 0.0) > limit else "") + words + mark
        _write_total(axes, y, left[y], words, bool(mark))
        letters = max(map(len, words.split("\n")))
        taken = min(_LETTER * letters + 0.05, 0.8 * room)
        most = max(most, left[y] * room / (room - taken))
    size = 9 if len(shown) <= _MANY or narrow else 8
    names = [text.short_choice(cost.choice) for cost in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=size)
    for tick, cost in zip(axes.get_yticklabels(), shown):
        if cost is decision.winner:
            tick.set_fontweight("bold")
    axes.axhline(splits - 0.5, color=PALE, linewidth=0.8)
    deadline_ms = decision.goal.deadline_ms
    if panel.noun == TIME and deadline_ms is not None:
        axes.axvline(deadline_ms, color=INK, linestyle=":")
        most = max(most, 1.05 * deadline_ms)
    axes.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0, most))
    axes.set_title(panel.title, loc="left", fontsize=9)
    axes.tick_params(left=False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=4)


def _write_total(axes, y, end, words, is_marked):
    note = axes.annotate(
        words, (end, y), xytext=(3, 0), textcoords="offset points", va="center",
        fontsize=7 if "\n" in words else 8, linespacing=0.95,
        fontweight="bold" if is_marked else "normal",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip
    note.set_in_layout(False)  # There is room, and measuring takes long.


def _marks(decision, panel, narrow):
    """Returns `{id of a cost: mark}` for a panel.

    The goal's own panel marks the chosen split; the other one, if there is no
    deadline, the split that would be least there.
    """
    goal, marks = decision.goal, {}
    noun = text.noun(goal)
    if goal.deadline_ms is None:
        split = least(decision.acceptable, panel.total)
        if split is not None and noun != panel.noun:
            words = f"  least {panel.noun} of the splits"
            marks[id(split)] = "\nleast of the splits" if narrow else words
        best = _least_of_all(decision, panel, noun)
        if best is not None:
            marks[id(best)] = "  least of all"
    elif decision.best is not None and panel.noun == noun:
        marks[id(decision.best)] = "  best of all"
    if decision.winner is not None and noun in (panel.noun, SUM):
        marks[id(decision.winner)] = "  chosen"
    return marks


def _least_of_all(decision, panel, noun):
    """Returns the least `Cost` in a panel, with rivals; None if unknown."""
    if noun == panel.noun:  # Among the choices within all limits.
        return None if decision.uncompared else decision.best
    compared = [
        *decision.acceptable,
        *(
            cost
            for cost in decision.references
            if cost.choice.name not in ("label-only", *decision.refused)
        ),
    ]
    unmeasured = {*decision.untimed} & {*decision.uncompared}
    if unmeasured or any(getattr(c, panel.total) is None for c in compared):
        return None
    return least(compared, panel.total)
