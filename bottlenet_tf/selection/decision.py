"""One decision in full: every cost, what was refused, what won, how surely."""

import dataclasses

from bottlenet_tf.selection.choices import from_report, references
from bottlenet_tf.selection.choosing import (
    cheapest,
    pareto_front,
    refusals,
    sensitivity,
)
from bottlenet_tf.selection.costs import cost


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was decided for one link and one goal.

    Attributes:
        link: `Link`.
        goal: `Goal`.
        costs: `Cost` of every split, in the order given.
        references: `Cost` of what splits must beat.
        refused: `{name: reasons}` of the splits that a limit rules out.
        untimed: `{name: reason}` of references that a profile can't time.
        winner: `Cost` of the cheapest acceptable split; None if no split is.
        best: `Cost` of the cheapest of winner and references; references
            beyond a limit, or whose energy the goal needs and nobody knows,
            aren't counted, nor is the label-only bound, which answers another
            question. None if nothing is left.
        front: Names on the Pareto front of the acceptable splits.
        scenarios: `Scenario`s: the choice at other rates and loads.
    """

    link: object
    goal: object
    costs: tuple
    references: tuple
    refused: dict
    untimed: dict
    winner: object
    best: object
    front: tuple
    scenarios: tuple


def decide_runs(runs, reports, machines, links, goal, limits, max_loss):
    """Returns the `Decision` of each link, among finished runs.

    Args:
        runs: `{name: work directory}`, by the names that profiles have.
        reports: `{name: report}` of the same.
        machines: `Machines`.
        links: List of `Link`.
        goal: `Goal`.
        limits: `Limits`.
        max_loss: Points that cloud-only at matched accuracy may lose.

    Raises:
        ValueError: for runs of several networks; see `decide`.
    """
    splits = [
        from_report(name, reports[name], str(folder))
        for name, folder in runs.items()
    ]
    others = references(reports, max_loss)
    return [
        decide(splits, others, machines, link, goal, limits) for link in links
    ]


def decide(choices, others, machines, link, goal, limits):
    """Returns the `Decision`.

    Args:
        choices: List of `Choice`, the splits.
        others: List of `Choice`, see `references`.
        machines: `Machines`.
        link: `Link`.
        goal: `Goal`.
        limits: `Limits`; references beyond them are shown all the same.

    Raises:
        ValueError: if a profile lacks what a split needs, or the goal an
            energy.
    """
    refused = {c.name: refusals(c, machines, limits) for c in choices}
    refused = {name: reasons for name, reasons in refused.items() if reasons}
    acceptable = [c for c in choices if c.name not in refused]
    timed, untimed = [], {}
    for reference in others:
        try:
            timed.append(cost(reference, machines, link))
        except ValueError as error:  # Profiles by hand may lack "whole".
            untimed[reference.name] = str(error)
    winner, scenarios = None, ()
    if acceptable:
        winner = cheapest(acceptable, machines, link, goal)
        scenarios = tuple(sensitivity(acceptable, machines, link, goal))
    rivals = [
        reference
        for reference in timed
        if reference.choice.name != "label-only"
        and goal.knows(reference)
        and not refusals(reference.choice, machines, limits)
    ]
    rivals += [winner] if winner else []
    front = pareto_front([cost(c, machines, link) for c in acceptable])
    return Decision(
        link,
        goal,
        tuple(cost(c, machines, link) for c in choices),
        tuple(timed),
        refused,
        untimed,
        winner,
        min(rivals, key=goal.of, default=None),
        tuple(c.choice.name for c in front),
        scenarios,
    )
