"""Processes that compete with the measured one."""

import contextlib

from bottlenet_tf.profiling.jobs import process


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
        pools = [stack.enter_context(process()) for _ in range(count)]
        try:
            first = [pool.submit(_once, make_work, args) for pool in pools]
            for work in first:
                work.result()
        except Exception as error:
            raise RuntimeError(
                "A competing process must start. Received: "
                f"{type(error).__name__}: {error}"
            ) from error
        busy = [pool.submit(_compete, make_work, args) for pool in pools]
        yield
        for work in busy:
            if work.done():
                raise RuntimeError(
                    "A competing process must work until it is stopped, or the "
                    f"load is less. Received: {work.exception()}"
                )


def _once(make_work, args):
    make_work(*args)()


def _compete(make_work, args):
    work = make_work(*args)
    while True:
        work()
