"""Latency and energy of each choice in stacked bars: table 4 as a picture."""

from bottlenet_tf.report import aim, text
from bottlenet_tf.report.costs_drawing import draw, is_known, least_of
from bottlenet_tf.report.picture import Picture
from bottlenet_tf.selection import Way

EXPLANATION = (
    "Stacked: where the time goes, and the device's energy. Of each split, the "
    "best of its operating points. Below the line is what splits must beat. "
    "Hatched is what a limit or the deadline refuses. All that is sent "
    "is charged its message and the answer's round trip. The codec's energy is "
    "in the device's. Of splits without a unit (raw), the chosen one alone is "
    "drawn. Compressing and decoding a cloud-only image isn't counted, in its "
    "favour. A bar with » is longer than drawn."
)
HEADER = (
    "choice", "way", "detail", "split", "point", "accuracy_percent",
    "test_accuracy_percent", "wire_bytes", "wire_bytes_p95", "wire_bytes_p99",
    "wire_bytes_max", "on_air_bytes", "device_ms", "codec_ms", "uplink_ms",
    "answer_ms", "cloud_ms", "latency_ms", "compute_mj", "uplink_mj",
    "waiting_mj", "energy_mj", "break_even_rtt_ms", "mark",
)  # fmt: skip
_FIGURES = HEADER[HEADER.index("on_air_bytes") : HEADER.index("energy_mj") + 1]


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
        f"{selection.machines}. The goal was {goal}: "
        + (f"{won} is chosen" if won else "no split is acceptable")
        + f"{not_compared(decision)}."
    )
    if decision.goal.deadline_ms is not None:
        told += " The dotted line is the deadline."
    if not is_known(decision, "energy_mj"):
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
        alt=f"Stacked bars for {link.name}: {lines}. Chosen for "
        f"{goal}: {won or 'none'}.",
        draw=lambda width: draw(decision, shown, width),
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
    return least_of(decision.acceptable, field)


def meter(selection):
    """Returns what told the device's power, for people."""
    return "unknown" if selection.meter == "none" else selection.meter


def _shown(decision):
    won = decision.winner and decision.winner.choice.split
    return [
        cost
        for cost in (*decision.shown, *decision.references)
        if cost.choice.way is not Way.RAW_SPLIT or cost.choice.split == won
    ]


def _row(decision, cost):
    choice, spread = cost.choice, cost.choice.spread
    sizes = (spread.p95, spread.p99, spread.max) if spread else (None,) * 3
    figures = [getattr(cost, name) for name in _FIGURES]
    return [
        choice.name, choice.way.value, choice.detail, choice.split,
        choice.point, choice.accuracy, choice.test_accuracy,
        choice.sent_bytes, *sizes, *figures,
        decision.break_even.get(choice.name),
        mark(decision, cost),
    ]  # fmt: skip
