"""The choices at other rates of the link and other loads."""

from bottlenet_tf.common.diagrams import PALE, is_narrow, new_figure
from bottlenet_tf.report import text
from bottlenet_tf.report.picture import Picture, ink_on, looks_of


def of_decision(decision, selection, splits):
    """Returns the `Picture` of a decision's scenarios.

    `splits` are all of the network's, in order, for their colours.
    """
    link, scenarios = decision.link, decision.scenarios
    winners = sorted({_name(s.winner) for s in scenarios})
    found = f"{text.listed(winners)}, each somewhere"
    if len(winners) == 1:
        found = f"{winners[0]} in all of them"
    return Picture(
        name=f"sensitivity_{link.name}",
        caption=(
            f"Split that {text.reached(decision.goal)} around "
            f"{link.name}, with {text.number(link.message_overhead_bytes)} "
            f"bytes per message: {found}."
        ),
        alt=f"Chosen splits at other rates and loads of {link.name}: {found}.",
        draw=lambda width: _draw(decision, splits, width),
        header=(
            "rate_factor", "uplink_mbps", "device_load", "cloud_load",
            "winner", "latency_ms", "energy_mj",
        ),
        rows=[
            [s.rate_factor, s.rate_factor * link.uplink_mbps, s.device_load,
             s.cloud_load, _name(s.winner), s.winner and s.winner.latency_ms,
             s.winner and s.winner.energy_mj]
            for s in scenarios
        ],
        origins=(selection.origin,),
    )  # fmt: skip


def _name(winner):
    return winner.choice.name if winner else "none"


def _draw(decision, splits, width):
    scenarios = decision.scenarios
    rates = sorted({s.rate_factor for s in scenarios})
    loads = sorted({(s.device_load, s.cloud_load) for s in scenarios})
    looks, narrow = looks_of(splits), is_narrow(width)
    labels = [_label(s.winner, decision.goal, narrow) for s in scenarios]
    lines = 1 + max(one.count("\n") for one in labels)
    figure = new_figure(width, 0.75 + (0.24 + 0.12 * lines) * len(loads))
    axes = figure.add_subplot()
    for scenario, words in zip(scenarios, labels):
        x = rates.index(scenario.rate_factor)
        y = loads.index((scenario.device_load, scenario.cloud_load))
        won = scenario.winner and scenario.winner.choice.split
        color, _ = looks.get(won, (PALE, ""))
        axes.barh(y, 1, left=x - 0.5, height=1, color=color, edgecolor="white")
        axes.text(x, y, words, ha="center", va="center", fontsize=8,
                  linespacing=1.1, color=ink_on(color))  # fmt: skip
    mbps = decision.link.uplink_mbps
    names = [f"{rate * mbps:.3g} Mbit/s" for rate in rates]
    axes.set_xticks(range(len(rates)), names)
    names = [f"load {device} / {cloud}" for device, cloud in loads]
    axes.set_yticks(range(len(loads)), names, fontsize=8)
    axes.xaxis.tick_top()
    axes.set(xlim=(-0.5, len(rates) - 0.5), ylim=(len(loads) - 0.5, -0.5))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _label(winner, goal, narrow):
    if winner is None:
        return "none"
    figures = []
    if goal.deadline_ms is not None:
        figures.append(text.percent(winner.choice.shown_accuracy))
    elif goal.latency_weight:
        figures.append(f"{text.number(winner.latency_ms)} ms")
    if goal.energy_weight:
        figures.append(f"{text.number(winner.energy_mj)} mJ")
    name, figures = text.short_choice(winner.choice), ", ".join(figures)
    if narrow:
        return f"{name.replace(' at point', chr(10) + 'point')}\n{figures}"
    return f"{name}: {figures}"
