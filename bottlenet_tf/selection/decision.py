"""One decision in full: every cost, what was refused, what won, how surely."""

import dataclasses

from bottlenet_tf.selection.break_even import break_even_rtt_ms
from bottlenet_tf.selection.choices import Way, from_report, references
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
        refused: `{name: reasons}` of splits and references that a limit rules
            out.
        unmeasured: `{name: reason}` of references of which a profile lacks the
            time, or a power that the goal needs. The reason says how to
            measure it.
        winner: `Cost` of the cheapest acceptable split; None if no split is.
        best: `Cost` of the cheapest of winner and references; references that
            are unmeasured or refused aren't counted, nor is the label-only
            bound, which answers another question. None if nothing is left.
        front: Names on the Pareto front of the acceptable splits.
        scenarios: `Scenario`s: the choice at other rates and loads.
        break_even: `{name: round trip in ms}` above which mobile-only costs
            less, of all that is sent, limits or not; see `break_even_rtt_ms`.
    """

    link: object
    goal: object
    costs: tuple
    references: tuple
    refused: dict
    unmeasured: dict
    winner: object
    best: object
    front: tuple
    scenarios: tuple
    break_even: dict

    @property
    def untimed(self):
        """Names of references that have no `Cost`."""
        timed = {cost.choice.name for cost in self.references}
        return tuple(name for name in self.unmeasured if name not in timed)

    @property
    def uncompared(self):
        """Names of the rivals that the winner could not be held against."""
        return tuple(name for name in self.unmeasured if name != "label-only")


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
    timed, unmeasured = _measured(others, machines, link, goal)
    known = [*choices, *(found.choice for found in timed)]
    refused = {c.name: refusals(c, machines, link, limits) for c in known}
    refused = {name: reasons for name, reasons in refused.items() if reasons}
    acceptable = [c for c in choices if c.name not in refused]
    winner, scenarios = None, ()
    if acceptable:
        winner = cheapest(acceptable, machines, link, goal)
        scenarios = tuple(sensitivity(acceptable, machines, link, goal))
    rivals = [
        reference
        for reference in timed
        if reference.choice.name not in ("label-only", *unmeasured, *refused)
    ]
    rivals += [winner] if winner else []
    costs = tuple(cost(c, machines, link) for c in choices)
    front = pareto_front([c for c in costs if c.choice.name not in refused])
    return Decision(
        link,
        goal,
        costs,
        tuple(timed),
        refused,
        unmeasured,
        winner,
        min(rivals, key=goal.of, default=None),
        tuple(c.choice.name for c in front),
        scenarios,
        _break_even([*costs, *timed], machines, link, goal),
    )


def _measured(references, machines, link, goal):
    """Returns the `Cost`s that can be timed, and `{name: what is missing}`."""
    timed, unmeasured = [], {}
    for reference in references:
        try:
            found = cost(reference, machines, link)
        except ValueError:  # A profile may lack "whole".
            unmeasured[reference.name] = _lacks("time", reference, machines)
            continue
        timed.append(found)
        if goal.knows(found):
            continue
        unmeasured[reference.name] = (
            f"The power of the radio of {link.name} is unknown; give "
            "--alpha_mw_per_mbps and --beta_mw."
            if found.uplink_mj is None
            else _lacks("power", reference, machines)
        )
    return timed, unmeasured


def _break_even(costs, machines, link, goal):
    """Returns `{name: break-even round trip}` of all that is sent."""
    alone = (c for c in costs if c.choice.way is Way.DEVICE)
    mobile_only = next((c for c in alone if not c.choice.sends), None)
    return {
        c.choice.name: break_even_rtt_ms(
            c.choice, mobile_only, machines, link, goal
        )
        for c in costs
        if c.choice.sends
    }


def _lacks(figure, reference, machines):
    """Says what a profile lacks of a reference, and what measures it."""
    profile, load = machines.device, machines.device_load
    if reference.way is Way.CLOUD:
        profile, load = machines.cloud, machines.cloud_load
    network = "the unsplit network"
    if reference.split is not None:
        network = f"the halves of {reference.split}"
    command = "bottlenet-profile --deploy=DEPLOY --out=NEW.json"
    if load:
        loads = sorted({*profile.loads, load})
        command += f" --loads={','.join(map(str, loads))}"
    if figure == "power":
        command += " --power_w=WATTS (supposed where there is no meter)"
    why = ""
    if reference.split is None and figure == "time":
        reason = profile.reasons.get("whole") or profile.reasons.get("served")
        why = f" ({reason})" if reason else ""
    return (
        f"{profile.file} has no {figure} of {network} at load {load}{why}. To "
        f"measure it on that machine: {command}. A profile by hand needs its "
        "row."
    )
