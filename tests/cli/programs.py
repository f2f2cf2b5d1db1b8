"""Command lines as a person starts them."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *arguments):
    """Runs `python -m bottlenet_tf.cli.MODULE`; returns what it left."""
    return subprocess.run(
        [sys.executable, "-m", f"bottlenet_tf.cli.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
