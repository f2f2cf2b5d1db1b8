"""The time line of a driven link: rate, choice, latency, accuracy."""

import io
import itertools
import statistics

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bottlenet_tf.emulation.phases import starts_s

# Okabe and Ito's, which the colour-blind tell apart.
COLORS = {"split": "#0072B2", "cloud": "#009E73", "device": "#D55E00"}
_CUT, _BUSY, _INK = "#CC3311", "#E69F00", "#1A1A1A"
_ORACLE, _FIXED = "#000000", "#888888"
_WINDOW_S = 1.0
_LONGEST = 24
_STYLE = {
    "svg.fonttype": "none",  # Text stays text.
    "svg.hashsalt": "bottlenet_tf",
    "text.parse_math": False,  # Names may hold dollars.
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def svg(recording, replayed, fixed):
    """Returns the drawing as the text of an SVG element.

    Args:
        recording: `emulation.recording.Recording`.
        replayed: `Record`s of an oracle and each fixed choice, by name.
        fixed: Name of the fixed choice that is drawn.
    """
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(9, 8), layout="constrained")
        FigureCanvasAgg(figure)
        link, choice, latency, accuracy = figure.subplots(
            4, 1, sharex=True, height_ratios=(1.1, 1.2, 2.2, 1)
        )
        _draw_link(link, recording.phases)
        _draw_choices(choice, recording)
        _draw_latencies(latency, recording, replayed, fixed)
        _draw_accuracy(accuracy, recording.answers)
        for axes in (choice, latency, accuracy):
            _shade(axes, recording.phases)
        accuracy.set_xlim(0, starts_s(recording.phases)[-1])
        accuracy.set_xlabel("s")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=_NO_METADATA)
    text = file.getvalue()
    return text[text.index("<svg") :]


def _shade(axes, phases):
    starts = starts_s(phases)
    for phase, begin_s, end_s in zip(phases, starts, starts[1:]):
        color = _CUT if phase.outage else _BUSY
        if phase.outage or phase.busy_ms is not None:
            axes.axvspan(begin_s, end_s, color=color, alpha=0.15, linewidth=0)
        axes.axvline(begin_s, color="0.85", linewidth=0.8, zorder=0)


def _draw_link(axes, phases):
    starts = starts_s(phases)
    rates = [0.0 if phase.outage else phase.mbps for phase in phases]
    axes.stairs(rates, starts, fill=True, color=COLORS["split"], alpha=0.35)
    _shade(axes, phases)
    highest = max(phase.mbps for phase in phases)
    for phase, begin_s in zip(phases, starts):
        axes.text(begin_s, 1.08 * highest, f" {phase.name}", va="bottom")
    axes.set_ylim(0, 1.45 * highest)
    axes.set_ylabel("Mbit/s")


def _draw_choices(axes, recording):
    named = {answer.choice or "–" for answer in recording.answers}
    order = [c.name for c in recording.plan.choices if c.name in named]
    order += sorted(named - set(order))
    for where, group in _by_where(recording.answers):
        axes.plot(
            [a.begun_s for a in group],
            [order.index(a.choice or "–") for a in group],
            linestyle="none", marker="|", markersize=9,
            color=COLORS.get(where, _INK), label=_ANSWERED[where],
        )  # fmt: skip
    axes.set_yticks(range(len(order)), map(_short, order))
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_ylabel("tried first")


def _short(name):
    """Returns what of a name a drawing has room for."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


_ANSWERED = {
    "split": "the server answered a payload",
    "cloud": "the server answered an image",
    "device": "the device answered",
    None: "nobody answered",
}


def _by_where(answers):
    for where in _ANSWERED:
        group = [a for a in answers if a.where == where]
        if group:
            yield where, group


def _draw_latencies(axes, recording, replayed, fixed):
    for where, group in _by_where(recording.answers):
        known = [a for a in group if a.latency_ms is not None]
        axes.plot(
            [a.begun_s for a in known], [a.latency_ms for a in known],
            linestyle="none", marker=".", markersize=3,
            color=COLORS.get(where, _INK), label=_ANSWERED[where],
        )  # fmt: skip
    for name, color, dashes in (
        (fixed, _FIXED, "--"),
        ("oracle", _ORACLE, "-"),
    ):
        times, medians = _medians(replayed[name])
        label = f"{name}, replayed" if name == "oracle" else (
            f"always {_short(name)}, replayed"
        )  # fmt: skip
        axes.plot(
            times, medians, color=color, linestyle=dashes, linewidth=1.3,
            label=label, drawstyle="steps-post",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylabel("latency, ms")
    axes.legend(fontsize="small", ncols=2, loc="upper left", markerscale=3)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.35)  # Room for the legend.


def _medians(records):
    """Returns times, and the median latency of the images begun in each s."""
    groups = itertools.groupby(records, lambda r: r.arrived_s // _WINDOW_S)
    found = [
        (_WINDOW_S * window, statistics.median(r.latency_ms for r in group))
        for window, group in groups
    ]
    return [time for time, _ in found], [median for _, median in found]


def _draw_accuracy(axes, answers):
    right = itertools.accumulate(answer.right for answer in answers)
    shares = [100 * count / (i + 1) for i, count in enumerate(right)]
    axes.plot([a.time_s for a in answers], shares, color=_INK)
    axes.set_ylim(min(90.0, min(shares[len(shares) // 10 :])), 100.5)
    axes.set_ylabel("right so far, %")
