"""Command lines as a user starts them."""

import os
import pathlib
import subprocess
import sys

from absl import flags

from bottlenet_tf.cli import config_flags

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *arguments, cwd=ROOT):
    """Runs `python -m bottlenet_tf.cli.MODULE`; returns what it left."""
    return subprocess.run(
        [sys.executable, "-m", f"bottlenet_tf.cli.{module}", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def call(main, sections, *arguments):
    """Calls a program's `main` in this process, as if parsed by `program`."""
    values = flags.FlagValues()
    config_flags.define(sections, flag_values=values)
    _, *words = values(["program", *arguments])
    main.__wrapped__(values, *words)
