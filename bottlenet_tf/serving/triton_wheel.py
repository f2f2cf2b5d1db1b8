"""The Triton in the package nvidia-pytriton, prepared to run.

The package has the server for its own use. For a plain model repository the
server needs the path of its libraries, and its Python backend the program for
the environment's Python.
"""

import os
import pathlib
import shutil
import sys

from bottlenet_tf.serving.launch import EngineError, run

ENVIRONMENT = "BOTTLENET_SERVING_VENV"
_USUAL = ".venv-serving"
_SERVER = "tritonserver"
_STUB = "triton_python_backend_stub"
_WHERE = (
    "import importlib.util, sys; "
    "found = importlib.util.find_spec('pytriton'); "
    "print(found.submodule_search_locations[0] if found else ''); "
    "print('%d.%d' % sys.version_info[:2])"
)


def usual_python():
    """Returns a Python that has the package, or None.

    That of the environment in BOTTLENET_SERVING_VENV, of `.venv-serving`, or
    this one.
    """
    folders = [os.environ.get(ENVIRONMENT), _USUAL]
    found = [str(pathlib.Path(f, "bin", "python")) for f in folders if f]
    for python in (*found, sys.executable):
        if os.path.exists(python) and _package(python)[0]:
            return python
    return None


def prepare(python, folder):
    """Returns a server's command, a list, and its environment variables."""
    # Not resolved: an environment's Python is a link to another one.
    python = os.path.abspath(python)
    package, version = _package(python)
    if not package:
        raise EngineError(
            "--python must have the package nvidia-pytriton. "
            f"Received: python={python!r}"
        )
    server = pathlib.Path(package) / _SERVER
    stub = server / "python_backend_stubs" / version / _STUB
    if not stub.exists():
        raise EngineError(
            f"Triton's Python backend must know Python {version}. "
            f"Received: no {stub}"
        )
    backends = pathlib.Path(folder)
    shutil.copytree(server / "backends", backends, dirs_exist_ok=True)
    stub = shutil.copy(stub, backends / "python" / _STUB)
    os.chmod(stub, 0o755)
    environment = variables(python)
    libraries = pathlib.Path(package).parent / "nvidia_pytriton.libs"
    environment["LD_LIBRARY_PATH"] = str(libraries)
    program = server / "bin" / _SERVER
    _check_stub(stub, environment)
    return [str(program), f"--backend-directory={backends}"], environment


def variables(python):
    """Returns this process's variables, with another environment first."""
    found = dict(os.environ)
    # Nothing of this environment may be found there.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH"):
        found.pop(name, None)
    path = found.get("PATH", os.defpath)
    found["PATH"] = f"{os.path.dirname(python)}{os.pathsep}{path}"
    return found


def _package(python):
    """Returns the folder of the package, "" if none, and Python's version."""
    ran = run([python, "-c", _WHERE], variables(python))
    if ran.returncode != 0:
        raise EngineError(
            f"--python must run. Received: python={python!r}, exit code "
            f"{ran.returncode}, {ran.stderr.strip()[-1000:]}"
        )
    package, version = ran.stdout.split("\n")[:2]
    return package, version


def _check_stub(stub, environment):
    """Raises an error unless the backend's program finds its libraries.

    It reports missing arguments; without libpython it doesn't start.
    """
    ran = run([str(stub)], environment)
    if ran.returncode not in (0, 1):
        raise EngineError(
            "The environment of nvidia-pytriton must be made with the "
            "system's own Python (Debian: python3.11-venv), whose library its "
            f"Python backend loads: {ran.stderr.strip()[-1000:]} "
            f"Received: exit code {ran.returncode} of {stub}"
        )
