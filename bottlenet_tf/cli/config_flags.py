"""Flags of a configuration, and the configuration that parsed flags make."""

import dataclasses
import types
import typing

from absl import flags

from bottlenet_tf.common.settings import flag_name

OWN = "Flags of this program"
_KINDS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
_NUMBERS = {int: "whole numbers", float: "numbers"}


def define(sections, without=(), flag_values=flags.FLAGS):
    """Defines a flag for every setting that has a help text.

    `sections` are subclasses of `Settings`, or `{title: subclasses}` with their
    headings in --help; returns `{title: names of the new flags}`. A flag that
    an earlier section has defined is shared.
    """
    if not isinstance(sections, dict):
        sections = {OWN: sections}
    groups = {}
    for title, settings in sections.items():
        groups[title] = []
        for section in settings:
            for name, field in fields(section).items():
                if name in without:
                    continue
                default = _default(field)
                if name in flag_values:
                    _check_default(flag_values[name], default, section)
                    continue
                _define(name, field, default, flag_values)
                groups[title].append(name)
    return groups


def read(section, values, **given):
    """Returns the configuration of parsed flag values.

    A flag that may be unset is unset by an empty string, so that a command can
    override a flagfile.
    """
    for name, field in fields(section).items():
        if field.name in given or not hasattr(values, name):
            continue
        value = getattr(values, name)
        kind, is_list = _type(field)
        if is_list and value is not None:
            value = _listed(name, value, kind)
        if value == "" and field.default is None:
            value = None
        given[field.name] = value
    return section(**given)


def fields(section):
    """Returns `{name of the flag: field}` of a configuration's flags."""
    return {
        flag_name(field): field
        for field in dataclasses.fields(section)
        if field.metadata.get("about")
    }


def _type(field):
    """Returns `(type, whether it is a tuple of that)`."""
    hint = field.type
    if typing.get_origin(hint) is types.UnionType:  # `int | None`
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def _default(field):
    _, is_list = _type(field)
    if field.default is dataclasses.MISSING:
        return [] if is_list else None
    if is_list and field.default is not None:
        return [str(value) for value in field.default]
    return field.default


def _define(name, field, default, flag_values):
    kind, is_list = _type(field)
    common = {"help": field.metadata["about"], "flag_values": flag_values}
    choices = field.metadata["choices"]
    if is_list:
        flags.DEFINE_list(name, default, **common)
    elif choices:
        flags.DEFINE_enum(name, default, list(choices), **common)
    else:
        _KINDS[kind](name, default, **common)


def _check_default(flag, default, section):
    if flag.default != default:
        raise ValueError(
            "Fields of one name share a flag and need one default. "
            f"Received: {section.__name__}.{flag.name}={default!r}, "
            f"{flag.default!r} elsewhere"
        )


def _listed(name, values, kind):
    """Returns a list flag's values as a tuple; empty ones are left out."""
    try:
        return tuple(kind(value) for value in values if value)
    except ValueError as error:
        raise ValueError(
            f"--{name} must be {_NUMBERS[kind]} separated by commas. Received: "
            f"{name}={','.join(map(str, values))}"
        ) from error
