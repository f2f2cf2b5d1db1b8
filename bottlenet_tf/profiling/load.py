"""Processes that compete with the measured one."""

import contextlib
import multiprocessing
import signal
import time

# Seconds between checks whether to stop; a step may be much shorter.
_LOOK_S = 0.05
_STOP_S = 5.0


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
    # A copy of this process by fork would hang if this one has threads.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    workers = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(
                target=_compete, args=(theirs, stop, make_work, args)
            )
            worker.daemon = True
            worker.start()
            theirs.close()
            workers.append((worker, ours))
        for worker, started in workers:
            _await_start(worker, started)
        yield
        for worker, _ in workers:
            if not worker.is_alive():
                raise RuntimeError(
                    "A competing process must work until it is stopped, or the "
                    f"load is less. Received: exit code {worker.exitcode}"
                )
    finally:
        stop.set()
        _end([worker for worker, _ in workers])


def _await_start(worker, started):
    try:
        failure = started.recv()
    except EOFError:  # It ended without a message.
        worker.join(_STOP_S)
        failure = f"exit code {worker.exitcode}"
    if failure is not None:
        raise RuntimeError(
            f"A competing process must start. Received: {failure}"
        )


def _end(workers):
    for worker in workers:
        worker.join(_STOP_S)
        if worker.is_alive():
            worker.kill()
            worker.join()


def _compete(started, stop, make_work, args):
    # Ctrl-C reaches all processes; the first of them ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work = make_work(*args)
        work()
    except Exception as error:  # Any error is sent.
        started.send(f"{type(error).__name__}: {error}")
        return
    started.send(None)
    parent = multiprocessing.parent_process()
    while not stop.is_set() and parent.is_alive():
        end = time.perf_counter() + _LOOK_S
        while time.perf_counter() < end:
            work()
