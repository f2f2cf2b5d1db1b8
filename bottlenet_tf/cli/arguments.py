"""What a user types, before flags are read: flagfiles, paths."""

import pathlib
import re

from bottlenet_tf.common.settings import local

_PACKAGE = pathlib.Path(__file__).parents[1]
_DIRECTIVE = re.compile(r"--?flagfile(?:=(.*))?")


def expanded(arguments):
    """Returns arguments with the lines of flagfiles in place of --flagfile.

    A flagfile may name others. One that isn't in the current directory is
    looked for among those that come with the package, by the same name.

    Args:
        arguments: List of words, without the program's name.

    Raises:
        ValueError: if a file is missing, isn't UTF-8 or includes itself.
        OSError: if it can't be read.
    """
    return list(_expanded(list(arguments), ()))


def shipped():
    """Returns the names of the flagfiles that come with the package."""
    for root in (_PACKAGE, _PACKAGE.parent):  # Installed; from a checkout.
        found = sorted((root / "flags").glob("*.flags"))
        if found:
            return [path.relative_to(root).as_posix() for path in found]
    return []


def localise(flag_values):
    """Replaces "~" in all flags' values; see `settings.local`."""
    for name in flag_values:
        flag = flag_values[name]
        if isinstance(flag.value, (str, list)):
            value = local(name, flag.value)
            flag.value = value if isinstance(value, str) else list(value)


def _expanded(words, within):
    while words:
        word = words.pop(0)
        directive = _DIRECTIVE.fullmatch(word)
        if word == "--":
            yield from (word, *words)
            return
        if directive is None:
            yield word
            continue
        name = directive[1]
        if name is None:
            name = words.pop(0) if words else ""
        path = _find(name)
        if path in within:
            raise ValueError(
                f"--flagfile must not include itself. Received: {name}"
            )
        yield from _expanded(_lines(path), (*within, path))


def _find(name):
    path = pathlib.Path(local("flagfile", name.strip()))
    for root in (pathlib.Path(), _PACKAGE, _PACKAGE.parent):
        if (root / path).is_file():
            return root / path
    raise ValueError(
        "--flagfile must name a file that exists, or one that comes with the "
        f"package ({', '.join(shipped())}). Received: flagfile={name!r}"
    )


def _lines(path):
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A flagfile must be UTF-8 text. Received: {path} ({error})"
        ) from error
    lines = (line.strip() for line in lines)
    return [each for each in lines if each and not each.startswith(("#", "//"))]
