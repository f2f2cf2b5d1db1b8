"""A decision in words: the chosen split, its rivals, and the cheaper ones."""

import dataclasses

from bottlenet_tf.report import decisions, text
from bottlenet_tf.selection import tables
from bottlenet_tf.selection.costs import ALWAYS, NEVER

# The names of a split's rivals in a sentence.
_RIVALS = {
    "mobile-only": "mobile-only",
    "cloud-only, matched": "cloud-only at matched accuracy",
    "cloud-only, tuned": "cloud-only with a network tuned for the codec",
    "cloud-only, best": "cloud-only at the highest quality",
}
_NOUNS = (("latency_ms", decisions.TIME), ("energy_mj", decisions.ENERGY))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The text on one link, with `others` as a list below.

    `beaten` says whether a rival costs less, or may, since one wasn't measured.
    """

    title: str
    sentences: tuple
    others: tuple
    beaten: bool


def of_decision(decision, baseline_accuracy):
    """Returns the `Verdict` of a `selection.Decision`.

    `baseline_accuracy` is the unsplit network's in percent, or None.
    """
    link, won, best = decision.link, decision.winner, decision.best
    title = f"{link.name} ({link.uplink_mbps:g} Mbit/s up)"
    if won is None:
        shown = (c.choice.name for c in (*decision.shown, *decision.references))
        reasons = tuple(
            f"{name}: {'; '.join(decision.refused[name])}"
            for name in shown
            if name in decision.refused
        )
        lead = ("No split is acceptable.", *tables.unmeasured([decision]))
        return Verdict(f"{title}: no split", lead, reasons, True)
    choice, beaten = won.choice, best is not won
    sentences = [
        f"Of the splits, {choice.name} {decisions.reached(decision.goal)}: "
        f"{_figures(won)} per image, with {text.number(won.on_air_bytes)} "
        f"bytes on the air ({text.number(choice.sent_bytes)} wire bytes, "
        f"{text.number(link.message_overhead_bytes)} of the message) and "
        f"{text.percent(choice.shown_accuracy)} accuracy"
        + _loss(choice.shown_accuracy, baseline_accuracy)
    ]
    if choice.spread:
        sentences.append(tables.sizes(choice))
    title += f": {choice.name}"
    if beaten:
        name = _RIVALS.get(best.choice.name, best.choice.name)
        title += f" of the splits, but {name} {decisions.beats(decision.goal)}"
        sentences.append(
            f"No split pays here: {name} {decisions.beats(decision.goal)} than "
            f"any, {_costs(best)}."
        )
    rivals = [
        f"{_RIVALS[cost.choice.name].capitalize()}: {_costs(cost)}"
        f"{_times(decision, cost)}{_refused(decision, cost)}."
        for cost in decision.references
        if cost.choice.name in _RIVALS and not (beaten and cost is best)
    ]
    others = (_break_even(decision), *_least(decision), _slack(decision))
    return Verdict(
        title + decisions.not_compared(decision),
        (*sentences, *tables.unmeasured([decision])),
        (*rivals, *filter(None, others)),
        beaten or bool(decision.uncompared),
    )


def without_selection(search):
    """Returns sentences on a search without a selection."""
    runs = search.runs
    lost = [s for s in search.splits if s not in search.candidates]
    sentences = []
    if runs:
        least = min(runs, key=lambda split: runs[split].wire_bytes)
        sentences.append(
            f"The fewest wire bytes are sent after {least}: "
            f"{text.number(runs[least].wire_bytes)} per image, with "
            f"{text.percent(runs[least].accuracy)} accuracy"
            + _loss(runs[least].accuracy, runs[least].baseline_accuracy)
        )
    if lost:
        sentences.append(
            f"After {text.listed(lost)} no unit loses less than "
            f"{search.results.max_accuracy_loss:g} points."
        )
    return sentences


def _slack(decision):
    """Returns the longest round trip that meets the deadline."""
    won, most = decision.winner, decision.goal.deadline_ms
    if most is None:
        return ""
    rtt_ms = decision.link.rtt_ms + most - won.latency_ms
    return (
        f"{won.choice.name} meets the deadline up to a round trip of "
        f"{text.quantity(rtt_ms, 'ms')}, for an image of mean size."
    )


def _least(decision):
    """Yields sentences on the splits that other goals would choose."""
    for field, noun in _NOUNS if decision.goal.deadline_ms is None else ():
        least = decisions.least(decision.acceptable, field)
        if least is not None and least is not decision.winner:
            yield (
                f"The least {noun} of the splits: {least.choice.name}, "
                f"{_figures(least)}."
            )


def _break_even(decision):
    """Returns the round trip above which mobile-only is better."""
    name = decision.winner.choice.name
    value = decision.break_even.get(name)
    if value is None:
        return ""
    when = {ALWAYS: "at any round trip", NEVER: "at no round trip"}.get(value)
    if when is None:
        when = (
            f"once a round trip exceeds {text.quantity(value, 'ms')}; "
            f"{decision.link.rtt_ms:g}{text.NO_BREAK}ms is counted here"
        )
    noun = decisions.quantity(decision.goal)
    return f"Mobile-only is ahead of {name} in {noun} {when}."


def _refused(decision, cost):
    reasons = decision.refused.get(cost.choice.name)
    return f" (refused: {'; '.join(reasons)})" if reasons else ""


def _figures(cost):
    figures = text.quantity(cost.latency_ms, "ms")
    if cost.energy_mj is not None:
        figures += f" and {text.quantity(cost.energy_mj, 'mJ')}"
    return figures


def _loss(accuracy, baseline):
    if accuracy is None or baseline is None:
        return "."
    return f" ({baseline - accuracy:.2f} points below the network)."


def _costs(cost):
    choice = cost.choice
    if not choice.sent_bytes:
        return _figures(cost)
    return (
        f"{_figures(cost)} with {text.number(cost.on_air_bytes)} bytes on the "
        f"air ({choice.detail}, {text.percent(choice.shown_accuracy)})"
    )


def _times(decision, cost):
    goal, winner = decision.goal, decision.winner
    if not goal.knows(cost):
        return ""
    won = goal.of(winner)
    times = text.number(goal.of(cost) / won) if won else "any number of"
    noun = decisions.quantity(goal)
    return f", {times} times the {noun} of {winner.choice.name}"
