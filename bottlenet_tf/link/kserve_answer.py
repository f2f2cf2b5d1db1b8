"""A KServe v2 response over HTTP -> `Answer`: outside bytes, all checked.

A response is a JSON object, behind it the tensors it calls binary. A served
model for devices has one output, `answer`, BYTES of one element: a JSON object
of `class`, `label`, `top` ([[class, probability], ...]), `status`,
`computed_ms`, `queued_ms`, `unit` (its identity) and `payload` (CRC-32 of what
was answered); all but `class` and `status` may be missing. A model with the
outputs `classes`, `labels` and `status` is understood as well.
"""

import json
import struct
import zlib

from bottlenet_tf.link.checks import is_number, is_whole, shortened
from bottlenet_tf.link.transport import Answer, BadAnswer

MAX_JSON_BYTES = 16384
MAX_TENSORS = 32
# Of brackets in a JSON text: ours have some twenty, bombs have thousands.
_MAX_BRACKETS = 256
_MAX_TEXT = 1000
_MAX_CLASS = 2**31
_MAX_MS = 1e9


def read(body, json_bytes, payload, request_id, received_bytes):
    """Returns the `Answer` in a response's body.

    Args:
        body: Bytes.
        json_bytes: How many of them are the JSON object.
        payload: Bytes that were asked about.
        request_id: Text that named the question.
        received_bytes: Of the whole response.

    Raises:
        BadAnswer: unless it is an answer to this payload.
    """
    _check(0 < json_bytes <= len(body), "lengths must fit", json_bytes)
    head = _object(body[:json_bytes])
    told = head.get("id", request_id)
    _check(told in (request_id, ""), "must have the question's id", told)
    tensors = _tensors(head.get("outputs"), body[json_bytes:])
    if "answer" in tensors:
        found = _object(_one(tensors, "answer"))
    else:
        found = _of_tensors(tensors)
    echo = found.get("payload")
    _check(
        echo is None or echo == zlib.crc32(payload) & 0xFFFFFFFF,
        "must be of this payload",
        echo,
    )
    return _answer(found, request_id, received_bytes)


def _check(condition, rule, received):
    if not condition:
        raise BadAnswer(
            "An answer {}. Received: {}".format(rule, shortened(received))
        )


def _object(data):
    """Returns the dictionary of a JSON text, bounded before it is parsed."""
    _check(len(data) <= MAX_JSON_BYTES, "must be short", len(data))
    brackets = data.count(b"[") + data.count(b"{")
    _check(brackets <= _MAX_BRACKETS, "must be flat", brackets)
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadAnswer(
            "An answer must be JSON. Received: {}".format(error)
        ) from None
    _check(isinstance(value, dict), "must be a JSON object", value)
    return value


def _tensors(outputs, data):
    """Returns lists of values by name; data must be used up exactly."""
    _check(
        isinstance(outputs, list) and len(outputs) <= MAX_TENSORS,
        "must have a list of outputs",
        outputs,
    )
    found = {}
    for output in outputs:
        _check(isinstance(output, dict), "must have objects", output)
        name, parameters = output.get("name"), output.get("parameters") or {}
        _check(
            isinstance(name, str) and name not in found,
            "must have outputs of one name each",
            name,
        )
        _check(isinstance(parameters, dict), "must be as stated", parameters)
        size = parameters.get("binary_data_size")
        if size is None:
            values = output.get("data")
            _check(isinstance(values, list), "must have data", values)
        else:
            fits = is_whole(size) and size <= len(data)
            _check(fits, "must be as long as it says", size)
            values = _values(output.get("datatype"), data[:size])
            data = data[size:]
        found[name] = values
    _check(not data, "must be as long as it says", len(data))
    return found


def _values(datatype, data):
    """Returns the values of a binary tensor; None for types nobody reads."""
    if datatype == "BYTES":
        return list(_elements(data))
    code = {"INT32": "i", "FP32": "f"}.get(datatype)
    if code is None:
        return None
    _check(len(data) % 4 == 0, "must have whole numbers of bytes", len(data))
    return list(struct.unpack("<{}{}".format(len(data) // 4, code), data))


def _elements(data):
    start = 0
    while start < len(data):
        _check(start + 4 <= len(data), "must have whole elements", len(data))
        (size,) = struct.unpack_from("<I", data, start)
        start += 4 + size
        _check(start <= len(data), "must have whole elements", size)
        yield data[start - size : start]


def _one(tensors, name):
    values = tensors.get(name)
    _check(
        isinstance(values, list) and len(values) == 1,
        "must have one value of {!r}".format(name),
        values,
    )
    value = values[0]
    return value.encode("utf-8") if isinstance(value, str) else value


def _of_tensors(tensors):
    found = {"class": _one(tensors, "classes")}
    for name, key in (("status", "status"), ("labels", "label")):
        if name in tensors or key == "status":
            found[key] = _text(_one(tensors, name))
    return found


def _text(value):
    _check(isinstance(value, bytes), "must have texts", value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadAnswer("An answer's texts must be UTF-8.") from None


def _answer(found, request_id, received_bytes):
    index, label = found.get("class"), found.get("label", "")
    status = found.get("status")
    _check(
        is_whole(index, least=-1, most=_MAX_CLASS),
        "must have the index of a class",
        index,
    )
    for text in (label, status):
        _check(
            isinstance(text, str) and len(text) <= _MAX_TEXT,
            "must have label and status, short texts",
            text,
        )
    unit = found.get("unit")
    _check(unit is None or is_whole(unit), "must name its unit", unit)
    return Answer(
        index,
        label,
        _top(found.get("top", [])),
        status,
        _ms(found, "computed_ms"),
        _ms(found, "queued_ms"),
        unit,
        request_id,
        received_bytes,
    )


def _top(pairs):
    _check(isinstance(pairs, list) and len(pairs) <= 100, "has a top", pairs)
    for pair in pairs:
        _check(
            isinstance(pair, list)
            and len(pair) == 2
            and is_whole(pair[0], most=_MAX_CLASS)
            and is_number(pair[1], most=1.001),
            "must have pairs of class and probability",
            pair,
        )
    return tuple((index, float(share)) for index, share in pairs)


def _ms(found, name):
    value = found.get(name)
    _check(
        value is None or is_number(value, most=_MAX_MS),
        "must have times in ms",
        value,
    )
    return value
