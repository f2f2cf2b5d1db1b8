"""Fields of a JSON file, each checked, with messages that name both."""

import math
import pathlib

from bottlenet_tf import json_file


def read(path, format_name=None, made_by=""):
    """Returns the `Fields` of a JSON file.

    Args:
        path: The file.
        format_name: What its field "format" must be; None if it has none.
        made_by: Program that writes it, for messages.

    Raises:
        FileNotFoundError: if it isn't there.
        ValueError: if it is damaged or of another version.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} must be there; {made_by} writes it. "
            f"Received: path={str(path)!r}, which is no file"
        )
    remedy = f"{made_by} writes it anew." if made_by else ""
    content = json_file.load(path, remedy)
    found = Fields(content, str(path))
    if format_name is not None:
        found.check(
            "format",
            f"{format_name!r}, the version that this report reads; {made_by} "
            "writes it anew",
            lambda value: value == format_name,
        )
    return found


class Fields:
    """One JSON object of a file; each of its fields is checked when read.

    Args:
        content: What JSON held.
        file: The file's name, for messages.
        place: What messages put before a field's name.

    Raises:
        ValueError: if it is no object. So do all methods, for a field that
            is missing or isn't what it must be.
    """

    def __init__(self, content, file, place=""):
        if not isinstance(content, dict):
            where = f"field {place.rstrip('.')!r}" if place else "it"
            raise ValueError(
                f"{file}: {where} must be a JSON object. "
                f"Received: type={type(content).__name__}"
            )
        self.content, self.file, self.place = content, file, place

    def check(self, name, rule, is_valid):
        """Returns a field's value.

        Args:
            name: Of the field.
            rule: What it must be, to end a sentence with.
            is_valid: Whether a value is that.
        """
        if name not in self.content:
            raise ValueError(
                f"{self.file}: field '{self.place}{name}' is missing; it must "
                f"be {rule}. Received: fields {sorted(self.content)}"
            )
        value = self.content[name]
        if not is_valid(value):
            raise ValueError(
                f"{self.file}: field '{self.place}{name}' must be {rule}. "
                f"Received: {name}={value!r}"
            )
        return value

    def refuse(self, name, rule, received):
        """Raises ValueError for a field that doesn't fit other files."""
        raise ValueError(
            f"{self.file}: field '{self.place}{name}' must be {rule}. "
            f"Received: {name}={received!r}"
        )

    def number(self, name, low=0.0, high=math.inf):
        """Returns a finite number from `low` to `high`."""
        return self.check(
            name, f"a finite number{_span(low, high)}", _number(low, high)
        )

    def number_or_none(self, name, low=0.0, high=math.inf):
        """Returns the same, or None where the file says null."""
        is_number = _number(low, high)
        return self.check(
            name,
            f"a finite number{_span(low, high)}, or null",
            lambda value: value is None or is_number(value),
        )

    def number_or_word(self, name, words):
        """Returns a number from 0 on, one of some words, or None for null."""
        is_number = _number(0.0, math.inf)
        return self.check(
            name,
            f"a finite number, at least 0, {', '.join(map(repr, words))} or "
            "null",
            lambda value: value is None or value in words or is_number(value),
        )

    def positive(self, name):
        """Returns a number above zero."""
        is_number = _number(0.0, math.inf)
        return self.check(
            name,
            "a finite number above 0",
            lambda value: is_number(value) and value > 0,
        )

    def percent(self, name):
        """Returns a number from 0 to 100."""
        return self.number(name, 0.0, 100.0)

    def percent_or_none(self, name):
        """Returns the same, or None where the file says null."""
        return self.number_or_none(name, 0.0, 100.0)

    def whole(self, name, low=0):
        """Returns a whole number, at least `low`."""
        return self.check(
            name,
            f"a whole number, at least {low}",
            lambda value: (
                _number(low, math.inf)(value) and isinstance(value, int)
            ),
        )

    def text(self, name):
        """Returns a string."""
        return self.check(
            name, "a string", lambda value: isinstance(value, str)
        )

    def text_or_none(self, name):
        """Returns a string, or None where the file says null."""
        return self.check(
            name,
            "a string or null",
            lambda value: value is None or isinstance(value, str),
        )

    def texts(self, name):
        """Returns a tuple of strings."""
        return tuple(
            self.check(
                name,
                "a list of strings",
                lambda value: (
                    isinstance(value, list)
                    and all(isinstance(item, str) for item in value)
                ),
            )
        )

    def object(self, name):
        """Returns the `Fields` of an object."""
        value = self.check(name, "an object", lambda v: isinstance(v, dict))
        return Fields(value, self.file, f"{self.place}{name}.")

    def objects(self, name):
        """Returns the `Fields` of each object of a list."""
        value = self.check(name, "a list", lambda v: isinstance(v, list))
        return [
            Fields(item, self.file, f"{self.place}{name}[{i}].")
            for i, item in enumerate(value)
        ]

    def is_null(self, name):
        """Whether a field that must be there is null."""
        return self.check(name, "there", lambda value: True) is None


def _number(low, high):
    def is_valid(value):
        is_number = isinstance(value, (int, float))
        if not is_number or isinstance(value, bool):
            return False
        return math.isfinite(value) and low <= value <= high

    return is_valid


def _span(low, high):
    if math.isinf(low):
        return ""
    if math.isinf(high):
        return f", at least {low:g}"
    return f" from {low:g} to {high:g}"
