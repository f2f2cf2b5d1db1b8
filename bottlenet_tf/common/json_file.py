"""JSON files: written atomically, read with errors that name file and field."""

import json
import pathlib

from bottlenet_tf.common import whole_file


def write_json(path, value):
    """Writes `value` to `path`; a crash leaves the old file or none.

    Its folder is created. Returns the `pathlib.Path` written.
    """
    return whole_file.write(path, text_of(value).encode("utf-8"))


def text_of(value):
    """Returns the text that `write_json` writes."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def load(path, remedy=""):
    """Returns the content of a JSON file.

    `remedy` is a sentence on how to mend a damaged file.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # Covers bad UTF-8 and bad JSON.
        raise ValueError(
            f"{path} is damaged or only partly written: it must be JSON "
            f"({error}). {remedy}".rstrip()
        ) from error


def read_json(path, format_name, fields, remedy):
    """Returns the object in a file of one format.

    `fields` are the names of those that it must have, `remedy` is a sentence on
    how to mend the file.
    """
    value = load(path, remedy)
    is_object = isinstance(value, dict)
    found = value.get("format") if is_object else type(value).__name__
    if found != format_name:
        raise ValueError(
            f"{path} must be of this version, format={format_name!r}. {remedy} "
            f"Received: format={found!r}"
        )
    for name in fields:
        if name not in value:
            raise ValueError(
                f"{path} lacks {name}. {remedy} "
                f"Received: fields={sorted(value)}"
            )
    return value
