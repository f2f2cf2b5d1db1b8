"""Answers as lines of JSON, to standard output or a resumable file."""

import json
import os
import stat
import sys

try:
    import fcntl
except ImportError:  # Not a POSIX system: no lock.
    fcntl = None


_FIELDS = (
    "image", "class", "label", "top", "where", "split", "point", "choice",
    "payload_bytes", "latency_ms", "problem",
)  # fmt: skip
# In ASCII, for any terminal or pipe.
_encode = json.JSONEncoder(allow_nan=False).encode


def answered(name, result):
    """Returns the line of a `Result`, without its end: `_FIELDS` as JSON."""
    return _line(
        name,
        result.index,
        result.label,
        [[i, label, round(share, 6)] for i, label, share in result.top],
        result.way,
        result.split,
        result.point,
        result.choice,
        result.payload_bytes,
        round(result.latency_ms, 3),
        result.problem,
    )


def failed(name, problem):
    """Returns the line of an image without an answer."""
    return _line(name, None, None, [], None, None, None, None, 0, None, problem)


def _line(*values):
    return _encode(dict(zip(_FIELDS, values)))


class StandardOutput:
    """Lines to standard output; earlier answers are unknown."""

    def has(self, name):
        """Whether an image was answered by an earlier run."""
        return False

    def write(self, line):
        """Writes a line, at once."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def close(self):
        """Does nothing: nothing is open."""


class AnswerFile:
    """Lines at the end of a file, whose earlier lines are read.

    A line is written at once and counts if it is complete. A killed program
    that is restarted with the same images and file answers exactly the missing
    ones. A crash of the system may lose the last lines, whose images are then
    answered again.
    """

    def __init__(self, path):
        self._file = open(path, "ab+", 0)
        try:
            _lock(self._file, path)
            self._names = _names(self._file, path)
        except BaseException:
            self._file.close()
            raise

    def has(self, name):
        """Whether an image was answered by an earlier run.

        Only once: a watched file that is rewritten is a new image.
        """
        if name in self._names:
            self._names.discard(name)
            return True
        return False

    def write(self, line):
        """Writes a line, at once; after an OSError it is incomplete."""
        data = (line + "\n").encode("ascii")
        while data:
            data = data[self._file.write(data) :]

    def close(self):
        """Closes the file."""
        self._file.close()


def _lock(file, path):
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OSError(
            "--out must be a file that no other program writes to. Received: "
            "{!r}".format(path)
        ) from None


def _names(file, path):
    """Returns the names of the images in a file; drops an incomplete line."""
    names, end = set(), 0
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return names  # A device such as /dev/zero has no end.
    file.seek(0)
    with open(os.dup(file.fileno()), "rb") as reader:
        for line in reader:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            names.add(_name(line, path))
    file.truncate(end)
    return names


def _name(line, path):
    try:
        return json.loads(line.decode("ascii"))["image"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            "--out must be a file of this program's answers, or a new one. "
            "Received: {!r} with the line {!r}".format(path, line[:60])
        ) from None
