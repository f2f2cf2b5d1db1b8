"""One declaration of a setting: its default, help text and range.

A dataclass of settings checks itself, and `cli.config_flags` makes its flags.
"""

import dataclasses
import operator
import os
import re

from bottlenet_tf.common.validation import check, check_choice, check_types

_ELSEWHERE = re.compile(r"(gs|s3|hdfs|abfss?|wasbs?|az|file|ftp|https?)://")
# Prefixes that TensorFlow Datasets and Ray open themselves.
_OPEN_URLS = ("data_dir", "ray_address")
_BOUNDS = {
    "least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def setting(
    default=dataclasses.MISSING,
    about="",
    *,
    choices=None,
    least=None,
    most=None,
    above=None,
    below=None,
    distinct=False,
    why="",
    flag=None,
):
    """Returns a field of a `Settings` class.

    Args:
        default: Its value if none is given; without one, it must be given.
        about: Its help text. A field without one isn't a flag.
        choices: Values it may have.
        least, most, above, below: Bounds of a number; of every element if it
            is a tuple. None, if its type allows it, has no bounds.
        distinct: Whether a tuple must not contain a value twice.
        why: The reason for the bounds, for the error.
        flag: Name of its flag; the field's if None.
    """
    bounds = {"least": least, "above": above, "most": most, "below": below}
    return dataclasses.field(
        default=default,
        metadata={
            "about": about,
            "choices": choices,
            "bounds": bounds,
            "distinct": distinct,
            "why": why,
            "flag": flag,
        },
    )


def flag_name(field):
    """Returns the name of a field's flag."""
    return field.metadata.get("flag") or field.name


def local(name, value):
    """Returns a flag's value with "~" as the home folder, lists as tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(local(name, each) for each in value)
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"--{name} must be UTF-8, since reports contain it; rename the "
            f"file or folder. Received: {name}={os.fsencode(value)!r}"
        ) from error
    check(
        name in _OPEN_URLS or not _ELSEWHERE.match(value),
        f"--{name} must be a path of this machine, since files are read and "
        "written there directly. Copy or mount remote files.",
        **{name: value},
    )
    return os.path.expanduser(value)


def as_typed(name, value):
    """Returns a flag as an argument: "--epochs=3", "--noflip"."""
    if value is None:
        return f"--{name} unset"
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    return f"--{name}={value}"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of configurations: frozen dataclasses that check themselves.

    Lists, which flags and JSON give, become tuples. Strings must not be empty;
    of paths, "~" becomes the home folder.
    """

    def __post_init__(self):
        fields = dataclasses.fields(self)
        for field in fields:
            value = local(flag_name(field), getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        check_types(self)
        for name, value in self.resolved_defaults().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for field in fields:
            _check_value(field, getattr(self, field.name))
        self.check_together()

    def resolved_defaults(self):
        """Returns `{field: value}` for fields left at None by default."""
        return {}

    def rules(self):
        """Yields `(whether it holds, rule)`, rules on several settings at once.

        A rule is a sentence such as "--resize must be at least --image_size.",
        and the error shows the values of the flags that it names.
        """
        return ()

    def check_together(self):
        """Raises ValueError where settings contradict each other."""
        for holds, rule in self.rules():
            if not holds:
                values = _values(self)
                named = re.findall(r"--(\w+)", rule)
                shown = {n: values[n] for n in named if n in values}
                check(False, rule, **shown)


def _values(config):
    """Returns `{flag: value}` of a configuration and of those it contains."""
    own, held = {}, {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            held |= _values(value)
        else:
            own[flag_name(field)] = value
    return held | own


def _check_value(field, value):
    name, declared = flag_name(field), field.metadata
    values = value if isinstance(value, tuple) else (value,)
    for each in values:
        if isinstance(each, str):
            check(bool(each), f"--{name} must not be empty.", **{name: value})
    if value is None or not declared:
        return
    if declared["choices"] is not None:
        for each in values:
            check_choice(name, each, tuple(declared["choices"]))
    bounds = {k: v for k, v in declared["bounds"].items() if v is not None}
    if bounds:
        reason = f": {declared['why']}" if declared["why"] else ""
        unset = ", or unset" if field.default is None else ""
        check(
            all(
                _BOUNDS[kind][1](each, bound)
                for each in values
                for kind, bound in bounds.items()
            ),
            f"--{name} must be {_range(bounds)}{unset}{reason}.",
            **{name: value},
        )
    check(
        not declared["distinct"] or len(set(values)) == len(values),
        f"--{name} must not name anything twice.",
        **{name: value},
    )


def _range(bounds):
    """Returns the words for a range, as "1 to 100" or "positive"."""
    if {"least", "most"} <= set(bounds):
        return f"{bounds['least']} to {bounds['most']}"
    if bounds == {"above": 0}:
        return "positive"
    return " and ".join(f"{_BOUNDS[k][0]} {v}" for k, v in bounds.items())
