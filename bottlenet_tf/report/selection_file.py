"""selection.json, read back as the decisions that it was written from."""

import dataclasses
import math
import pathlib

from bottlenet_tf import formats
from bottlenet_tf.report import fields
from bottlenet_tf.report.run_file import Origin
from bottlenet_tf.selection import (
    ALWAYS,
    NEVER,
    Choice,
    Cost,
    Decision,
    Goal,
    Link,
    Scenario,
    Way,
)

_TIMES = ("device_ms", "codec_ms", "uplink_ms", "answer_ms", "cloud_ms")
_WAYS = {way.value: way for way in Way}


@dataclasses.dataclass(frozen=True)
class Won:
    """What a scenario chooses, and what it costs there.

    Attributes:
        name: Of the choice.
        latency_ms: Its latency.
        energy_mj: Its energy; None if unknown.
    """

    name: str
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
        origin: `run_file.Origin`.
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
        runs: `{split: run_file.Run}` that it must have chosen among.

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
    for name in runs:
        if name not in {cost.choice.split for cost in costs.values()}:
            found.refuse(
                "splits",
                f"all of the search's, but {name} is missing; choose again "
                "with bottlenet-select",
                sorted(costs),
            )
    order = list(runs)
    ordered = sorted(costs.values(), key=lambda c: order.index(c.choice.split))
    goal = found.object("goal")
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
            f"one of the search's candidates: {', '.join(runs) or 'none'}",
            choice.split,
        )
    chosen = run.chosen_bytes
    if chosen is None or not math.isclose(
        choice.sent_bytes, chosen, rel_tol=1e-6
    ):
        item.refuse(
            "sent_bytes",
            f"{chosen!r}, validation.wire_bytes_mean of {run.file}; choose "
            "again with bottlenet-select",
            choice.sent_bytes,
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
    )
    return Cost(
        choice,
        found.number("on_air_bytes"),
        *(found.number(name) for name in _TIMES),
        found.number_or_none("compute_mj"),
        found.number_or_none("uplink_mj"),
        found.number("waiting_mj"),
    )


def _scenario(found, costs):
    winner = found.text("winner")
    if winner not in costs:
        found.refuse("winner", f"one of {', '.join(costs)}", winner)
    return Scenario(
        found.positive("rate_factor"),
        found.whole("device_load"),
        found.whole("cloud_load"),
        Won(
            winner,
            found.number("latency_ms"),
            found.number_or_none("energy_mj"),
        ),
    )
