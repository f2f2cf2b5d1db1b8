"""Files from outside, by msgspec: errors name the file and the field."""

import pathlib
import re

import msgspec

from bottlenet_tf.common import json_file


def read(path, kind, made_by, format_name=None, remedy=""):
    """Returns the object in a JSON file.

    Args:
        made_by: Program that writes the file, for messages.
        format_name: Required value of its field "format"; None for any.
        remedy: How to replace the file, if not by `made_by` alone.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} must exist; {made_by} writes it. Received: "
            f"path={str(path)!r}, which is not a file"
        )
    remedy = f"{remedy or f'{made_by} rewrites it'}."
    if format_name is None:
        content = json_file.load(path, remedy)
    else:
        content = json_file.read_json(path, format_name, (), remedy)
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} must be a JSON object. {remedy} "
            f"Received: type={type(content).__name__}"
        )
    return convert(content, kind, path)


def convert(content, kind, path, place="", strict=True):
    """Returns a dictionary as an object of `kind`.

    Args:
        content: From `json`.
        kind: Dataclass or `msgspec.Struct`.
        path: Its file, for messages.
        place: Where it is in the file, "line 5, ".
        strict: Whether text isn't converted to numbers.

    Raises:
        ValueError: if a field is missing or invalid.
    """
    try:
        return msgspec.convert(content, kind, strict=strict)
    except msgspec.ValidationError as error:
        explained = _explained(content, kind, error, place)
        raise ValueError(f"{path}: {explained}") from error


def refuse(path, field, rule, received):
    """Raises ValueError for a field that contradicts other fields or files."""
    name = re.split(r"[.\]]", field)[-1] or field
    raise ValueError(
        f"{path}: field '{field}' must be {rule}. Received: {name}={received!r}"
    )


def _explained(content, kind, error, place):
    """Returns msgspec's error as a rule for a field, and the received value."""
    rule, _, path = str(error).partition(" - at `$")
    field, name, value = "", "", content
    for key, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", path):
        if index == "...":  # msgspec doesn't report the key.
            key = _refused_key(content, value, kind)
        field += f".{key}" if key else f"[{index}]"
        name, value = key or index, value[key or int(index)]
    field = place + field.strip(".")
    missing = re.fullmatch("Object missing required field `(.*)`", rule)
    if missing:
        field = f"{field}.{missing[1]}" if name else place + missing[1]
        return f"field '{field}' is missing. Received: {sorted(value)}"
    if rule.startswith("Expected"):
        rule = rule.replace("Expected", " must be")
    else:
        rule = f": {rule}"
    return f"field '{field}'{rule}. Received: {name}={value!r}"


def _refused_key(content, found, kind):
    """Returns the key of an inner dictionary that makes `content` invalid."""
    items = dict(found)
    try:
        for key in items:
            found.clear()
            found[key] = items[key]
            msgspec.convert(content, kind)
    except msgspec.ValidationError:
        return key
    finally:
        found.clear()
        found.update(items)
