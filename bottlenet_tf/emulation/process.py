"""The parent's side of the forwarding process."""

import multiprocessing
import os
import pathlib
import subprocess
import sys
import threading
import time

import bottlenet_tf
from bottlenet_tf.emulation.settings import Change

_STOP_S = 10.0
_TERMINATE_S = 10.0


def end(processes):
    """Ends `subprocess.Popen`s: terminates all, and kills what still runs."""
    for process in processes:
        process.terminate()
    latest_s = time.monotonic() + _TERMINATE_S
    for process in processes:
        try:
            process.wait(max(0.0, latest_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Forwarder:
    """Starts, controls and stops the process in which a link's loop runs.

    It is scheduled separately from the measured processes, and ends with this
    one. Base of `Proxy` and `Namespaces`.
    """

    def __init__(self, job):
        self.settings = job["settings"]
        self._lock = threading.Lock()
        self._control, theirs = multiprocessing.Pipe()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bottlenet_tf.emulation.forwarder",
                str(theirs.fileno()),
            ],
            pass_fds=[theirs.fileno(), *job["files"]],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self.scheduling = self._ask(job)

    def set(self, **changes):
        """Changes the running link, for packets from now on.

        Args:
            **changes: Fields of `settings.Change`: uplink, downlink, delay_ms,
                loss, outage.
        """
        self._ask(("change", Change(**changes)))

    def restart(self, settings=None):
        """Restarts at 0 s; raises as `set`."""
        self.settings = settings or self.settings
        self._ask(("restart", self.settings))

    def counters(self):
        """Returns both directions' `Counters` since the start; see `set`."""
        return self._ask(("counters", None))

    @property
    def is_running(self):
        """Whether the link's process is alive."""
        return self._process.poll() is None

    def close(self):
        """Stops the process; does nothing if it has stopped."""
        self._control.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _ask(self, request):
        try:
            with self._lock:
                self._control.send(request)
                return self._control.recv()
        except (EOFError, OSError) as error:
            raise RuntimeError(
                "The emulated link's process must run until it is closed; the "
                f"link is down now. Received: exit code {self._process.poll()}"
            ) from error


def _environment():
    """Returns variables by which this package is found as in this process."""
    root = str(pathlib.Path(bottlenet_tf.__file__).parents[1])
    known = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join([root, known] if known else [root])
    return {**os.environ, "PYTHONPATH": paths}
