"""Checks of values from outside: rule, reason and the received value."""

import math

_SHOWN_CHARACTERS = 80


def require(condition, rule, **received):
    """Raises ValueError with the rule and the received values, shortened."""
    if condition:
        return
    shown = ", ".join(
        "{}={}".format(name, shortened(value))
        for name, value in sorted(received.items())
    )
    raise ValueError("{} Received: {}".format(rule, shown))


def shortened(value):
    """Returns a value's `repr`, cut after 80 characters."""
    try:
        text = repr(value)
    except RecursionError:
        text = "<nested>"
    if len(text) > _SHOWN_CHARACTERS:
        return text[:_SHOWN_CHARACTERS] + "..."
    return text


def is_number(value, least=0.0, most=math.inf):
    """Whether a value is a finite number within bounds; a bool isn't one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value) and least <= value <= most
    except OverflowError:  # An int beyond the range of a float.
        return False


def is_whole(value, least=0, most=math.inf):
    """Whether a value is an int within bounds; a bool isn't one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return least <= value <= most


def is_text(value):
    """Whether a value is a string that isn't empty."""
    return isinstance(value, str) and value != ""


def is_list_of(is_valid, value):
    """Whether a value is a list of valid ones, at least one."""
    return isinstance(value, list) and value != [] and all(map(is_valid, value))
