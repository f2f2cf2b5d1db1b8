"""What --help shows: the program, and its flags by purpose."""

import textwrap

WORDS = ("--help", "-help", "-h", "-?", "--helpshort", "--helpfull")
_WIDTH, _KINDS = 80, {"int": "N", "float": "X"}
OWN = "Flags of this program"


def page(usage, flag_values, groups, module_name):
    """Returns the text of --help.

    Args:
        usage: What it begins with.
        flag_values: `absl.flags.FlagValues`.
        groups: `{title: names of flags}`, in the order to show; flags that a
            program hasn't are left out, and its others stand before them.
        module_name: The program that defined its flags.
    """
    defined = flag_values.flags_by_module_dict().get(module_name, ())
    flags = {flag.name: flag for flag in defined}
    grouped = {name for names in groups.values() for name in names}
    own = {OWN: [name for name in flags if name not in grouped]}
    lines = [usage]
    for title, names in {**own, **groups}.items():
        shown = [flags[name] for name in names if name in flags]
        if shown:
            lines += ["", f"{title}:", *map(_described, shown)]
    lines += [
        "",
        "--flagfile=FILE reads flags from a file, one a line. Those of the",
        "package, flags/digits.flags and others, are found from any folder.",
    ]
    return "\n".join(lines)


def _described(flag):
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    default = flag.default_as_str
    choices = "|".join(getattr(flag.parser, "enum_values", None) or ())
    # absl puts the choices before the help of its own.
    text = (flag.help or "").removeprefix(f"<{choices}>: ").splitlines()
    if default and default != "''":
        text[-1] += f" (default: {default.strip(chr(39))})"
    wrapped = [
        textwrap.fill(
            line,
            _WIDTH,
            initial_indent="      ",
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text
    ]
    kind = _KINDS.get(flag.parser.flag_type(), "VALUE")
    value = "" if flag.boolean else f"={choices or kind}"
    return "\n".join([f"  {name}{value}", *wrapped])
