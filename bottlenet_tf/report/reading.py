"""JSON files from outside, by msgspec: errors name the file and the field."""

import pathlib
import re
import sys
from typing import Annotated

import msgspec
from msgspec import Meta

from bottlenet_tf.common import json_file

_LARGEST = sys.float_info.max  # Python's JSON has infinity and NaN.
NotNegative = Annotated[float, Meta(ge=0, le=_LARGEST)]
Positive = Annotated[float, Meta(gt=0, le=_LARGEST)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Whole = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")


def read(path, kind, made_by, format_name=None, remedy=""):
    """Returns the object in a JSON file.

    Args:
        path: The file.
        kind: Dataclass or `msgspec.Struct` with the fields that are read.
        made_by: Program that writes the file, for messages.
        format_name: Required value of its field "format"; None if it has none.
        remedy: How to replace the file, if not by `made_by` alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, of another version, or a field is
            missing or invalid.
    """
    path = pathlib.Path(path)
    remedy = remedy or f"{made_by} writes it anew"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} must be there; {made_by} writes it. "
            f"Received: path={str(path)!r}, which is not a file"
        )
    content = json_file.load(path, f"{remedy}.")
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: it must be a JSON object. "
            f"Received: type={type(content).__name__}"
        )
    found = content.get("format")
    if format_name is not None and found != format_name:
        refuse(
            path,
            "format",
            f"{format_name!r}, the version that this report reads; {remedy}",
            found,
        )
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_explained(path, content, kind, error)) from error


def refuse(path, field, rule, received):
    """Raises ValueError for a field that doesn't fit other fields or files."""
    name = re.split(r"[.\]]", field)[-1] or field
    raise ValueError(
        f"{path}: field '{field}' must be {rule}. Received: {name}={received!r}"
    )


def _explained(path, content, kind, error):
    """Returns msgspec's error in the words of this package."""
    rule, _, place = str(error).partition(" - at `$")
    field, value, name = "", content, ""
    for step in _STEP.finditer(place):
        name = step[1] or (step[2] if step[2] != "..." else "")
        if not name:  # msgspec doesn't say which key of a dictionary it is.
            name = _refused_key(content, value, kind)
        field += f"[{name}]" if isinstance(value, list) else f".{name}"
        value = value[int(name) if isinstance(value, list) else name]
    field = field.removeprefix(".")
    missing = re.fullmatch("Object missing required field `(.*)`", rule)
    if missing:
        field = f"{field}.{missing[1]}".removeprefix(".")
        return f"{path}: field '{field}' is missing. Received: {sorted(value)}"
    if not rule.startswith("Expected "):
        return f"{path}: field '{field}': {rule}. Received: {name}={value!r}"
    rule = rule.replace("Expected", "must be")
    return f"{path}: field '{field}' {rule}. Received: {name}={value!r}"


def _refused_key(content, found, kind):
    """Returns the key of an inner dictionary that makes it invalid."""
    items = dict(found)
    try:
        for key, value in items.items():
            found.clear()
            found[key] = value
            msgspec.convert(content, kind)
    except msgspec.ValidationError:
        return key
    finally:
        found.clear()
        found.update(items)
