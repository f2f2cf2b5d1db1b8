"""A folder that one process at a time works in."""

import contextlib
import errno
import fcntl
import os
import pathlib

_NAME = ".in_use"


@contextlib.contextmanager
def alone(folder, flag="workdir"):
    """Locks a folder while this process works in it; creates it if needed.

    The kernel releases it when the process ends, killed or not. Where a file
    system has no locks, or the folder is read-only, nothing is locked.
    """
    path = pathlib.Path(folder).absolute() / _NAME
    made = [p for p in path.parents if not p.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _held(path)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES) and path.exists():
            _refuse(path, flag)
        held = None
    try:
        yield
    finally:
        if held is not None:
            path.unlink(missing_ok=True)
            os.close(held)
        for parent in made:  # A run that never began leaves nothing.
            with contextlib.suppress(OSError):
                parent.rmdir()


def _held(path):
    """Returns the descriptor of the locked file, which names the process."""
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have removed it at its end.
            if path.exists() and os.path.samestat(os.fstat(held), path.stat()):
                os.ftruncate(held, 0)
                os.write(held, f"{os.getpid()}\n".encode())
                return held
        except OSError:
            os.close(held)
            raise
        os.close(held)


def _refuse(path, flag):
    process = path.read_text(encoding="utf-8").strip()
    raise ValueError(
        f"--{flag} must be a folder that no other process works in; process "
        f"{process} does. Wait for it, or use another folder. Received: "
        f"{flag}={str(path.parent)!r}"
    )
