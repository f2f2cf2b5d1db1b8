"""Trials side by side on this machine, each a process of its own."""

import os
import pathlib
import subprocess
import sys
import time

from bottlenet_tf.search import trial_folder
from bottlenet_tf.validation import check

_POLL_S = 0.1
_LINES_SHOWN = 5


class LocalPool:
    """Runs trials in processes that share the machine's cores.

    A process of its own for each: memory comes back, a crash takes one trial
    along and no other. A trial dies with the search that started it.

    Args:
        workers: Trials at a time; each gets its share of the cores.
        command: What runs a trial, less its folder; for tests.

    Raises:
        ValueError: if there is no worker.
    """

    def __init__(self, workers, command=None):
        check(workers >= 1, "--workers must be positive.", workers=workers)
        self.workers = workers
        self._command = command or (
            sys.executable, "-m", "bottlenet_tf.search.trial"
        )  # fmt: skip
        self._running = {}

    @property
    def free(self):
        """How many more trials may be started."""
        return self.workers - len(self._running)

    def start(self, folder):
        """Starts the trial of a folder."""
        folder = pathlib.Path(folder)
        threads = str(max(1, len(os.sched_getaffinity(0)) // self.workers))
        environment = {
            **os.environ,
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
        }
        with (folder / trial_folder.LOG).open("ab") as log:
            process = subprocess.Popen(
                [*self._command, str(folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        self._running[folder] = process

    def wait(self, timeout_s):
        """Returns `{folder: error or None}` of what ended, maybe nothing."""
        end = time.monotonic() + timeout_s
        while True:
            ended = {
                folder: process
                for folder, process in self._running.items()
                if process.poll() is not None
            }
            if ended or time.monotonic() >= end:
                break
            time.sleep(_POLL_S)
        for folder, process in ended.items():
            process.stdin.close()
            del self._running[folder]
        return {
            folder: failure(folder, process.returncode)
            for folder, process in ended.items()
        }

    def close(self):
        """Ends what is still running; it can be gone on with later."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
            process.stdin.close()
        self._running.clear()


def failure(folder, code):
    """Returns what a person is told of a process's end; None if it is fine.

    Args:
        folder: `pathlib.Path` of the trial; the end of its log is quoted.
        code: The process's return code.
    """
    if code == 0:
        return None
    log = folder / trial_folder.LOG
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = " / ".join(line for line in lines[-_LINES_SHOWN:] if line.strip())
    return f"ended with {code}: {told} (all of it: {log})"
