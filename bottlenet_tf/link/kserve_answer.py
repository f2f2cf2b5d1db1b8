"""A KServe v2 response over HTTP -> `Answer`: outside bytes, all checked.

A response is a JSON object, followed by the tensors it calls binary. A served
model has the output `answer`, UINT8: a compact message that `unpack` reads.
Outputs `classes` and `status` are read as well, and with them `labels`,
`top_classes`, `top_probabilities`, `computed_ms`, `queued_ms` and `units`.
"""

import json
import struct
import zlib

from bottlenet_tf.common.checks import (
    is_number,
    is_text,
    is_whole,
    require,
    shortened,
)
from bottlenet_tf.link.transport import Answer, BadAnswer

MAX_JSON_BYTES = 16384
MAX_TENSORS = 32
# Most brackets in a JSON text: ours have about twenty, bombs have thousands.
_MAX_BRACKETS = 256
_MAX_TEXT = 1000
_MAX_CLASS = 2**31
_MAX_MS = 1e9
_CODES = {"INT32": "i", "UINT32": "I", "FP32": "f"}


def read(body, json_bytes, payload, request_id, received_bytes, unpack=None):
    """Returns the `Answer` in a response's body.

    Args:
        unpack: Function of a compact answer's bytes that returns an object
            with `class_index`, `top`, `status`, `computed_ms`, `unit_id` (0
            if none), `payload_crc` and, if known, `queued_ms`; or raises
            ValueError.
    """
    _check(0 < json_bytes <= len(body), "must have valid lengths", json_bytes)
    head = json_object(body[:json_bytes], MAX_JSON_BYTES)
    name = head.get("id", request_id)
    _check(name in (request_id, ""), "must have the question's id", name)
    tensors = _tensors(head.get("outputs"), body[json_bytes:])
    return of_tensors(tensors, payload, request_id, received_bytes, unpack)


def of_tensors(tensors, payload, request_id, received_bytes, unpack=None):
    """Returns the `Answer` in the lists of values of outputs, by name.

    Args:
        tensors: `{name: values}`, of any type and length.
        unpack: As in `read`.
    """
    if "answer" in tensors:
        found = _compact(
            tensors["answer"], payload, unpack, request_id, received_bytes
        )
    else:
        found = _of_tensors(tensors, request_id, received_bytes)
    return _checked(found)


def _compact(values, payload, unpack, request_id, received_bytes):
    """Returns the unchecked `Answer` in a compact answer's values."""
    _check(unpack is not None, "can't be read without `unpack`", "answer")
    try:
        found = unpack(bytes(bytearray(values)))
    except (TypeError, ValueError) as error:
        raise BadAnswer(str(error)) from None
    _check(
        found.payload_crc == zlib.crc32(payload) & 0xFFFFFFFF,
        "must be of this payload",
        found.payload_crc,
    )
    return Answer(
        found.class_index,
        "",
        found.top,
        found.status,
        found.computed_ms,
        getattr(found, "queued_ms", None),  # Not every server reports it.
        found.unit_id or None,
        request_id,
        received_bytes,
    )


def _check(condition, rule, received):
    if not condition:
        raise BadAnswer(
            "An answer {}. Received: {}".format(rule, shortened(received))
        )


def json_object(data, most_bytes):
    """Returns the dictionary of a JSON text, bounded before it is parsed."""
    _check(len(data) <= most_bytes, "must be short", len(data))
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
    """Returns lists of values by name; no data may be left over."""
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
            _check(fits, "must have the stated length", size)
            values = values_of(output.get("datatype"), data[:size])
            data = data[size:]
        found[name] = values
    _check(not data, "must have the stated length", len(data))
    return found


def values_of(datatype, data):
    """Returns the values of a binary tensor; None for other types."""
    if datatype == "BYTES":
        return list(_elements(data))
    if datatype == "UINT8":
        return list(data)
    if datatype not in _CODES:
        return None
    _check(len(data) % 4 == 0, "must have multiples of 4 bytes", len(data))
    return list(
        struct.unpack("<{}{}".format(len(data) // 4, _CODES[datatype]), data)
    )


def _elements(data):
    start = 0
    while start < len(data):
        _check(start + 4 <= len(data), "must have complete elements", len(data))
        (size,) = struct.unpack_from("<I", data, start)
        start += 4 + size
        _check(start <= len(data), "must have complete elements", size)
        yield data[start - size : start]


def _of_tensors(tensors, request_id, received_bytes):
    """Returns the unchecked `Answer` in separate tensors."""
    classes, shares = (
        tensors.get(name) or [] for name in ("top_classes", "top_probabilities")
    )
    _check(len(classes) == len(shares), "must have pairs", len(shares))
    return Answer(
        _one(tensors, "classes"),
        _text(_one(tensors, "labels", b"")),
        tuple(zip(classes, shares)),
        _text(_one(tensors, "status")),
        _one(tensors, "computed_ms", None),
        _one(tensors, "queued_ms", None),
        _one(tensors, "units", 0) or None,
        request_id,
        received_bytes,
    )


def _one(tensors, name, *default):
    """Returns a tensor's only value."""
    if name not in tensors and default:
        return default[0]
    values = tensors.get(name)
    _check(
        isinstance(values, list) and len(values) == 1,
        "must have one value of {!r}".format(name),
        values,
    )
    return values[0]


def _text(value):
    _check(isinstance(value, (bytes, str)), "must have texts", value)
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadAnswer("An answer's texts must be UTF-8.") from None


def _checked(answer):
    """Returns an `Answer` whose fields have their types and ranges."""
    _check(
        is_whole(answer.index, least=-1, most=_MAX_CLASS),
        "must have the index of a class",
        answer.index,
    )
    for text in (answer.label, answer.status):
        _check(
            isinstance(text, str) and len(text) <= _MAX_TEXT,
            "must have label and status, short texts",
            text,
        )
    unit = answer.unit_id
    _check(unit is None or is_whole(unit), "must name its unit", unit)
    for time_ms in (answer.computed_ms, answer.queued_ms):
        _check(
            time_ms is None or is_number(time_ms, most=_MAX_MS),
            "must have times in ms",
            time_ms,
        )
    _check(len(answer.top) <= 100, "must have a short top", len(answer.top))
    for index, share in answer.top:
        _check(
            is_whole(index, most=_MAX_CLASS) and is_number(share, most=1.001),
            "must have pairs of class and probability",
            (index, share),
        )
    return answer._replace(
        top=tuple((index, float(share)) for index, share in answer.top)
    )


def check_model(model, version):
    """Raises ValueError unless these name a served model and its version."""
    require(is_text(model), "A model must have a name.", model=model)
    require(
        version is None or is_whole(version),
        "A version must be a whole number.",
        version=version,
    )
