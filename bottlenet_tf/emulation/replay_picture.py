"""Timeline of one replay: the link's rate and the controller's choices."""

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SECONDS, _POINTS = 60.0, 600
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
_GREY = "#888888"


@style.context("default")
def write(path, world, records):
    """Draws the first minute of a replay to a PNG."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    rate, latency = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    to_s = min(_SECONDS, world.trace.duration_s)
    _draw_rate(rate, world, to_s)
    _draw_latencies(latency, [r for r in records if r.arrived_s < to_s])
    latency.set_xlim(0, to_s)
    figure.savefig(path, dpi=120)


def _draw_rate(axes, world, to_s):
    step = to_s / _POINTS
    times = [i * step for i in range(_POINTS)]
    bits = [world.trace.bits_by(t) for t in (*times, to_s)]
    rates = [
        (after - before) / step / 1e6 for before, after in zip(bits, bits[1:])
    ]
    axes.fill_between(times, rates, step="post", color=_GREY, alpha=0.5)
    for begin_s, end_s in world.outages:
        axes.axvspan(begin_s, end_s, color="#cc3311", alpha=0.25)
    axes.set_ylabel("up-link, Mbit/s")
    axes.set_ylim(0)
    axes.set_title(world.trace.name, loc="left", fontsize="medium")


def _draw_latencies(axes, records):
    names = sorted({record.choice.name for record in records})
    for i, name in enumerate(names):
        points = [r for r in records if r.choice.name == name]
        axes.plot(
            [r.arrived_s for r in points],
            [r.latency_ms for r in points],
            linestyle="none",
            marker="o" if i < len(_COLOURS) else "s",
            markersize=2.5,
            color=_COLOURS[i % len(_COLOURS)],
            label=name,
        )
    axes.set_yscale("log")
    axes.set_ylabel("latency, ms")
    axes.set_xlabel("s")
    if names:
        axes.legend(fontsize="small", markerscale=2, loc="upper right")
