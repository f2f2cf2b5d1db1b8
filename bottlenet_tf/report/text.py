"""Text for display: that of files, numbers, a decision's goal in words."""

import pathlib
import shlex

# Folders of this package's programs.
_PROGRAMS = (__name__.partition(".")[0], "cli")
# Between a number and its unit.
NO_BREAK = "\u00a0"
_LONGEST = 22
TIME, ENERGY, SUM = "time", "energy", "weighted sum"


def plain(value):
    """Returns text with U+FFFD for unprintable characters."""
    return "".join(
        c if c.isprintable() or c == NO_BREAK else "\ufffd" for c in str(value)
    )


def short(value, longest=_LONGEST):
    """Returns `plain` text, cut to fit in a diagram."""
    value = plain(value)
    return value if len(value) <= longest else value[: longest - 1] + "…"


def short_choice(choice):
    """Returns a `selection.Choice`'s `short` name, its point not cut."""
    end = "" if choice.point is None else f" at point {choice.point}"
    return short(choice.name.removesuffix(end), _LONGEST - len(end)) + end


def number(value, digits=3):
    """Returns a number with these significant digits; "–" for None."""
    if value is None:
        return "–"
    for decimals in (0, 1, 2):
        if abs(value) >= 10 ** (digits - 1 - decimals):
            return f"{value:,.{decimals}f}"
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def quantity(value, unit):
    """Returns a number and its unit, without a line break between them."""
    return f"{number(value)}{NO_BREAK}{unit}"


def percent(value):
    """Returns an accuracy; "–" for None."""
    return "–" if value is None else f"{value:.2f}{NO_BREAK}%"


def drop(run, accuracy):
    """Returns the points lost against a run's unsplit network."""
    known = run.baseline_accuracy
    return "–" if known is None else f"{known - accuracy:.2f}"


def share(value):
    """Returns a share of 1 in percent; "–" for None."""
    return "–" if value is None else f"{100 * value:.0f}{NO_BREAK}%"


def command(arguments):
    """Returns a command line for a shell, the program without its folder.

    `python -m` runs the package's programs; other scripts run in their folder.
    """
    if not arguments:
        return ""
    path = pathlib.PurePath(arguments[0])
    program = (path.name,)
    if path.suffix == ".py":
        program = ("python", path.name)
        if path.parts[-3:-1] == _PROGRAMS:
            program = ("python", "-m", ".".join((*_PROGRAMS, path.stem)))
    return plain(shlex.join((*program, *arguments[1:])))


def listed(names):
    """Returns "a", "a and b" or "a, b and c"."""
    *most, last = map(plain, names)
    return f"{', '.join(most)} and {last}" if most else last


def noun(goal):
    """Returns the noun of `selection.Goal.of`; with a deadline, time."""
    if not goal.energy_weight:
        return TIME
    return SUM if goal.latency_weight else ENERGY


def wanted(goal):
    """Returns a goal as "the least time"; a sum with its weights."""
    if goal.deadline_ms is not None:
        return f"the most accuracy within {goal.deadline_ms:g} ms"
    weights = ""
    if noun(goal) == SUM:
        weights = (
            f" ({goal.latency_weight:g} × ms + {goal.energy_weight:g} × mJ)"
        )
    return f"the least {noun(goal)}{weights}"


def reached(goal):
    """Returns a goal as "takes the least time"."""
    verb = "reaches" if goal.deadline_ms is not None else "takes"
    return f"{verb} {wanted(goal)}"


def beats(goal):
    """Returns how a rival is ahead: "takes less time"."""
    if goal.deadline_ms is not None:
        return f"does better within {goal.deadline_ms:g} ms"
    return f"takes less {noun(goal)}"


def not_compared(decision):
    """Returns ", not compared with ..."; "" if all rivals were measured."""
    names = decision.uncompared
    return f", not compared with {listed(names)}" if names else ""
