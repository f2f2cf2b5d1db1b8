"""plan.json on the device: the choices, and what each takes where.

`bottlenet_tf/selection/plan.py` writes the file and explains its fields. Here
a choice is joined with its times at no load; what load adds is measured while
the device runs (`estimate`).
"""

import json
from typing import NamedTuple, Optional

from bottlenet_tf import formats
from bottlenet_tf.link.checks import is_number, is_text, is_whole, require

SPLIT, DEVICE, CLOUD = WAYS = ("split", "device", "cloud")
MAX_BYTES = 16 * 2**20
MAX_CHOICES = 10000
# A day: no part of an image's way takes longer.
_MAX_MS = 86.4e6
_MAX_WIRE_BYTES = 2**31
_REMEDY = "bottlenet-select writes it."


class Choice(NamedTuple):
    """One way to an answer.

    Attributes:
        name: Such as "RB6 at point 9".
        way: `SPLIT`, `DEVICE` (mobile-only) or `CLOUD` (cloud-only).
        split: Name of the run; None unless way is `SPLIT`.
        unit_id: Identity of its unit; None if unknown.
        point: Index of the operating point; None unless way is `SPLIT`.
        codec, quality, side: Of the image, if way is `CLOUD`.
        bytes_mean: Wire bytes of an image; 0 if nothing is sent.
        bytes_p95: What 95 % of the images don't exceed; the mean if unknown.
        accuracy: Percent.
        device_ms: Network and codec on the device, as profiled.
        compute_mj: Energy of these; None if unknown.
        server_ms: Network and codec on the server, as profiled.
    """

    name: str
    way: str
    split: Optional[str]
    unit_id: Optional[int]
    point: Optional[int]
    codec: Optional[str]
    quality: Optional[int]
    side: Optional[int]
    bytes_mean: float
    bytes_p95: float
    accuracy: float
    device_ms: float
    compute_mj: Optional[float]
    server_ms: float

    @property
    def sends(self):
        """Whether it needs the link."""
        return self.way != DEVICE


class Radio(NamedTuple):
    """What sending and waiting take from the battery, and a message's size.

    Attributes:
        uplink_mw: While sending; None if unknown.
        waiting_mw: From the last byte sent to the answer.
        overhead_bytes: What a message takes on the air beyond its payload.
    """

    uplink_mw: Optional[float]
    waiting_mw: float
    overhead_bytes: float


class Plan:
    """The choices of one network on one device.

    Made by `read` or `parse`.

    Attributes:
        network, device, server: Names, for people.
        choices: Tuple of `Choice`.
        radios: Dictionary of `Radio` by the name of a link.
        min_accuracy: Least accuracy that was accepted; None if any was.
        deadline_ms: That of the selection; None if it had none.
    """

    def __init__(
        self,
        choices,
        radios=None,
        network="",
        device="",
        server="",
        min_accuracy=None,
        deadline_ms=None,
    ):
        self.choices = tuple(choices)
        self.radios = dict(radios or {})
        self.network, self.device, self.server = network, device, server
        self.min_accuracy, self.deadline_ms = min_accuracy, deadline_ms
        require(
            self.choices,
            "A plan must have a choice, or nothing can be answered.",
            choices=self.choices,
        )
        names = [choice.name for choice in self.choices]
        require(
            len(set(names)) == len(names),
            "Choices must have names of their own.",
            choices=names,
        )

    @property
    def whole(self):
        """The mobile-only choice; None if there is none."""
        found = [c for c in self.choices if c.way == DEVICE]
        return found[0] if found else None

    def named(self, name):
        """Returns a choice by its name; ValueError lists what there is."""
        found = [choice for choice in self.choices if choice.name == name]
        names = [choice.name for choice in self.choices]
        require(
            found,
            "A choice must be one of {}.".format(", ".join(names)),
            name=name,
        )
        return found[0]

    def only(self, available):
        """Returns the same plan without what a deployment cannot offer.

        Args:
            available: Names of choices, or a function of a `Choice`.

        Returns:
            The `Plan`, and the names of the choices that were dropped.

        Raises:
            ValueError: if nothing is left.
        """
        offers = available if callable(available) else _is_in(set(available))
        kept = [choice for choice in self.choices if offers(choice)]
        dropped = [c.name for c in self.choices if c not in kept]
        require(
            kept,
            "A deployment must offer a choice of the plan: they must be of "
            "the same runs.",
            dropped=dropped,
        )
        plan = Plan(
            kept,
            self.radios,
            self.network,
            self.device,
            self.server,
            self.min_accuracy,
            self.deadline_ms,
        )
        return plan, dropped


def _is_in(names):
    return lambda choice: choice.name in names


