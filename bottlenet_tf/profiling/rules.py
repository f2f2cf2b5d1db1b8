"""What every field of a profile must be."""

import math

FORMAT = "bottlenet_tf.profile.1"
# The first two run on the device, the next two on the server; "whole" is the
# network without a split, on this machine, and "served" the same as a server
# runs it, where that is another way.
PARTS = ("head", "encode", "decode", "tail", "whole", "served")
UNSPLIT = ("whole", "served")


def checked_fields(content, rules, file, place):
    """Returns the fields that `rules` name, checked; others are left out.

    Args:
        content: What JSON held.
        rules: `PROFILE`, `SPLIT` or `ROW`.
        file: The file's name, for messages.
        place: What they put before a field's name.

    Raises:
        ValueError: naming file and field.
    """
    if not isinstance(content, dict):
        where = f"field {place.rstrip('.')!r}" if place else "it"
        raise ValueError(
            f"{file}: {where} must be a JSON object. "
            f"Received: type={type(content).__name__}"
        )
    for field, rule, is_valid in rules:
        if field not in content:
            raise ValueError(
                f"{file}: field '{place}{field}' is missing; it must be "
                f"{rule}. Received: fields {sorted(content)}"
            )
        if not is_valid(content[field]):
            raise ValueError(
                f"{file}: field '{place}{field}' must be {rule}. "
                f"Received: {field}={content[field]!r}"
            )
    return {field: content[field] for field, _, _ in rules}


def check_unique(field, keys, file):
    """Raises ValueError if two of a list field's keys are the same."""
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(
                f"{file}: field {field!r} must not have the same twice. "
                f"Received: {key!r}"
            )


def _is_text(value):
    return isinstance(value, str) and bool(value)


def _is_whole(value, low=0):
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and value >= low


def _is_amount(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def _or_null(is_valid):
    return lambda value: value is None or is_valid(value)


def _is_shape(value):
    is_list = isinstance(value, (list, tuple)) and len(value) == 3
    return is_list and all(_is_whole(side, 1) for side in value)


def _are_texts(value):
    return isinstance(value, (list, tuple)) and all(
        isinstance(item, str) for item in value
    )


def _names_texts(value):
    return isinstance(value, dict) and _are_texts(list(value.values()))


_TEXT = "a string that isn't empty"
_COUNT = "a whole number, at least 0, or null"
_AMOUNT = "a finite number, at least 0"
_NAMED_TEXTS = "an object of strings"

# Field, what it must be, and whether a value is that. The format comes first:
# another one may have other fields.
PROFILE = (
    (
        "format",
        f"{FORMAT!r}, the one that this version reads",
        lambda value: value == FORMAT,
    ),
    ("device", _TEXT, _is_text),
    ("network", _TEXT, _is_text),
    (
        "image_size",
        "a positive number of pixels, or null",
        _or_null(lambda value: _is_whole(value, 1)),
    ),
    ("runtime", _TEXT, _is_text),
    (
        "threads",
        "a positive whole number, or null",
        _or_null(lambda value: _is_whole(value, 1)),
    ),
    ("meter", _TEXT, _is_text),
    ("whole_macs", _COUNT, _or_null(_is_whole)),
    ("whole_memory_mb", f"{_AMOUNT}, or null", _or_null(_is_amount)),
    ("splits", "a list", lambda value: isinstance(value, (list, tuple))),
    (
        "rows",
        "a list, not empty",
        lambda value: isinstance(value, (list, tuple)) and len(value) > 0,
    ),
    ("reasons", _NAMED_TEXTS, _names_texts),
    ("command", "a list of strings", _are_texts),
    ("versions", _NAMED_TEXTS, _names_texts),
    ("made", "a string", lambda value: isinstance(value, str)),
)
SPLIT = (
    ("name", _TEXT, _is_text),
    ("point", f"{_TEXT}, or null", _or_null(_is_text)),
    ("layer", f"{_TEXT}, or null", _or_null(_is_text)),
    (
        "feature_shape",
        "three positive whole numbers, [H, W, C], or null",
        _or_null(_is_shape),
    ),
    ("head_macs", _COUNT, _or_null(_is_whole)),
    ("tail_macs", _COUNT, _or_null(_is_whole)),
    ("head_memory_mb", f"{_AMOUNT}, or null", _or_null(_is_amount)),
    ("tail_memory_mb", f"{_AMOUNT}, or null", _or_null(_is_amount)),
    ("payload_bytes", f"{_AMOUNT}, or null", _or_null(_is_amount)),
)
ROW = (
    ("split", "a string", lambda value: isinstance(value, str)),
    ("part", f"one of {', '.join(PARTS)}", lambda value: value in PARTS),
    ("load", "a whole number, at least 0", _is_whole),
    ("median_ms", f"{_AMOUNT}, in milliseconds", _is_amount),
    ("p95_ms", f"{_AMOUNT}, or null", _or_null(_is_amount)),
    (
        "n",
        "a positive whole number, or null",
        _or_null(lambda value: _is_whole(value, 1)),
    ),
    ("power_mw", f"{_AMOUNT}, or null", _or_null(_is_amount)),
)
