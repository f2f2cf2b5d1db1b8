"""What a selection makes small, in words: time, energy, or their sum."""

TIME, ENERGY, SUM = "time", "energy", "weighted sum"


def quantity(goal):
    """Returns the noun that stands for a `selection.Goal`."""
    if not goal.energy_weight:
        return TIME
    if not goal.latency_weight:
        return ENERGY
    return SUM


def told(goal):
    """Returns the same; a sum with its weights."""
    if goal.energy_weight and goal.latency_weight:
        return (
            f"{quantity(goal)} ({goal.latency_weight:g} × ms + "
            f"{goal.energy_weight:g} × mJ)"
        )
    return quantity(goal)
