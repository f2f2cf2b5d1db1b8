"""selection.json, read back as the decisions that it was written from."""

import dataclasses
import math
import pathlib

from bottlenet_tf import formats
from bottlenet_tf.rate_curves import Figure
from bottlenet_tf.report import fields
from bottlenet_tf.report.origins import Origin
from bottlenet_tf.selection import (
    ALWAYS,
    NEVER,
    Choice,
    Cost,
    Decision,
    Goal,
    Limits,
    Link,
    Scenario,
    Spread,
    Way,
)

_TIMES = ("device_ms", "codec_ms", "uplink_ms", "answer_ms", "cloud_ms")
_LIMITS = ("min_accuracy", "max_bytes", "max_memory_mb")
_WAYS = {way.value: way for way in Way}


@dataclasses.dataclass(frozen=True)
class Won:
    """What a scenario chooses, and what it costs there.

    Attributes:
        choice: `Choice`.
        latency_ms: Its latency.
        energy_mj: Its energy; None if unknown.
    """

    choice: object
    latency_ms: float
    energy_mj: float | None


@dataclasses.dataclass(frozen=True)
class Selection:
    """All of a selection.

    Attributes:
        device: The device's name.
        cloud: The server's name.
        meter: What measured the device's power.
        decisions: Tuple of `selection.Decision`, one for each network; the
            winners of its scenarios are `Won`.
        origin: `origins.Origin`.
        is_one_machine: Whether device and server are the same one.
    """

    device: str
    cloud: str
    meter: str
    decisions: tuple
    origin: object
    is_one_machine: bool = False

    @property
    def machines(self):
        """Both, to end "on" with."""
        if self.is_one_machine:
            return f"{self.device}, which is the server too"
        return f"{self.device}, with {self.cloud} as server"


def read(path, runs):
    """Returns the `Selection` in a file.

    Args:
        path: Of the file.
        runs: `{split: run_file.Run}`, by the runs' names, that it must have
            chosen among.

    Raises:
        FileNotFoundError, ValueError: naming file and field, if it is
            damaged, of another version, or of other runs.
    """
    found = fields.read(path, formats.SELECTION, "bottlenet-select")
    return Selection(
        found.text("device"),
        found.text("cloud"),
        found.text("meter"),
        tuple(_decision(item, runs) for item in found.objects("decisions")),
        Origin(
            "latencies, energies and choices",
            found.texts("command"),
            basis=_basis(found),
        ),
        _is_one_machine(found),
    )


def _basis(found):
    device, cloud = found.text("device"), found.text("cloud")
    if _is_one_machine(found):
        return f"the times of {device}, as device and as server"
    return f"the times of {device} as device and of {cloud} as server"


def _is_one_machine(found):
    """Whether one profile told of both sides."""
    device, cloud = (
        pathlib.PurePath(found.text(name))
        for name in ("device_profile", "cloud_profile")
    )
    # An assumed device has the server's profile, slowed down, and its own name.
    return device == cloud and found.text("device") == found.text("cloud")


def _decision(found, runs):
    costs, link = {}, _link(found.object("link"))
    for item in found.objects("splits"):
        cost = costs[item.object("choice").text("name")] = _cost(item)
        _check_run(item.object("choice"), cost.choice, runs)
        _check_message(item, cost, link)
    _check_all_there(found, costs, runs)
    order = list(runs)
    ordered = sorted(costs.values(), key=lambda c: order.index(c.choice.split))
    goal, limits = found.object("goal"), found.object("limits")
    winner = found.text_or_none("winner")
    if winner is not None and winner not in costs:
        found.refuse("winner", f"one of {', '.join(costs)}", winner)
    references = tuple(_cost(item) for item in found.objects("references"))
    for item, cost in zip(found.objects("references"), references, strict=True):
        _check_message(item, cost, link)
    known = costs | {cost.choice.name: cost for cost in references}
    best = found.text_or_none("best")
    if best is not None and best not in known:
        found.refuse("best", f"one of {', '.join(known)}", best)
    return Decision(
        link=link,
        goal=_built(
            Goal,
            goal,
            goal.number("latency_weight"),
            goal.number("energy_weight"),
            goal.number_or_none("deadline_ms"),
        ),
        limits=Limits(
            *(limits.number_or_none(name, -math.inf) for name in _LIMITS)
        ),
        costs=tuple(ordered),  # As the network has them.
        references=references,
        refused={
            name: found.object("refused").texts(name)
            for name in found.object("refused").content
        },
        unmeasured={
            name: found.object("unmeasured").text(name)
            for name in found.object("unmeasured").content
        },
        winner=costs.get(winner),
        best=known.get(best),
        front=found.texts("front"),
        scenarios=tuple(
            _scenario(item, costs) for item in found.objects("sensitivity")
        ),
        break_even=_break_even(found),
        between={
            split: _figure(found.object("between").object(split))
            for split in found.object("between").content
        },
    )


