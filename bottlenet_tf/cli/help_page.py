"""The text of --help: the program, and its flags by purpose."""

import textwrap

WORDS = ("--help", "-help", "-h", "-?", "--helpshort", "--helpfull")
_WIDTH, _KINDS = 80, {"int": "N", "float": "X"}


def page(usage, flag_values, groups):
    """Returns the text of --help; `groups` is `{title: names of flags}`."""
    lines = [usage]
    for title, names in groups.items():
        lines += ["", f"{title}:"]
        lines += [_described(flag_values[name]) for name in names]
    lines += [
        "",
        "--flagfile=FILE reads flags from a file, one per line. Those of the",
        "package, flags/digits.flags and others, are found from any folder.",
    ]
    return "\n".join(lines)


def _described(flag):
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    default = flag.default_as_str
    choices = "|".join(getattr(flag.parser, "enum_values", None) or ())
    # absl itself puts the choices before the help.
    text = (flag.help or "").removeprefix(f"<{choices}>: ").splitlines()
    if default and default != "''":
        text[-1] += f" (default: {default.strip(chr(39))})"
    fill = textwrap.TextWrapper(
        _WIDTH,
        initial_indent="      ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    ).fill
    kind = _KINDS.get(flag.parser.flag_type(), "VALUE")
    value = "" if flag.boolean else f"={choices or kind}"
    return "\n".join([f"  {name}{value}", *map(fill, text)])
