"""An engine's life: started, watched, restarted, stopped with its processes.

```
start -> ready -> watched -> stop
  ^                  | it ended, or no longer answers
  +---- back-off ----+
```
"""

import collections
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from bottlenet_tf.serving.launch import EngineError

_KEPT_LINES = 200
_SHOWN_LINES = 30
_LINE_BYTES = 4096


class Timing(NamedTuple):
    """A supervisor's times, in seconds.

    Attributes:
        ready: Longest start.
        poll: Between two checks of the process.
        probe: Between two checks that it still answers.
        misses: Number of consecutive failed checks after which it counts as
            hung.
        stop: From SIGTERM to SIGKILL.
        first_wait, longest_wait: Before a restart; doubled each time.
        settled: Time after which a failure counts as the first again.
    """

    ready: float = 120.0
    poll: float = 0.1
    probe: float = 2.0
    misses: int = 3
    stop: float = 40.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    settled: float = 60.0


class Supervisor:
    """Keeps an engine running until `stop`.

    A failure at the first start is a wrong setting, and raises. After a later
    one the engine is restarted, without a limit.

    Args:
        echo: File to copy the engine's output to, or None. Only its last lines
            are kept, for error messages.
    """

    def __init__(self, launch, timing=Timing(), report=print, echo=None):
        self._launch = launch
        self._timing = timing
        self._report = report
        self._echo = echo
        self._stopped = threading.Event()
        self._process = None
        self._lines = collections.deque(maxlen=_KEPT_LINES)
        self._reader = None

    def stop(self):
        """Ends `run`; may be called in a signal handler."""
        self._stopped.set()

    def run(self):
        """Runs the engine until `stop`."""
        name = self._launch.engine
        try:
            failure = self._start()
            if failure:
                raise EngineError(self._explained(failure))
            wait = self._timing.first_wait
            while not self._stopped.is_set():
                began = time.monotonic()
                failure = failure or self._watch()
                if self._stopped.is_set():
                    break
                if time.monotonic() - began > self._timing.settled:
                    wait = self._timing.first_wait
                self._report(
                    f"{self._explained(failure)}\n"
                    f"Starting {name} again in {wait:.1f} s"
                )
                self._end()
                self._stopped.wait(wait)
                wait = min(2 * wait, self._timing.longest_wait)
                failure = self._start()
        finally:
            self._end()

    def _start(self):
        """Starts it; returns the failure, None once it is ready."""
        if self._stopped.is_set():
            return None
        launch, timing = self._launch, self._timing
        self._lines.clear()
        try:
            self._process = subprocess.Popen(
                [str(part) for part in launch.command],
                env=launch.variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # A separate session, so that Ctrl-C reaches only this process
                # and all processes of the engine can be ended.
                start_new_session=True,
                preexec_fn=_end_with_parent(),
            )
        except OSError as error:
            return f"cannot be started: {error}"
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        deadline = time.monotonic() + timing.ready
        while not self._stopped.is_set():
            if self._process.poll() is not None:
                return self._ended()
            if launch.is_ready():
                self._report(_ready_line(launch))
                return None
            if time.monotonic() > deadline:
                return f"was not ready within {timing.ready:g} s"
            self._stopped.wait(timing.poll)
        return None

    def _watch(self):
        """Returns the failure, None after `stop`."""
        misses = 0
        next_probe = time.monotonic() + self._timing.probe
        while not self._stopped.is_set():
            if self._process.poll() is not None:
                return self._ended()
            if time.monotonic() >= next_probe:
                misses = 0 if self._launch.is_ready() else misses + 1
                if misses >= self._timing.misses:
                    return f"did not answer {misses} times in a row"
                next_probe = time.monotonic() + self._timing.probe
            self._stopped.wait(self._timing.poll)
        return None

    def _ended(self):
        code = self._process.returncode
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def _end(self):
        """Ends the process and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(self._timing.stop)
        except subprocess.TimeoutExpired:
            self._report(
                f"{self._launch.engine} did not stop within "
                f"{self._timing.stop:g} s and is killed"
            )
        # Only processes of its own session, left by a killed engine.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._reader.join(1.0)

    def _read(self, output):
        """Keeps the engine's last lines; runs in a thread."""
        with output:
            for line in iter(lambda: output.readline(_LINE_BYTES), b""):
                text = line.decode("utf-8", "replace")
                self._lines.append(text.rstrip())
                if self._echo is not None:
                    self._echo.write(text)
                    self._echo.flush()

    def _explained(self, failure):
        """Returns a message with the end of the engine's output."""
        if self._reader is not None:
            self._reader.join(1.0)  # Its last lines may still come.
        lines = list(self._lines)
        parts = [f"{self._launch.engine} {failure}."]
        parts += [
            advice
            for word, advice in self._launch.hints.items()
            if any(word in line for line in lines)
        ]
        if lines:
            parts.append("Its last output:")
            parts += [f"  {line}" for line in lines[-_SHOWN_LINES:]]
        return "\n".join(parts)


def _ready_line(launch):
    """Returns the line with models and addresses."""
    where = ", ".join(
        f"{protocol} {address}"
        for protocol, address in launch.addresses.items()
    )
    return f"Ready: {launch.engine} serves {launch.serves} at {where}"


def _end_with_parent():
    """Returns a `preexec_fn` that ends a process with this one, however killed.

    None if the system can't.
    """
    if not sys.platform.startswith("linux"):
        return None
    set_option = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare():
        set_option(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # It has just ended.
            os._exit(1)

    return prepare
