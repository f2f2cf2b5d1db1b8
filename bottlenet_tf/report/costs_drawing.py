"""Draws latency and energy of each choice as stacked bars."""

import dataclasses

from matplotlib.patches import Patch

from bottlenet_tf.report import aim, palette, text
from bottlenet_tf.report.picture import is_narrow, new_figure

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


def is_known(decision, field):
    """Whether a total is known of any split; without splits, of anything."""
    costs = decision.costs or decision.references
    return any(getattr(cost, field) is not None for cost in costs)


def draw(decision, shown, width):
    """Returns the Matplotlib figure of some choices.

    Args:
        decision: `selection.Decision`.
        shown: List of `selection.Cost`, splits first, then references.
        width: Of the figure in inches.
    """
    panels = [panel for panel in _PANELS if is_known(decision, panel.total)]
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
    splits = len(decision.shown)
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
    names = [text.short_choice(cost.choice) for cost in shown]
    size = 9 if len(shown) <= _MANY or narrow else 8
    axes.set_yticks(range(len(shown)), names, fontsize=size)
    for tick, cost in zip(axes.get_yticklabels(), shown, strict=True):
        if cost is decision.winner:
            tick.set_fontweight("bold")
    axes.axhline(splits - 0.5, color=palette.PALE, linewidth=0.8)
    deadline_ms = decision.goal.deadline_ms
    if panel.noun == aim.TIME and deadline_ms is not None:
        axes.axvline(deadline_ms, color=palette.INK, linestyle=":")
        most = max(most, 1.05 * deadline_ms)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, most)
    axes.set_title(f"{panel.title} ({panel.unit})", loc="left", fontsize=9)
    axes.tick_params(left=False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=4)


def _marks(decision, panel, narrow):
    """Returns `{id of a cost: what is special about it in this panel}`.

    Chosen is what the goal asks for: a panel that isn't of the goal shows
    which split would be least there. With a deadline, none is: it asks for
    accuracy, and time is what is shown of it.
    """
    goal, noun, marks = decision.goal, aim.quantity(decision.goal), {}
    if goal.deadline_ms is None:
        split = least_of(decision.acceptable, panel.total)
        if split is not None and noun != panel.noun:
            told = f"  least {panel.noun} of the splits"
            marks[id(split)] = "\nleast of the splits" if narrow else told
        best = _least_of_all(decision, panel, noun)
        if best is not None:
            marks[id(best)] = "  least of all"
    elif decision.best is not None and panel.noun == noun:
        marks[id(decision.best)] = "  best of all"
    if decision.winner is not None and noun in (panel.noun, aim.SUM):
        marks[id(decision.winner)] = "  chosen"
    return marks


def _least_of_all(decision, panel, noun):
    """Returns the `Cost` that is least in a panel, rivals included, or None."""
    if noun == panel.noun:  # Of what keeps to all limits.
        return None if decision.uncompared else decision.best
    rivals = [
        cost
        for cost in decision.references
        if cost.choice.name not in ("label-only", *decision.refused)
    ]
    all_of_them = [*decision.acceptable, *rivals]
    unmeasured = {*decision.untimed} & {*decision.uncompared}
    if unmeasured or any(
        getattr(cost, panel.total) is None for cost in all_of_them
    ):
        return None
    return least_of(all_of_them, panel.total)


def least_of(some_costs, field):
    """Returns the `Cost` of least `field` where that is known, or None."""
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
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )
    note.set_in_layout(False)  # There is room, and measuring takes long.
