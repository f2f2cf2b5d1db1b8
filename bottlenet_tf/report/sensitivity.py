"""What would be chosen at other rates of the link and other loads."""

from bottlenet_tf.report import aim, palette, text
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

EXPLANATION = (
    "Rows: the load of device / server, how many other processes each is busy "
    "with. Splits alone are chosen among here, not mobile-only or cloud-only. "
    "The round trip and what a message takes stay as they are."
)
_HEADER = (
    "rate_factor", "uplink_mbps", "device_load", "cloud_load", "winner",
    "latency_ms", "energy_mj",
)  # fmt: skip


def picture(decision, selection, splits):
    """Returns the `Picture` of one network's scenarios.

    Args:
        decision: `selection.Decision` that has some.
        selection: `selection_file.Selection` that it is of.
        splits: All of the network's, in order, for their colours.
    """
    link = decision.link
    winners = sorted({s.winner.name for s in decision.scenarios})
    told = (
        f"{winners[0]} in all of them"
        if len(winners) == 1
        else f"{text.listed(winners)}, each somewhere"
    )
    return Picture(
        name=f"sensitivity_{link.name}",
        caption=(
            f"Which split takes the least {aim.told(decision.goal)} around "
            f"{link.name}, with {text.number(link.message_overhead_bytes)} "
            f"bytes a message: {told}."
        ),
        alt=f"Chosen splits at other rates and loads of {link.name}: {told}.",
        draw=lambda width: _draw(decision, splits, width),
        header=_HEADER,
        rows=[
            [s.rate_factor, s.rate_factor * link.uplink_mbps, s.device_load,
             s.cloud_load, s.winner.name, s.winner.latency_ms,
             s.winner.energy_mj]
            for s in decision.scenarios
        ],
        origins=(selection.origin,),
    )  # fmt: skip


def _draw(decision, splits, width):
    scenarios = decision.scenarios
    rates = sorted({s.rate_factor for s in scenarios})
    loads = sorted({(s.device_load, s.cloud_load) for s in scenarios})
    looks = palette.of_splits(splits)
    of_name = {c.choice.name: c.choice.split for c in decision.costs}
    narrow = is_narrow(width)
    figure = new_figure(width, 0.75 + (0.42 if narrow else 0.36) * len(loads))
    axes = figure.add_subplot()
    for scenario in scenarios:
        x = rates.index(scenario.rate_factor)
        y = loads.index((scenario.device_load, scenario.cloud_load))
        color, _ = looks.get(of_name[scenario.winner.name], (palette.PALE, ""))
        axes.barh(y, 1, left=x - 0.5, height=1, color=color, edgecolor="white")
        axes.text(
            x, y, _told(scenario.winner, decision.goal, narrow),
            ha="center", va="center", fontsize=8, linespacing=1.1,
            color=palette.ink_on(color),
        )  # fmt: skip
    mbps = decision.link.uplink_mbps
    axes.set_xticks(
        range(len(rates)), [f"{rate * mbps:.3g} Mbit/s" for rate in rates]
    )
    axes.xaxis.tick_top()
    axes.set_yticks(
        range(len(loads)), [f"load {a} / {b}" for a, b in loads], fontsize=8
    )
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.set_ylim(len(loads) - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _told(winner, goal, narrow):
    figures = []
    if goal.latency_weight:
        figures.append(f"{text.number(winner.latency_ms)} ms")
    if goal.energy_weight:
        figures.append(f"{text.number(winner.energy_mj)} mJ")
    name = text.short(winner.name)
    return f"{name}{chr(10) if narrow else ': '}{', '.join(figures)}"
