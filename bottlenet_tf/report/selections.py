"""selection.json, read back as the original decisions."""

import dataclasses
import functools
import math
import pathlib
from typing import Literal, NamedTuple

import msgspec

from bottlenet_tf.common import formats, reading
from bottlenet_tf.common.ranges import NotNegative
from bottlenet_tf.common.rate_curves import Figure
from bottlenet_tf.report.origins import Origin
from bottlenet_tf.selection.choices import Choice
from bottlenet_tf.selection.choosing import Scenario
from bottlenet_tf.selection.costs import Cost
from bottlenet_tf.selection.decision import Decision
from bottlenet_tf.selection.goals import Goal, Limits
from bottlenet_tf.selection.links import Link

_PROGRAM = "bottlenet-select"
# Fields of a decision that are as in the file.
_SAME = (
    "link", "goal", "limits", "references", "refused", "unmeasured", "front",
    "between",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Cost(Cost):
    break_even_rtt_ms: NotNegative | Literal["always", "never"] | None


@dataclasses.dataclass(frozen=True)
class _Scenario(Scenario):
    winner: str | None
    latency_ms: NotNegative | None
    energy_mj: NotNegative | None


class _Decision(msgspec.Struct):
    link: Link
    goal: Goal
    limits: Limits
    splits: tuple[_Cost, ...]
    references: tuple[_Cost, ...]
    refused: dict[str, tuple[str, ...]]
    unmeasured: dict[str, str]
    winner: str | None
    best: str | None
    front: tuple[str, ...]
    between: dict[str, Figure]
    sensitivity: tuple[_Scenario, ...]


class Won(NamedTuple):
    """The choice of a scenario and its costs there; energy may be None."""

    choice: Choice
    latency_ms: float
    energy_mj: float | None


class Selection(msgspec.Struct):
    """A complete selection.

    `device` and `cloud` are the machines' names, `meter` measured the device's
    power. `read` replaces each of `decisions`, one per link, by a
    `selection.Decision`; the winners of its scenarios are `Won`.
    """

    device: str
    cloud: str
    device_profile: str
    cloud_profile: str
    meter: str
    command: tuple[str, ...]
    decisions: tuple[_Decision, ...]

    @property
    def is_one_machine(self):
        """Whether device and server are the same one."""
        device, cloud = self.device_profile, self.cloud_profile
        is_same = pathlib.PurePath(device) == pathlib.PurePath(cloud)
        # An assumed device has the server's profile, slowed down.
        return is_same and self.device == self.cloud

    @property
    def machines(self):
        """Both machines, for display after "on"."""
        if self.is_one_machine:
            return f"{self.device}, which is the server too"
        return f"{self.device}, with {self.cloud} as server"

    @property
    def origin(self):
        """Its `Origin`."""
        basis = f"the times of {self.device} as device and of {self.cloud} as "
        basis += "server"
        if self.is_one_machine:
            basis = f"the times of {self.device}, as device and as server"
        what = "latencies, energies and choices"
        return Origin(what, self.command, basis=basis)


def read(path, runs):
    """Returns the `Selection` in a file, among `{name: Run}`."""
    found = reading.read(path, Selection, _PROGRAM, formats.SELECTION)
    decisions = tuple(
        _decided(
            each, runs, functools.partial(_refuse, path, f"decisions[{i}]")
        )
        for i, each in enumerate(found.decisions)
    )
    return msgspec.structs.replace(found, decisions=decisions)


def _refuse(path, place, field, rule, received):
    reading.refuse(path, f"{place}.{field}", rule, received)


def _decided(found, runs, refuse):
    """Returns the `selection.Decision` of one in the file.

    `refuse(field, rule, received)` raises the error for one of its fields.
    """
    for i, cost in enumerate(found.splits):
        _check_run(f"splits[{i}].choice", cost.choice, runs, refuse)
    _check_complete(found.splits, runs, refuse)
    for name in ("splits", "references"):
        for i, cost in enumerate(getattr(found, name)):
            _check_message(
                f"{name}[{i}].on_air_bytes", cost, found.link, refuse
            )
    costs = {cost.choice.name: cost for cost in found.splits}
    known = costs | {cost.choice.name: cost for cost in found.references}

    def named(field, name, among=costs):
        if name is not None and name not in among:
            refuse(field, f"one of {', '.join(among)}", name)
        return among.get(name)

    scenarios = []
    for i, scenario in enumerate(found.sensitivity):
        field, won = f"sensitivity[{i}]", None
        cost = named(f"{field}.winner", scenario.winner)
        if cost:
            if scenario.latency_ms is None:
                refuse(f"{field}.latency_ms", "the winner's", None)
            won = Won(cost.choice, scenario.latency_ms, scenario.energy_mj)
        scenarios.append(dataclasses.replace(scenario, winner=won))
    order = list(runs)  # The network's.
    return Decision(
        **{name: getattr(found, name) for name in _SAME},
        costs=tuple(
            sorted(found.splits, key=lambda c: order.index(c.choice.split))
        ),
        winner=named("winner", found.winner),
        best=named("best", found.best, known),
        scenarios=tuple(scenarios),
        break_even={name: c.break_even_rtt_ms for name, c in known.items()},
    )


def _check_run(field, choice, runs, refuse):
    run = runs.get(choice.split)
    if run is None:
        names = ", ".join(runs) or "none"
        refuse(f"{field}.split", f"one of the runs: {names}", choice.split)
    size = run.choices.get(choice.point)
    if size is None or not math.isclose(choice.sent_bytes, size, rel_tol=1e-6):
        refuse(
            f"{field}.sent_bytes",
            f"{size!r}, wire_bytes_mean on validation images at point "
            f"{choice.point} in {run.file}; choose again with {_PROGRAM}",
            choice.sent_bytes,
        )
    if choice.point is not None and choice.point >= len(run.points):
        rule = f"one of the {len(run.points)} of {run.file}"
        refuse(f"{field}.point", rule, choice.point)


def _check_message(field, cost, link, refuse):
    choice, sent = cost.choice, 0.0
    if choice.sends:
        sent = link.on_air_bytes(choice.sent_bytes)
    if not math.isclose(cost.on_air_bytes, sent, rel_tol=1e-6):
        rule = f"{sent!r}, sent_bytes and the link's message"
        refuse(field, rule, cost.on_air_bytes)


def _check_complete(costs, runs, refuse):
    """Refuses a decision from before some of the runs."""
    there = {(cost.choice.split, cost.choice.point) for cost in costs}
    for name, run in runs.items():
        for point in run.choices:
            if (name, point) not in there:
                one = name if point is None else f"point {point} of {name}"
                refuse(
                    "splits",
                    f"complete, but {one} is missing; choose again with "
                    f"{_PROGRAM}",
                    sorted(cost.choice.name for cost in costs),
                )
