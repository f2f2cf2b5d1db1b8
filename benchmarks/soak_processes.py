"""The processes of a soak: started, killed, started again, and their memory."""

import contextlib
import os
import pathlib
import signal
import subprocess

_PAGE = os.sysconf("SC_PAGE_SIZE")


def children(pid):
    """Returns the numbers of a process's living children."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def resident_mb(pid):
    """Returns the resident memory of a process and all below it, in MB."""
    total = sum(map(resident_mb, children(pid)))
    with contextlib.suppress(OSError):
        pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
        total += int(pages) * _PAGE / 1e6
    return total


class Process:
    """A command that is started again whenever it was killed.

    Args:
        command: List of words.
        log: `pathlib.Path` that its output is appended to.
        **options: Of `subprocess.Popen`.
    """

    def __init__(self, command, log, **options):
        self._command, self._log, self._options = command, log, options
        self.starts, self._running = 0, None

    @property
    def pid(self):
        """Its number."""
        return self._running.pid

    def start(self):
        """Starts it."""
        self.starts += 1
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, **self._options,
            )  # fmt: skip

    def poll(self):
        """Returns its exit code, None while it runs."""
        return self._running.poll()

    def kill(self):
        """Kills its child, which it watches, or itself."""
        for pid in children(self.pid) or [self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        """Ends it."""
        if self._running is not None and self.poll() is None:
            self._running.terminate()
            try:
                self._running.wait(60)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
