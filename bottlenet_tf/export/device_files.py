"""This package's own files, copied to where no TensorFlow is."""

import pathlib
import shutil

_PACKAGE = pathlib.Path(__file__).parents[1]
# All that `runtime` imports; tests run the copies alone.
_PARTS = ("__init__.py", "registry.py", "codec", "runtime")
_PROGRAM = '''"""Images to payloads; `python3 encode.py --help` explains."""

import sys

from bottlenet_tf.runtime.device import main

if __name__ == "__main__":
    sys.exit(main())
'''


def copy_program(folder):
    """Writes `encode.py` and what it needs of this package to `folder`."""
    copy_package(folder)
    program = pathlib.Path(folder) / "encode.py"
    program.write_text(_PROGRAM, encoding="utf-8")


def copy_package(folder):
    """Copies the part of this package that runs a deployment to `folder`.

    Not what was compiled for this machine: the device has others, or makes its
    own from the source.
    """
    package = pathlib.Path(folder) / "bottlenet_tf"
    package.mkdir(parents=True)
    for part in _PARTS:
        if (_PACKAGE / part).is_dir():
            shutil.copytree(
                _PACKAGE / part,
                package / part,
                ignore=shutil.ignore_patterns("__pycache__", "*.so"),
            )
        else:
            shutil.copy(_PACKAGE / part, package / part)
