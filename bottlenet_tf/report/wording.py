"""The wording of a decision's goal, for page and pictures."""

from bottlenet_tf.report import text

TIME, ENERGY, SUM = "time", "energy", "weighted sum"


def quantity(goal):
    """Returns the noun of `selection.Goal.of`; with a deadline, time."""
    if not goal.energy_weight:
        return TIME
    return SUM if goal.latency_weight else ENERGY


def wanted(goal):
    """Returns a goal as "the least time"; a sum with its weights."""
    if goal.deadline_ms is not None:
        return f"the most accuracy within {goal.deadline_ms:g} ms"
    weights = ""
    if quantity(goal) == SUM:
        weights = (
            f" ({goal.latency_weight:g} × ms + {goal.energy_weight:g} × mJ)"
        )
    return f"the least {quantity(goal)}{weights}"


def reached(goal):
    """Returns a goal as "takes the least time"."""
    verb = "reaches" if goal.deadline_ms is not None else "takes"
    return f"{verb} {wanted(goal)}"


def beats(goal):
    """Returns how a rival is ahead: "takes less time"."""
    if goal.deadline_ms is not None:
        return f"does better within {goal.deadline_ms:g} ms"
    return f"takes less {quantity(goal)}"


def not_compared(decision):
    """Returns ", not compared with ..."; "" if all rivals were measured."""
    names = decision.uncompared
    return f", not compared with {text.listed(names)}" if names else ""


def least(some_costs, field):
    """Returns the `Cost` of least known `field`, or None."""
    known = [c for c in some_costs if getattr(c, field) is not None]
    return min(known, key=lambda c: getattr(c, field), default=None)


def chosen_for(selection):
    """Returns `{Choice name: (Choice, names of networks)}` of the winners."""
    found = {}
    for decision in selection.decisions if selection else ():
        if decision.winner:
            choice = decision.winner.choice
            found.setdefault(choice.name, (choice, []))[1].append(
                decision.link.name
            )
    return found