def read(path):
    """Returns the `Plan` in a file.

    Raises:
        OSError: if it can't be read.
        ValueError: naming the file, if it isn't a plan of this version or a
            field is missing or out of range.
    """
    with open(str(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return parse(_json(data))
    except ValueError as error:
        raise ValueError("{}: {}".format(path, error)) from None


def _json(data):
    require(
        len(data) <= MAX_BYTES,
        "A plan must be at most {} bytes long.".format(MAX_BYTES),
        size=len(data),
    )
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(
            "A plan must be flat JSON, not nested. " + _REMEDY
        ) from None
    except ValueError as error:
        raise ValueError(
            "A plan must be JSON: it is damaged or only partly written "
            "({}). {}".format(error, _REMEDY)
        ) from None


def _no_constant(name):
    raise ValueError("{} is not JSON".format(name))


def parse(value):
    """Returns the `Plan` that a JSON value tells.

    Raises:
        ValueError: see `read`.
    """
    found = value.get("format") if isinstance(value, dict) else value
    require(
        isinstance(value, dict) and found == formats.PLAN,
        "A plan must be of this version, format={!r}. {}".format(
            formats.PLAN, _REMEDY
        ),
        format=found,
    )
    on_device = _times(value, "device_times", ("device_ms", "encode_ms"))
    on_server = _times(value, "cloud_times", ("decode_ms", "cloud_ms"))
    energies = {
        row.get("split"): _optional(row, "compute_mj", is_number)
        for row in _rows(value, "device_times")
        if row.get("load") == 0
    }
    rows = _rows(value, "choices")
    require(
        len(rows) <= MAX_CHOICES,
        "A plan must have at most {} choices.".format(MAX_CHOICES),
        choices=len(rows),
    )
    return Plan(
        [_choice(row, on_device, on_server, energies) for row in rows],
        _radios(value),
        *(str(value.get(name) or "") for name in ("network", "device", "cloud")),
        min_accuracy=_optional(value, "min_accuracy", is_number),
        deadline_ms=_optional(value, "deadline_ms", is_number)
    )


def _rows(value, name):
    rows = value.get(name)
    require(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows),
        "Field {!r} of a plan must be a list of objects. {}".format(
            name, _REMEDY
        ),
        **{name: rows}
    )
    return rows


def _field(row, name, is_right, about):
    require(
        name in row and is_right(row[name]),
        "Field {!r} of a plan must be {}. {}".format(name, about, _REMEDY),
        **{name: row.get(name, "missing"), "at": row.get("name", "")}
    )
    return row[name]


def _optional(row, name, is_right):
    if row.get(name) is None:
        return None
    return _field(row, name, is_right, "null or within its range")


def _is_ms(value):
    return is_number(value, most=_MAX_MS)


def _times(value, name, parts):
    """Returns the sum of two parts at no load by split, in ms."""
    found = {}
    for row in _rows(value, name):
        split = _optional(row, "split", is_text)
        load = _field(row, "load", is_whole, "a count of workers")
        times = [
            _field(row, part, _is_ms, "a time in ms, not negative")
            for part in parts
        ]
        if load == 0:
            require(
                split not in found,
                "A plan must have one row of a split and load.",
                **{name: split}
            )
            found[split] = float(sum(times))
    return found


def _choice(row, on_device, on_server, energies):
    name = _field(row, "name", is_text, "a text")
    way = _field(row, "way", WAYS.__contains__, "one of " + ", ".join(WAYS))
    is_split = way == SPLIT
    split = point = None
    if is_split:
        split = _field(row, "split", is_text, "the name of a run")
        point = _field(row, "point", _is_point, "an operating point's index")
    mean = _field(row, "wire_bytes_mean", _is_bytes, "a number of bytes")
    require(
        (mean > 0) == (way != DEVICE),
        "Exactly what sends must have bytes.",
        name=name,
        way=way,
        wire_bytes_mean=mean,
    )
    p95 = _optional(row, "wire_bytes_p95", _is_bytes)
    for times, needs in ((on_device, way != CLOUD), (on_server, way != DEVICE)):
        require(
            not needs or split in times,
            "Every choice must have its times at load 0, on device and "
            "server.",
            name=name,
            split=split,
        )
    return Choice(
        name,
        way,
        split,
        _optional(row, "unit_id", is_whole),
        point,
        _optional(row, "codec", is_text),
        _optional(row, "quality", is_number),
        _optional(row, "side", is_whole),
        float(mean),
        float(mean if p95 is None else max(mean, p95)),
        float(_field(row, "accuracy", _is_percent, "a percentage")),
        on_device[split] if way != CLOUD else 0.0,
        energies.get(split) if way != CLOUD else 0.0,
        on_server[split] if way != DEVICE else 0.0,
    )


def _is_point(value):
    return is_whole(value, most=10**6)


def _is_bytes(value):
    return is_number(value, most=_MAX_WIRE_BYTES)


def _is_percent(value):
    return is_number(value, most=100.0)


def _radios(value):
    """Returns a `Radio` for each link of the scenarios, at its stated rate.

    Scenarios come at half, once and twice a link's rate; the one in the
    middle has the power that belongs to the link.
    """
    found = {}
    for row in _rows(value, "scenarios"):
        name = _field(row, "link", is_text, "the name of a link")
        radio = Radio(
            _optional(row, "uplink_mw", is_number),
            _field(row, "waiting_mw", is_number, "a power in mW"),
            _field(row, "message_overhead_bytes", _is_bytes, "bytes"),
        )
        rate = _field(row, "uplink_mbps", is_number, "a rate in Mbit/s")
        found.setdefault(name, {})[rate] = radio
    return {
        name: by_rate[sorted(by_rate)[len(by_rate) // 2]]
        for name, by_rate in found.items()
    }
