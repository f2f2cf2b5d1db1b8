"""What a selection wants, in words: little time or energy, or accuracy."""

TIME, ENERGY, SUM = "time", "energy", "weighted sum"


def quantity(goal):
    """Returns the noun of `selection.Goal.of`, by which choices are compared.

    With a deadline, that is time.
    """
    if not goal.energy_weight:
        return TIME
    if not goal.latency_weight:
        return ENERGY
    return SUM


def told(goal):
    """Returns what was asked for: "the least time"; a sum with its weights."""
    if goal.deadline_ms is not None:
        return f"the most accuracy within {goal.deadline_ms:g} ms"
    weights = ""
    if quantity(goal) == SUM:
        weights = (
            f" ({goal.latency_weight:g} × ms + {goal.energy_weight:g} × mJ)"
        )
    return f"the least {quantity(goal)}{weights}"


def reached(goal):
    """Returns the same with its verb: "takes the least time"."""
    verb = "takes" if goal.deadline_ms is None else "reaches"
    return f"{verb} {told(goal)}"


def beats(goal):
    """Returns what something does that is ahead: "takes less time"."""
    if goal.deadline_ms is not None:
        return f"does better within {goal.deadline_ms:g} ms"
    return f"takes less {quantity(goal)}"
