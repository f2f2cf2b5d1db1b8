"""Flags of a configuration, and the configuration that parsed flags make."""

import dataclasses
import types
import typing

from absl import flags

from bottlenet_tf.common.settings import flag_name

_KINDS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
_NUMBERS = {int: "whole numbers", float: "numbers"}


def define(
    section, flag_values=flags.FLAGS, module_name=None, without=(), **texts
):
    """Defines a flag for every setting of a configuration that has a help.

    A flag that is there already, of another configuration, is shared.

    Args:
        section: Subclass of `Settings`.
        flag_values: Where to define them.
        module_name: The program whose --help lists them.
        without: Names of fields that are no flags of this program.
        **texts: Help texts by field, where this program's differ.

    Raises:
        ValueError: if a shared flag would have two defaults.
    """
    for field, (kind, is_list) in _typed_fields(section).items():
        text = texts.get(field.name) or field.metadata.get("about")
        if not text or field.name in without:
            continue
        name, default = flag_name(field), field.default
        if default is dataclasses.MISSING:
            default = [] if is_list else None
        if is_list and default is not None:
            default = [str(value) for value in default]
        if name in flag_values:
            _check_default(flag_values[name], default, section, field)
            continue
        common = {
            "help": text,
            "flag_values": flag_values,
            "module_name": module_name,
        }
        if is_list:
            flags.DEFINE_list(name, default, **common)
        elif field.metadata["choices"]:
            choices = list(field.metadata["choices"])
            flags.DEFINE_enum(name, default, choices, **common)
        else:
            _KINDS[kind](name, default, **common)


def read(section, values, **given):
    """Returns the configuration of parsed flag values.

    A flag that may be unset is unset by an empty string, so that a command
    can take back what a flagfile says.

    Args:
        section: Subclass of `Settings`.
        values: `absl.flags.FLAGS` or anything with the same attributes.
        **given: Fields that aren't flags.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    fields = dict(given)
    for field, (kind, is_list) in _typed_fields(section).items():
        name = flag_name(field)
        if field.name in fields or not hasattr(values, name):
            continue
        if not field.metadata.get("about"):
            continue
        value = getattr(values, name)
        if is_list and value is not None:
            value = listed(name, value, kind)
        if value == "" and field.default is None:
            value = None
        fields[field.name] = value
    return section(**fields)


def _typed_fields(section):
    """Returns `{field: (type, whether it is a tuple of that)}`."""
    found, hints = {}, typing.get_type_hints(section)
    for field in dataclasses.fields(section):
        hint = hints[field.name]
        if typing.get_origin(hint) is types.UnionType:  # `int | None`
            hint = typing.get_args(hint)[0]
        is_list = typing.get_origin(hint) is tuple
        kind = typing.get_args(hint)[0] if is_list else hint
        found[field] = (kind, is_list)
    return found


def _check_default(flag, default, section, field):
    if flag.default != default:
        raise ValueError(
            "Fields of one name share a flag and need one default. "
            f"Received: {section.__name__}.{field.name}={default!r}, "
            f"{flag.default!r} elsewhere"
        )


def listed(name, values, kind):
    """Returns a list flag's values as a tuple; empty ones are left out.

    Raises:
        ValueError: if one is not of that kind.
    """
    try:
        return tuple(kind(value) for value in values if value)
    except ValueError as error:
        raise ValueError(
            f"--{name} must be {_NUMBERS[kind]} with commas between. "
            f"Received: {name}={','.join(map(str, values))}"
        ) from error