def _check_all_there(found, costs, runs):
    """Refuses a decision that lacks an operating point of a run."""
    there = {(c.choice.split, c.choice.point) for c in costs.values()}
    for name, run in runs.items():
        for point in run.choices:
            if (name, point) in there:
                continue
            lacking = name if point is None else f"point {point} of {name}"
            found.refuse(
                "splits",
                f"all that there are, but {lacking} is missing; choose again "
                "with bottlenet-select",
                sorted(costs),
            )


def _figure(found):
    return Figure(
        found.number_or_none("value"),
        found.text_or_none("reason"),
        found.number_or_none("at_most"),
    )


def _break_even(found):
    return {
        item.object("choice").text("name"): item.number_or_word(
            "break_even_rtt_ms", (ALWAYS, NEVER)
        )
        for item in (*found.objects("splits"), *found.objects("references"))
    }


def _check_run(item, choice, runs):
    run = runs.get(choice.split)
    if run is None:
        item.refuse(
            "split",
            f"one of the runs: {', '.join(runs) or 'none'}",
            choice.split,
        )
    chosen = run.choices.get(choice.point)
    if chosen is None or not math.isclose(
        choice.sent_bytes, chosen, rel_tol=1e-6
    ):
        item.refuse(
            "sent_bytes",
            f"{chosen!r}, wire_bytes_mean on validation images at point "
            f"{choice.point} in {run.file}; choose again with bottlenet-select",
            choice.sent_bytes,
        )
    if choice.point is not None and choice.point >= len(run.points):
        item.refuse(
            "point", f"one of the {len(run.points)} of {run.file}", choice.point
        )


def _link(found):
    return _built(
        Link,
        found,
        found.text("name"),
        found.positive("uplink_mbps"),
        found.number_or_none("alpha_mw_per_mbps"),
        found.number_or_none("beta_mw"),
        found.number("rtt_ms"),
        None if found.is_null("downlink_mbps") else found.positive(
            "downlink_mbps"
        ),
        found.number("answer_bytes"),
        found.number("waiting_mw"),
        found.number("message_overhead_bytes"),
    )  # fmt: skip


def _built(kind, found, *values):
    """Returns `kind(*values)`; what it refuses is told with the file."""
    try:
        return kind(*values)
    except ValueError as error:
        raise ValueError(
            f"{found.file}: field {found.place.rstrip('.')!r}: {error}"
        ) from error


def _check_message(item, cost, link):
    choice = cost.choice
    sent = link.on_air_bytes(choice.sent_bytes) if choice.sends else 0.0
    if not math.isclose(cost.on_air_bytes, sent, rel_tol=1e-6):
        item.refuse(
            "on_air_bytes",
            f"{sent!r}, sent_bytes and the link's message",
            cost.on_air_bytes,
        )


def _cost(found):
    item = found.object("choice")
    way = item.check(
        "way", f"one of {', '.join(_WAYS)}", lambda value: value in _WAYS
    )
    choice = _built(
        Choice,
        item,
        item.text("name"),
        _WAYS[way],
        item.number("sent_bytes"),
        item.percent_or_none("accuracy"),
        item.text_or_none("split"),
        item.text("detail"),
        item.text_or_none("workdir"),
        item.percent_or_none("test_accuracy"),
        None if item.is_null("point") else item.whole("point"),
        item.percent_or_none("finer_accuracy"),
        None if item.is_null("spread") else _spread(item.object("spread")),
    )
    return Cost(
        choice,
        found.number("on_air_bytes"),
        *(found.number(name) for name in _TIMES),
        found.number_or_none("compute_mj"),
        found.number_or_none("uplink_mj"),
        found.number("waiting_mj"),
    )


def _spread(found):
    return Spread(*(found.number(name) for name in ("p95", "p99", "max")))


def _scenario(found, costs):
    winner, won = found.text_or_none("winner"), None
    if winner is not None:
        if winner not in costs:
            found.refuse("winner", f"one of {', '.join(costs)}", winner)
        won = Won(
            costs[winner].choice,
            found.number("latency_ms"),
            found.number_or_none("energy_mj"),
        )
    return Scenario(
        found.positive("rate_factor"),
        found.whole("device_load"),
        found.whole("cloud_load"),
        won,
    )
