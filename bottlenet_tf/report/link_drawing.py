"""The timeline of a driven link: rate, choice, latency, accuracy."""

import itertools
import statistics

from bottlenet_tf.common.diagrams import INK, new_figure
from bottlenet_tf.emulation.phases import starts_s
from bottlenet_tf.report import text
from bottlenet_tf.report.picture import CLOUD, DEVICE

_CUT, _BUSY, _ORACLE, _FIXED = "#CC3311", "#E69F00", "#000000", "#888888"
# Colour and label of the marks for images by where they were answered.
_LOOKS = {
    "split": (CLOUD, "the server answered a payload"),
    "cloud": ("#009E73", "the server answered an image"),
    "device": (DEVICE, "the device answered"),
    None: (INK, "no answer"),
}
_WINDOW_S = 1.0


def draw(recording, replayed, fixed):
    """Returns the Matplotlib figure of an `emulation.recording.Recording`.

    `replayed` has the `Record`s of an oracle and each fixed choice, by name, of
    which the choice `fixed` is drawn.
    """
    figure = new_figure(9, 8)
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
    return figure


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
    axes.stairs(rates, starts, fill=True, color=CLOUD, alpha=0.35)
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
    for color, label, group in _by_where(recording.answers):
        axes.plot(
            [a.begun_s for a in group],
            [order.index(a.choice or "–") for a in group],
            linestyle="none", marker="|", markersize=9, color=color,
            label=label,
        )  # fmt: skip
    axes.set_yticks(range(len(order)), map(text.short, order))
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_ylabel("tried first")


def _by_where(answers):
    for where, look in _LOOKS.items():
        group = [a for a in answers if a.where == where]
        if group:
            yield *look, group


def _draw_latencies(axes, recording, replayed, fixed):
    for color, label, group in _by_where(recording.answers):
        known = [a for a in group if a.latency_ms is not None]
        axes.plot(
            [a.begun_s for a in known], [a.latency_ms for a in known],
            linestyle="none", marker=".", markersize=3, color=color,
            label=label,
        )  # fmt: skip
    for name, label, color, dashes in (
        (fixed, f"always {text.short(fixed)}", _FIXED, "--"),
        ("oracle", "oracle", _ORACLE, "-"),
    ):
        axes.plot(
            *_medians(replayed[name]), color=color, linestyle=dashes,
            linewidth=1.3, label=f"{label}, replayed", drawstyle="steps-post",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylabel("latency, ms")
    axes.legend(fontsize="small", ncols=2, loc="upper left", markerscale=3)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.35)  # Room for the legend.


def _medians(records):
    """Returns times, and the median latency of images started in each s."""
    groups = itertools.groupby(records, lambda r: r.arrived_s // _WINDOW_S)
    return zip(
        *(
            (_WINDOW_S * window, statistics.median(r.latency_ms for r in group))
            for window, group in groups
        )
    )


def _draw_accuracy(axes, answers):
    right = itertools.accumulate(answer.right for answer in answers)
    shares = [100 * count / (i + 1) for i, count in enumerate(right)]
    axes.plot([a.time_s for a in answers], shares, color=INK)
    axes.set_ylim(min(90.0, min(shares[len(shares) // 10 :])), 100.5)
    axes.set_ylabel("right so far, %")
