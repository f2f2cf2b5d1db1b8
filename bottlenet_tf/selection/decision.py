"""One decision in full: every cost, refusal and scenario, and the winner."""

import dataclasses

from bottlenet_tf.common import rate_curves
from bottlenet_tf.selection.choices import Way, from_report
from bottlenet_tf.selection.choosing import choose, pareto_front, sensitivity
from bottlenet_tf.selection.costs import Cost, break_even_rtt_ms, cost
from bottlenet_tf.selection.goals import Goal, Limits, refusals
from bottlenet_tf.selection.links import TRANSPORTS, Link
from bottlenet_tf.selection.rivals import references


@dataclasses.dataclass(frozen=True)
class Decision:
    """The decision for one link and one goal.

    Attributes:
        costs: `Cost` of every operating point of every split, in the order
            given.
        references: `Cost` of the rivals that splits must beat.
        refused: `{name: reasons}` of points and references that a limit or
            the deadline rules out.
        unmeasured: `{name: reason}` of references for which a profile lacks the
            time, or a figure that the goal needs, and how to measure it.
        winner: `Cost` of the best acceptable point; None if none is acceptable.
        best: `Cost` of the best of winner and references, except unmeasured and
            refused ones and the label-only bound. None if nothing is left.
        front: Names on the Pareto front of the acceptable points.
        break_even: `{name: round trip in ms}` above which mobile-only costs
            less, for all choices that send, within limits or not; see
            `break_even_rtt_ms`.
        between: `{split: rate_curves.Figure}` on each split's curve: with a
            deadline, the accuracy that just meets it; else the wire bytes that
            are just accurate enough. Empty without either limit.
        messages: `{bytes of a message besides its payload: Cost}` of the best
            point there, None where there is none: the link's own, the paper's,
            which are none, and those of the lightest and heaviest transport.
    """

    link: Link
    goal: Goal
    limits: Limits
    costs: tuple
    references: tuple
    refused: dict
    unmeasured: dict
    winner: Cost | None
    best: Cost | None
    front: tuple
    scenarios: tuple
    break_even: dict
    between: dict
    messages: dict = dataclasses.field(default_factory=dict)

    @property
    def shown(self):
        """The `Cost` of each split's best point, in the order of `costs`.

        The best of those that aren't refused. If all are, the fastest with a
        deadline, else the most accurate.
        """
        return tuple(map(self._best_point, by_split(self.costs).values()))

    @property
    def acceptable(self):
        """Those of `shown` that aren't refused, a list."""
        return [c for c in self.shown if c.choice.name not in self.refused]

    @property
    def untimed(self):
        """Names of references that have no `Cost`."""
        timed = {cost.choice.name for cost in self.references}
        return tuple(name for name in self.unmeasured if name not in timed)

    @property
    def uncompared(self):
        """Names of the rivals that the winner can't be compared with."""
        return tuple(name for name in self.unmeasured if name != "label-only")

    def _best_point(self, costs):
        kept = [c for c in costs if c.choice.name not in self.refused]
        if kept:
            return min(kept, key=self.goal.rank)
        if self.goal.deadline_ms is not None:
            return min(costs, key=lambda c: c.latency_ms)
        return max(costs, key=lambda c: c.choice.accuracy or 0.0)


def by_split(costs):
    """Returns `{split: [Cost, ...]}` of its operating points, in order."""
    found = {}
    for each in costs:
        found.setdefault(each.choice.split, []).append(each)
    return found


def decide_runs(runs, reports, machines, links, goal, limits, max_loss):
    """Returns the `Decision` of each link, among finished runs.

    `runs` is `{name: work directory}`, by the names in profiles; cloud-only at
    matched accuracy may lose `max_loss` points.
    """
    choices = [
        choice
        for name, folder in runs.items()
        for choice in from_report(name, reports[name], str(folder))
    ]
    others = references(reports, max_loss)
    return [
        decide(choices, others, machines, link, goal, limits) for link in links
    ]


def decide(choices, others, machines, link, goal, limits):
    """Returns the `Decision` among `choices`, the points of all splits.

    `others` are `references`; those beyond the limits are shown anyway.
    """
    timed, unmeasured = _measured(others, machines, link, goal)
    costs = [cost(choice, machines, link) for choice in choices]
    limited, refused = set(), {}
    for each in (*costs, *timed):
        name = each.choice.name
        reasons = refusals(each.choice, machines, link, limits)
        if reasons:
            limited.add(name)
        if reasons or goal.misses(each):
            refused[name] = [*reasons, *goal.misses(each)]
    acceptable = [c for c in costs if c.choice.name not in refused]
    within_limits = [c for c in choices if c.name not in limited]
    winner = choose(acceptable, goal)
    rivals = [
        reference
        for reference in timed
        if reference.choice.name not in ("label-only", *unmeasured, *refused)
    ]
    rivals += [winner] if winner else []
    return Decision(
        link,
        goal,
        limits,
        tuple(costs),
        tuple(timed),
        refused,
        unmeasured,
        winner,
        choose(rivals, goal),
        tuple(c.choice.name for c in pareto_front(acceptable)),
        tuple(sensitivity(within_limits, machines, link, goal))
        if within_limits
        else (),
        _break_even([*costs, *timed], machines, link, goal),
        _between(costs, link, goal, limits),
        _messages(choices, machines, link, goal, limits),
    )


def _between(costs, link, goal, limits):
    """Returns `Decision.between`."""
    found = {}
    for split, points in by_split(costs).items():
        curve = [(c.choice.sent_bytes, c.choice.accuracy) for c in points]
        if goal.deadline_ms is not None:
            # Except for sending, all points of a split take the same time.
            rest_ms = points[0].latency_ms - points[0].uplink_ms
            most = link.wire_bytes_in(goal.deadline_ms - rest_ms)
            found[split] = rate_curves.accuracy_at(curve, most)
        elif limits.min_accuracy is not None:
            least = limits.min_accuracy
            found[split] = rate_curves.bytes_at(curve, least)
    return found


def _messages(choices, machines, link, goal, limits):
    """Returns `Decision.messages`."""
    sizes = [float(each.num_bytes) for each in TRANSPORTS.values()]
    found = {}
    for size in sorted(
        {0.0, link.message_overhead_bytes, min(sizes), max(sizes)}
    ):
        other = dataclasses.replace(link, message_overhead_bytes=size)
        costs = [
            cost(choice, machines, other)
            for choice in choices
            if not refusals(choice, machines, other, limits)
        ]
        found[size] = choose(costs, goal)
    return found


def _measured(references, machines, link, goal):
    """Returns the `Cost`s that can be timed, and `Decision.unmeasured`."""
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
            "The accuracy of the unsplit network is unknown: these runs were "
            "trained from scratch with their units."
            if goal.deadline_ms is not None
            else f"The power of the radio of {link.name} is unknown; give "
            "--alpha_mw_per_mbps and --beta_mw."
            if found.uplink_mj is None
            else _lacks("power", reference, machines)
        )
    return timed, unmeasured


def _break_even(costs, machines, link, goal):
    """Returns `{name: break-even round trip}` of choices that send."""
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
    """Returns the figure that a profile lacks, and how to measure it."""
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
        command += " --power_w=WATTS (assumed if there is no meter)"
    why = ""
    if reference.split is None and figure == "time":
        reason = profile.reasons.get("whole") or profile.reasons.get("served")
        why = f" ({reason})" if reason else ""
    return (
        f"{profile.file} has no {figure} of {network} at load {load}{why}. To "
        f"measure it on that machine: {command}. A profile by hand needs its "
        "row."
    )
