"""One side of one split, in its own process: its steps and its memory.

In its own process, so that its peak memory is only that side's, without any
library of the other side. Others may compete with it.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import resource
import signal
import sys
import time
from multiprocessing import connection

import numpy as np

from bottlenet_tf.common.processes import end_with_parent
from bottlenet_tf.profiling.config import PARTS
from bottlenet_tf.runtime.timing import median, percentile


@dataclasses.dataclass(frozen=True)
class Job:
    """The work of a process; can be pickled.

    Attributes:
        side: A key of `config.PARTS`.
        images: Path of a `.npy` file, uint8 `(n, S, S, 3)`.
        folder: Folder of a deployment's `edge` and `cloud`; "" for Keras.
        workdir: Work directory of the run; "" for a deployment.
        whole: Folder of a deployment's network without a split; for sides
            "whole" and "served".
        device: Where an exported tail or network without a split runs; see
            `engines.open_engine`.
        payloads: The tail's inputs, a tuple of bytes; for side "server".
    """

    side: str
    images: str
    folder: str = ""
    workdir: str = ""
    whole: str = ""
    runtime: str | None = None
    device: str = "cpu"
    threads: int | None = None
    payloads: tuple = ()


@contextlib.contextmanager
def process():
    """Yields a pool of one new process, which is killed on exit."""
    # A copy of this process by fork would have all of its memory.
    pool = concurrent.futures.ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
    )
    with pool:
        pid = pool.submit(os.getpid).result()
        try:
            yield pool
        finally:  # It may be at work, without end if it competes.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _begin():
    # Ctrl-C reaches all processes; the first of them ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


@contextlib.contextmanager
def competing(count, make_work, *args):
    """Keeps `count` processes busy for as long as the context is open.

    Each has finished its work once before the context opens. None is left
    when it closes, with or without an error.

    Args:
        make_work: Function that a process can import; it is called there with
            `args`, which can be pickled, and returns the function to call
            repeatedly.
    """
    with contextlib.ExitStack() as stack:
        try:
            pools = [stack.enter_context(process()) for _ in range(count)]
            first = [pool.submit(_once, make_work, args) for pool in pools]
            for work in first:
                work.result()
            workers = [_worker(pool) for pool in pools]
        except Exception as error:
            raise RuntimeError(
                "A competing process must start. Received: "
                f"{type(error).__name__}: {error}"
            ) from error
        busy = [pool.submit(_compete, make_work, args) for pool in pools]
        yield
        # A pool notices the end of its process later, in a thread.
        ended = connection.wait([w.sentinel for w in workers], timeout=0)
        for work, worker in zip(busy, workers, strict=True):
            if work.done() or worker.sentinel in ended:
                raise RuntimeError(
                    "A competing process must work until it is stopped, or the "
                    f"load is less. Received: {work.exception()}"
                )


def _worker(pool):
    """Returns the only process of a pool."""
    pid = pool.submit(os.getpid).result()
    (worker,) = (c for c in multiprocessing.active_children() if c.pid == pid)
    return worker


def _once(make_work, args):
    make_work(*args)()


def _compete(make_work, args):
    work = make_work(*args)
    while True:
        work()


@functools.cache
def steps(job):
    """Returns `{part: step}` of a job's side, opened once per process.

    A step is a function of the run's number, which chooses the image.
    """
    if job.workdir:
        from bottlenet_tf.profiling import keras_halves as halves
    else:
        from bottlenet_tf.profiling import exported_halves as halves
    return halves.steps(job)


def payloads(job):
    """Returns the payloads (bytes) of all images, by a device's job."""
    encode = steps(job)["encode"]
    return tuple(encode(i) for i in range(len(np.load(job.images))))


def warm_up(job, part, count):
    """Runs a part untimed: first runs allocate memory and choose kernels."""
    step = steps(job)[part]
    for i in range(count):
        step(i)


def time_part(job, part, repeats, seconds):
    """Returns `(median_ms, p95_ms, n)` of a part.

    It is run at least `repeats` times and for at least `seconds`, which makes
    figures of short steps stable and gives an energy meter time to react.
    """
    step, laps = steps(job)[part], []
    begin = now = time.perf_counter()
    while len(laps) < repeats or now - begin < seconds:
        start = time.perf_counter()
        step(len(laps))
        now = time.perf_counter()
        laps.append(1e3 * (now - start))
    return median(laps), percentile(laps, 95), len(laps)


def all_parts(job):
    """Returns a function that runs every part of a side once: a competitor."""
    found = [steps(job)[part] for part in PARTS[job.side]]

    def work():
        for step in found:
            step(0)

    return work


def peak_memory_mb():
    """Returns the peak memory of this process, in 10^6 bytes."""
    # Linux's ru_maxrss begins with the memory of the parent process; VmHWM with
    # this program's own.
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e6
