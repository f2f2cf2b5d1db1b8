"""This package's own files, copied for machines without TensorFlow."""

import pathlib
import shutil
import tempfile

from bottlenet_tf.export import wheel

_PACKAGE = pathlib.Path(__file__).parents[1]
# Everything that `runtime` imports; tests run the copies alone.
_PARTS = (
    "__init__.py",
    "common/__init__.py",
    "common/checks.py",
    "common/registry.py",
    "codec",
    "runtime",
)
# Everything that `edge` imports as well.
_SENDING_PARTS = ("common/formats.py", "link", "edge")
# Checked before the rest is imported: damaged code may not even compile.
_PROGRAM = '''"""Images to {results}; `python3 {name}.py --help` explains."""

import os
import sys

from bottlenet_tf.runtime import intact

if __name__ == "__main__":
    try:
        intact.check_program()
    except (OSError, ValueError) as error:
        sys.exit("error: {{}}".format(error))
    from bottlenet_tf.{module} import main

    sys.exit(main(deploy=os.path.dirname(os.path.abspath(__file__))))
'''


def copy_sending_program(folder):
    """Writes `run.py`, and the files it needs, next to a copied package."""
    folder = pathlib.Path(folder)
    _copy(_SENDING_PARTS, folder / "bottlenet_tf", ["__pycache__"])
    _write_program(folder, "run", "answers", "edge.program")


def write_wheel(folder):
    """Writes the files of `encode.py` and `run.py` to `wheel.FILE_NAME`."""
    with tempfile.TemporaryDirectory() as staging:
        copy_package(staging)
        package = pathlib.Path(staging) / "bottlenet_tf"
        _copy(_SENDING_PARTS, package, ["__pycache__"])
        wheel.write(pathlib.Path(folder) / wheel.FILE_NAME, package)


def copy_program(folder):
    """Writes `encode.py`, and the files it needs of this package."""
    copy_package(folder)
    _write_program(folder, "encode", "payloads", "runtime.device")


def copy_package(folder, compiled=False):
    """Copies the part of this package that runs a deployment to `folder`.

    Args:
        compiled: Whether to copy the files compiled for this machine. A device
            compiles its own; a server is usually like this one, and if it
            isn't, Python ignores files that it can't load.
    """
    package = pathlib.Path(folder) / "bottlenet_tf"
    package.mkdir(parents=True)
    left_out = ["__pycache__"] if compiled else ["__pycache__", "*.so"]
    _copy(_PARTS, package, left_out)


def _write_program(folder, name, results, module):
    program = _PROGRAM.format(name=name, results=results, module=module)
    (pathlib.Path(folder) / f"{name}.py").write_text(program, encoding="utf-8")


def _copy(parts, package, left_out):
    """Copies files and folders of this package to a copy of it."""
    for part in parts:
        if (_PACKAGE / part).is_dir():
            shutil.copytree(
                _PACKAGE / part,
                package / part,
                ignore=shutil.ignore_patterns(*left_out),
            )
        else:
            (package / part).parent.mkdir(exist_ok=True)
            shutil.copy(_PACKAGE / part, package / part)
