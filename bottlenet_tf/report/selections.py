"""selection.json, read back as the original decisions."""

import dataclasses
import math
import pathlib
from typing import Literal, NamedTuple

import msgspec

from bottlenet_tf import selection as chosen
from bottlenet_tf.common import formats, rate_curves, reading
from bottlenet_tf.common.reading import NotNegative, Percent, Positive, Whole
from bottlenet_tf.report.origins import Origin

_PROGRAM = "bottlenet-select"
# Fields of a decision that are as in the file.
_SAME = (
    "link", "goal", "limits", "references", "refused", "unmeasured", "front",
)  # fmt: skip


class _Spread(msgspec.Struct, frozen=True):
    p95: NotNegative
    p99: NotNegative
    max: NotNegative


@dataclasses.dataclass(frozen=True)
class _Choice(chosen.Choice):
    accuracy: Percent | None = None
    test_accuracy: Percent | None = None
    finer_accuracy: Percent | None = None
    point: Whole | None = None
    spread: _Spread | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Cost(chosen.Cost):
    choice: _Choice
    on_air_bytes: NotNegative
    device_ms: NotNegative
    codec_ms: NotNegative
    uplink_ms: NotNegative
    answer_ms: NotNegative
    cloud_ms: NotNegative
    compute_mj: NotNegative | None
    uplink_mj: NotNegative | None
    waiting_mj: NotNegative
    break_even_rtt_ms: NotNegative | Literal["always", "never"] | None


class _Figure(msgspec.Struct):
    value: NotNegative | None
    reason: str | None
    at_most: NotNegative | None


class _Scenario(msgspec.Struct):
    rate_factor: Positive
    device_load: Whole
    cloud_load: Whole
    winner: str | None
    latency_ms: NotNegative | None
    energy_mj: NotNegative | None


class _Decision(msgspec.Struct):
    link: chosen.Link
    goal: chosen.Goal
    limits: chosen.Limits
    splits: tuple[_Cost, ...]
    references: tuple[_Cost, ...]
    refused: dict[str, tuple[str, ...]]
    unmeasured: dict[str, str]
    winner: str | None
    best: str | None
    front: tuple[str, ...]
    between: dict[str, _Figure]
    sensitivity: tuple[_Scenario, ...]


class Won(NamedTuple):
    """The choice of a scenario and its costs there; energy may be None."""

    choice: chosen.Choice
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
    """Returns the `Selection` in a file, among `{name: Run}`.

    Raises:
        FileNotFoundError, ValueError: naming file and field, if it is
            damaged, of another version, or of other runs.
    """
    found = reading.read(path, Selection, _PROGRAM, formats.SELECTION)
    decisions = tuple(
        _Checked(path, i, decision, runs).decision()
        for i, decision in enumerate(found.decisions)
    )
    return msgspec.structs.replace(found, decisions=decisions)


class _Checked:
    """One decision, checked against the runs and for consistency."""

    def __init__(self, path, i, found, runs):
        self.path, self.place = path, f"decisions[{i}]"
        self.found, self.runs = found, runs

    def decision(self):
        found = self.found
        for i, cost in enumerate(found.splits):
            self._check_run(f"splits[{i}].choice", cost.choice)
        self._check_all_there()
        for name in ("splits", "references"):
            for i, cost in enumerate(getattr(found, name)):
                self._check_message(f"{name}[{i}].on_air_bytes", cost)
        costs = {cost.choice.name: cost for cost in found.splits}
        known = costs | {cost.choice.name: cost for cost in found.references}
        same = {name: getattr(found, name) for name in _SAME}
        return chosen.Decision(
            **same,
            # In the network's order.
            costs=tuple(
                cost
                for name in self.runs
                for cost in found.splits
                if cost.choice.split == name
            ),
            winner=self._named("winner", found.winner, costs),
            best=self._named("best", found.best, known),
            scenarios=tuple(
                self._scenario(f"sensitivity[{i}]", scenario, costs)
                for i, scenario in enumerate(found.sensitivity)
            ),
            break_even={
                name: cost.break_even_rtt_ms for name, cost in known.items()
            },
            between={
                split: rate_curves.Figure(*msgspec.structs.astuple(figure))
                for split, figure in found.between.items()
            },
        )

    def _refuse(self, field, rule, received):
        reading.refuse(self.path, f"{self.place}.{field}", rule, received)

    def _named(self, field, name, costs):
        if name is not None and name not in costs:
            self._refuse(field, f"one of {', '.join(costs)}", name)
        return costs.get(name)

    def _scenario(self, field, found, costs):
        won = self._named(f"{field}.winner", found.winner, costs)
        if won and found.latency_ms is None:
            self._refuse(f"{field}.latency_ms", "the winner's", None)
        return chosen.Scenario(
            found.rate_factor,
            found.device_load,
            found.cloud_load,
            won and Won(won.choice, found.latency_ms, found.energy_mj),
        )

    def _check_run(self, field, choice):
        run = self.runs.get(choice.split)
        if run is None:
            names = ", ".join(self.runs) or "none"
            rule = f"one of the runs: {names}"
            self._refuse(f"{field}.split", rule, choice.split)
        size = run.choices.get(choice.point)
        if size is None or not _is_close(choice.sent_bytes, size):
            self._refuse(
                f"{field}.sent_bytes",
                f"{size!r}, wire_bytes_mean on validation images at point "
                f"{choice.point} in {run.file}; choose again with {_PROGRAM}",
                choice.sent_bytes,
            )
        if choice.point is not None and choice.point >= len(run.points):
            rule = f"one of the {len(run.points)} of {run.file}"
            self._refuse(f"{field}.point", rule, choice.point)

    def _check_all_there(self):
        choices = [cost.choice for cost in self.found.splits]
        there = {(choice.split, choice.point) for choice in choices}
        for name, run in self.runs.items():
            for point in run.choices:
                if (name, point) not in there:
                    one = name if point is None else f"point {point} of {name}"
                    self._refuse(
                        "splits",
                        f"complete, but {one} is missing; choose again with "
                        f"{_PROGRAM}",
                        sorted(choice.name for choice in choices),
                    )

    def _check_message(self, field, cost):
        choice, sent = cost.choice, 0.0
        if choice.sends:
            sent = self.found.link.on_air_bytes(choice.sent_bytes)
        if not _is_close(cost.on_air_bytes, sent):
            rule = f"{sent!r}, sent_bytes and the link's message"
            self._refuse(field, rule, cost.on_air_bytes)


def _is_close(one, other):
    return math.isclose(one, other, rel_tol=1e-6)
