"""Trials side by side on this machine, each a process of its own."""

import multiprocessing
import os
import pathlib
import threading
import time

from bottlenet_tf.search import trial, trial_folder
from bottlenet_tf.validation import check

_POLL_S = 0.1
_LINES_SHOWN = 5


class LocalPool:
    """Runs trials in processes that share the machine's cores.

    A process of its own for each: memory comes back, a crash takes one trial
    along and no other. All are forks of one server, which has imported what
    trials need and started nothing: importing takes longer than many a trial
    trains. A trial dies with the search that started it.

    Args:
        workers: Trials at a time.
        threads: Of each; its share of the cores if None.
        run: Takes the trial's folder; for tests.
        imports: Modules that the server imports.

    Raises:
        ValueError: if there is no worker.
    """

    def __init__(
        self,
        workers,
        threads=None,
        run=trial.run,
        imports=("bottlenet_tf.training",),
    ):
        check(workers >= 1, "--workers must be positive.", workers=workers)
        self.workers = workers
        cores = len(os.sched_getaffinity(0))
        self._threads = threads or max(1, cores // workers)
        self._run = run
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(list(imports))
        self._running = {}

    @property
    def free(self):
        """How many more trials may be started."""
        return self.workers - len(self._running)

    def start(self, folder):
        """Starts the trial of a folder."""
        folder = pathlib.Path(folder)
        process = self._processes.Process(
            target=_run_alone, args=(self._run, str(folder), self._threads)
        )
        process.start()
        self._running[folder] = process

    def wait(self, timeout_s):
        """Returns `{folder: error or None}` of what ended, maybe nothing."""
        end = time.monotonic() + timeout_s
        while True:
            ended = {
                folder: process
                for folder, process in self._running.items()
                if process.exitcode is not None
            }
            if ended or time.monotonic() >= end:
                break
            time.sleep(_POLL_S)
        for folder in ended:
            del self._running[folder]
        return {
            folder: _failure(folder, process.exitcode)
            for folder, process in ended.items()
        }

    def close(self):
        """Ends what is still running; it can be gone on with later."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.join()
        self._running.clear()


def _run_alone(run, folder, threads):
    """What a trial's process does: all that it prints goes to its log."""
    threading.Thread(target=_die_with_the_search, daemon=True).start()
    log = os.open(
        pathlib.Path(folder) / trial_folder.LOG,
        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        0o644,
    )
    for stream in (1, 2):
        os.dup2(log, stream)
    for kind in ("INTRAOP", "INTEROP"):  # TensorFlow is yet to read them.
        os.environ[f"TF_NUM_{kind}_THREADS"] = str(threads)
    # One trial must leave another its share of a GPU's memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    run(folder)


def _die_with_the_search():
    multiprocessing.parent_process().join()
    os._exit(1)


def _failure(folder, code):
    """Returns what a person is told of a process's end; None if it is fine."""
    if code == 0:
        return None
    log = folder / trial_folder.LOG
    log.touch()  # A process may end before it has one.
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = " / ".join(line for line in lines[-_LINES_SHOWN:] if line.strip())
    return f"ended with {code}: {told} (all of it: {log})"
