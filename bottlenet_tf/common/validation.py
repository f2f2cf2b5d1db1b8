"""Checks of flags, whose messages state rule, reason and received value."""

import math
import types
import typing


def check(condition, rule, **received):
    """Raises ValueError with the rule and the values received."""
    if not condition:
        shown = ", ".join(f"{k}={v!r}" for k, v in received.items())
        raise ValueError(f"{rule} Received: {shown}")


def _is_a(value, hint):
    """Whether `value` fits the annotation; a bool is not a number."""
    if typing.get_origin(hint) is types.UnionType:
        return any(_is_a(value, choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(
            _is_a(v, element) for v in value
        )
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _is_finite(value):
    """Whether `value` is neither NaN nor infinite; looks into tuples."""
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def check_types(config):
    """Raises an error unless all fields have their type and are finite."""
    for name, hint in typing.get_type_hints(type(config)).items():
        value = getattr(config, name)
        if not _is_a(value, hint):
            shown = hint.__name__ if isinstance(hint, type) else hint
            raise TypeError(
                f"--{name} must be of type {shown}. Received: {name}={value!r}"
            )
        check(
            _is_finite(value),
            f"--{name} must be finite.",
            **{name: value},
        )


def check_choice(name, value, choices):
    """Refuses a value that is not among the choices, and lists them."""
    check(
        value in choices,
        f"--{name} must be one of {', '.join(choices)}.",
        **{name: value},
    )


def first_of(words, count):
    """Returns the first words as text, and how many more there are."""
    words = list(words)
    left = len(words) - count
    more = f" and {left} more" if left > 0 else ""
    return (", ".join(words[:count]) or "none") + more


def check_fraction(**values):
    """Refuses values outside 0 to 1."""
    for name, value in values.items():
        check(
            0.0 <= value <= 1.0,
            f"--{name} must be between 0 and 1.",
            **{name: value},
        )
