"""In words: what was chosen, what else there is, and who costs less."""

import dataclasses

from bottlenet_tf.report import text

# What a reader holds a split against, in this order.
_RIVALS = ("mobile-only", "cloud-only, matched", "cloud-only, best")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is said of one network.

    Attributes:
        title: Of the paragraph.
        sentences: Tuple of strings.
        beaten: Whether something that isn't a split costs less.
    """

    title: str
    sentences: tuple
    beaten: bool


def of_decision(decision, baseline_accuracy):
    """Returns the `Verdict` of one network.

    Args:
        decision: `selection.Decision`.
        baseline_accuracy: Of the unsplit network, in percent; or None.
    """
    link, won = decision.link, decision.winner
    title = f"{link.name}, {link.uplink_mbps:g} Mbit/s up"
    if won is None:
        reasons = [
            f"{name}: {'; '.join(why)}"
            for name, why in decision.refused.items()
        ]
        return Verdict(
            f"{title}: no split",
            ("No split is acceptable.", *(f"{r}." for r in reasons)),
            True,
        )
    choice, best = won.choice, decision.best
    beaten = best is not won
    sentences = [
        f"Of the splits, {choice.name} costs least ({_goal(decision.goal)}): "
        f"{_figures(won)} an image, with {text.number(choice.sent_bytes)} "
        f"bytes sent and {text.percent(choice.accuracy)} accuracy"
        + _loss(choice.accuracy, baseline_accuracy)
    ]
    if beaten:
        sentences.append(
            f"But {best.choice.name} costs less than any split here: "
            f"{_figures(best)}."
        )
    sentences += _comparisons(decision, skip=best if beaten else None)
    for name in decision.untimed:
        sentences.append(f"{name} isn't timed in the profiles.")
    name = best.choice.name if beaten else choice.name
    return Verdict(
        f"{title}: {name if not beaten else f'{name}, not a split'}",
        tuple(sentences),
        beaten,
    )


def without_selection(search):
    """Returns sentences on a search that nothing was chosen from."""
    runs = search.runs
    lost = [s for s in search.splits if s not in search.candidates]
    told = []
    if runs:
        least = min(runs, key=lambda split: runs[split].wire_bytes)
        told.append(
            f"The fewest bytes are sent after {least}: "
            f"{text.number(runs[least].wire_bytes)} an image, with "
            f"{text.percent(runs[least].accuracy)} accuracy"
            + _loss(runs[least].accuracy, runs[least].baseline_accuracy)
        )
    if lost:
        told.append(
            f"After {text.listed(lost)} no unit loses less than "
            f"{search.max_loss:g} points."
        )
    return told


def _goal(goal):
    if not goal.energy_weight:
        return "by latency"
    if not goal.latency_weight:
        return "by energy"
    return f"by {goal.latency_weight:g} ms + {goal.energy_weight:g} mJ"


def _figures(cost):
    told = f"{text.number(cost.latency_ms)} ms"
    if cost.energy_mj is not None:
        told += f" and {text.number(cost.energy_mj)} mJ"
    return told


def _loss(accuracy, baseline):
    if accuracy is None or baseline is None:
        return "."
    return f" ({baseline - accuracy:.2f} points below the network)."


def _comparisons(decision, skip):
    found = {c.choice.name: c for c in decision.references}
    value = decision.goal.of(decision.winner)
    for name in _RIVALS:
        rival = found.get(name)
        if rival is None or rival is skip:
            continue
        sent = ""
        if rival.choice.sent_bytes:
            sent = (
                f", {text.number(rival.choice.sent_bytes)} bytes "
                f"({rival.choice.detail}, "
                f"{text.percent(rival.choice.accuracy)})"
            )
        times = decision.goal.of(rival) / value if value else 0.0
        yield (
            f"{name.capitalize()} takes {_figures(rival)}{sent}: "
            f"{text.number(times)} times what the split costs."
        )
