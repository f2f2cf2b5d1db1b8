"""plan.json on the device, every field checked.

`bottlenet_tf/selection/plan.py` writes the file and explains its fields.
"""

import json

from bottlenet_tf.common import formats
from bottlenet_tf.common.checks import is_number, is_text, is_whole, require
from bottlenet_tf.link.plan import (
    CLOUD,
    DEVICE,
    SPLIT,
    WAYS,
    Choice,
    Plan,
    Radio,
)

MAX_BYTES = 16 * 2**20
MAX_CHOICES = 10000
# A day: no part of an image's path takes longer.
_MAX_MS = 86.4e6
_MAX_WIRE_BYTES = 2**31
_REMEDY = "bottlenet-select writes it."


def read(path):
    """Returns the `Plan` in a file.

    Raises:
        OSError: if it can't be read.
        ValueError: with the file's name, if it isn't a plan of this version
            or a field is missing or out of range.
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
    """Returns the `Plan` of a JSON value; raises as `read`."""
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
        *(
            str(value.get(name) or "")
            for name in ("network", "device", "cloud")
        ),
        min_accuracy=_optional(value, "min_accuracy", is_number),
        deadline_ms=_optional(value, "deadline_ms", is_number),
    )


def _rows(value, name):
    rows = value.get(name)
    require(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows),
        "Field {!r} of a plan must be a list of objects. {}".format(
            name, _REMEDY
        ),
        **{name: rows},
    )
    return rows


def _field(row, name, is_right, about):
    require(
        name in row and is_right(row[name]),
        "Field {!r} of a plan must be {}. {}".format(name, about, _REMEDY),
        **{name: row.get(name, "missing"), "at": row.get("name", "")},
    )
    return row[name]


def _optional(row, name, is_right):
    if row.get(name) is None:
        return None
    return _field(row, name, is_right, "null or within its range")


def _is_ms(value):
    return is_number(value, most=_MAX_MS)


def _times(value, name, parts):
    """Returns the sum of two parts without load, in ms, by split."""
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
                "A plan must have one row per split and load.",
                **{name: split},
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
        # A unit of one rate has null: its only point.
        point = 0
        if row.get("point", point) is not None:
            point = _field(row, "point", _is_point, "a point's index or null")
    mean = _field(row, "wire_bytes_mean", _is_bytes, "a number of bytes")
    require(
        (mean > 0) == (way != DEVICE),
        "Exactly the choices that send must have bytes.",
        name=name,
        way=way,
        wire_bytes_mean=mean,
    )
    p95 = _optional(row, "wire_bytes_p95", _is_bytes)
    for times, needs in ((on_device, way != CLOUD), (on_server, way != DEVICE)):
        require(
            not needs or split in times,
            "Every choice must have its times at load 0, on device and server.",
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

    There are scenarios at half, once and twice a link's rate; the middle one
    has the link's power.
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
