"""A Triton server out of the package nvidia-pytriton, for a test's time.

The package carries the server for its own use. On a plain model repository
the server wants to be told where its libraries are, and its Python backend
the program that fits the environment's Python.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import NamedTuple

_STUB = "triton_python_backend_stub"
_READY_SECONDS = 120
_STOP_SECONDS = 40  # Triton gives its models 30.


class UnusableError(RuntimeError):
    """Triton cannot start here, whatever it is to serve."""


class Triton(NamedTuple):
    """A Triton that can be started.

    Attributes:
        python: The environment's Python, which has Triton's client.
        command: The server with its backends.
        variables: Its environment variables.
    """

    python: str
    command: list
    variables: dict


class Running(NamedTuple):
    """Addresses of a running server, by protocol."""

    http: str
    grpc: str


def prepare(environment, folder):
    """Puts a server together.

    Args:
        environment: Virtual environment with `requirements.txt` installed.
        folder: Empty; for the backends.

    Returns:
        `Triton`.

    Raises:
        UnusableError: if the environment is missing or its programs don't
            start; it says why.
    """
    environment = pathlib.Path(environment).absolute()
    python = environment / "bin" / "python"
    if not python.exists():
        raise UnusableError(
            "`make test-serving` makes the environment that Triton runs in. "
            f"Received: no {python}"
        )
    where = _output(
        [python, "-c", "import os, sys, pytriton; print("
         "os.path.dirname(pytriton.__file__), '%d.%d' % sys.version_info[:2])"],
        _variables(environment),
    ).split()  # fmt: skip
    package, version = pathlib.Path(where[0]), where[1]
    server = package / "tritonserver"
    stub = server / "python_backend_stubs" / version / _STUB
    if not stub.exists():
        raise UnusableError(
            f"Triton's Python backend must know Python {version}. "
            f"Received: no {stub}"
        )
    shutil.copytree(server / "backends", folder, dirs_exist_ok=True)
    stub = shutil.copy(stub, folder / "python" / _STUB)
    os.chmod(stub, 0o755)
    variables = _variables(environment)
    variables["LD_LIBRARY_PATH"] = str(package.parent / "nvidia_pytriton.libs")
    program = server / "bin" / "tritonserver"
    _output([program, "--help"], variables, passes=(0, 1))
    # It complains of missing arguments, unless libpython is missing.
    _output([stub], variables, passes=(0, 1))
    command = [str(program), f"--backend-directory={folder}"]
    return Triton(str(python), command, variables)


@contextlib.contextmanager
def running(triton, repository, log):
    """Yields the `Running` server of a model repository; stops it after.

    Args:
        triton: `Triton`.
        repository: Model repository.
        log: File for what the server prints.

    Raises:
        RuntimeError: if it doesn't get ready; it ends with the log's end.
    """
    http, grpc = _free_ports(2)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [
                *triton.command,
                f"--model-repository={repository}",
                "--http-address=127.0.0.1",
                f"--http-port={http}",
                "--grpc-address=127.0.0.1",
                f"--grpc-port={grpc}",
                "--allow-metrics=false",
            ],
            env=triton.variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, http, log)
        yield Running(f"127.0.0.1:{http}", f"127.0.0.1:{grpc}")
    finally:
        _stop(process)


def _wait_until_ready(process, port, log):
    url = f"http://127.0.0.1:{port}/v2/health/ready"
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(url, timeout=5):
                return
        time.sleep(0.2)
    end = pathlib.Path(log).read_text(errors="replace")[-20_000:]
    raise RuntimeError(
        f"Triton must be ready within {_READY_SECONDS} s. "
        f"Received: exit code {process.returncode}, log:\n{end}"
    )


def _stop(process):
    """Stops the server, and its models' processes with it."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Its own session's processes only; none are left as a rule.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _variables(environment):
    """Returns this process's variables, with another environment first."""
    variables = dict(os.environ)
    # Nothing of this repository or its environment shall be found there.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH"):
        variables.pop(name, None)
    path = variables.get("PATH", os.defpath)
    variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{path}"
    return variables


def _output(command, variables, passes=(0,)):
    command = [str(part) for part in command]
    try:
        ran = subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnusableError(f"{command[0]} does not run: {error}") from error
    if ran.returncode not in passes:
        raise UnusableError(
            f"{command[0]} does not run: exit code {ran.returncode}, "
            f"{(ran.stderr or ran.stdout)[-1000:]}"
        )
    return ran.stdout


def _free_ports(count):
    """Returns ports that are free now; all are held until all are found."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
