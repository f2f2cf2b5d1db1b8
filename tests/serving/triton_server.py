"""A real Triton for a test's time, started as `bottlenet-cloud` starts it."""

import contextlib
import os
import queue
import tempfile
import threading
from typing import NamedTuple

from bottlenet_tf.serving import triton, triton_wheel
from bottlenet_tf.serving.config import ServerConfig
from bottlenet_tf.serving.launch import EngineError
from bottlenet_tf.serving.supervisor import Supervisor, Timing


class Running(NamedTuple):
    """A running server.

    Attributes:
        http: Its address.
        grpc: The other one.
        lines: What its supervisor reported so far.
        supervisor: The `Supervisor`.
    """

    http: str
    grpc: str
    lines: list
    supervisor: Supervisor


def environment(python):
    """Returns environment variables for a client that runs by `python`."""
    return triton_wheel.variables(python)


@contextlib.contextmanager
def running(python, *deploys, **changes):
    """Yields the `Running` server of deployments; stops it after.

    Args:
        python: Of the environment with Triton.
        *deploys: Deployment folders.
        **changes: Fields of `ServerConfig`.

    Raises:
        EngineError: if it doesn't get ready.
    """
    config = ServerConfig(
        deploy=tuple(map(str, deploys)),
        http_port=0,
        grpc_port=0,
        python=str(python),
        **changes,
    )
    with tempfile.TemporaryDirectory() as folder:
        launch = triton.launch(config, folder)
        lines, events = [], queue.Queue()

        def report(line):
            lines.append(line)
            events.put(None)

        supervisor = Supervisor(launch, Timing(probe=0.5), report)

        def run():
            try:
                supervisor.run()
            except EngineError as error:
                events.put(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            failed = events.get(timeout=150)
            if failed is not None:
                raise failed
            http, grpc = list(launch.addresses.values())[:2]
            yield Running(http, grpc, lines, supervisor)
        finally:
            supervisor.stop()
            thread.join(60)
            assert not thread.is_alive()


def python_of(folder):
    """Returns the Python of an environment; None if there is none."""
    python = os.path.join(os.path.abspath(folder), "bin", "python")
    return python if os.path.exists(python) else None
