"""Flagfiles in place of --flagfile, also those that come with the package."""

import pathlib
import re

from bottlenet_tf.common.settings import local

_PACKAGE = pathlib.Path(__file__).parents[1]
_DIRECTIVE = re.compile(r"--?flagfile(?:=(.*))?")


def expanded(words, within=()):
    """Yields words of a command, the lines of flagfiles in their place.

    absl's own expansion finds no flagfile of an installed package. A flagfile
    may name others. One that isn't in the current directory is looked for among
    those that come with the package.

    `within` are the `pathlib.Path`s of the flagfiles that contain the words.
    """
    words = iter(words)
    for word in words:
        directive = _DIRECTIVE.fullmatch(word)
        if directive is None:
            yield word
        else:
            name = directive[1]
            path = _find(next(words, "") if name is None else name)
            if path in within:
                raise ValueError(
                    f"--flagfile must not include itself. Received: {path}"
                )
            yield from expanded(_lines(path), (*within, path))
        if word == "--":
            yield from words


def shipped():
    """Returns the names of the flagfiles that come with the package."""
    for root in (_PACKAGE, _PACKAGE.parent):  # Installed; from a checkout.
        found = sorted((root / "flags").glob("*.flags"))
        if found:
            return [path.relative_to(root).as_posix() for path in found]
    return []


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
