"""The device's side runs on a real Python 3.6, where one is installed."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests import replay_plans

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(__file__).with_name("on_python36.py")
SPLITS = {"RB3": (0.01, ((200.0, 240, 91.0),))}


def old_python():
    """Returns the path of pyenv's Python 3.6 or of one on PATH; else None."""
    home = os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")
    found = sorted(pathlib.Path(home).glob("versions/3.6.*/bin/python"))
    # Those first: pyenv's own python3.6 on PATH starts a chosen version alone.
    return str(found[-1]) if found else shutil.which("python3.6")


def interpreters():
    found = old_python()
    missing = pytest.mark.skipif(not found, reason="needs a Python 3.6")
    return [
        pytest.param(sys.executable, id="this one"),
        pytest.param(found, id="3.6", marks=missing),
    ]


@pytest.mark.parametrize("python", interpreters())
def test_images_are_answered_through_a_break(tmp_path, python):
    # Patience with the first answer is 1.5 times 200 ms.
    values = replay_plans.plan_values(SPLITS, (), 91.7, 200.0, 1.0, 80.0)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(values))
    done = subprocess.run(
        [python, str(PROGRAM), str(ROOT), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    sources = told["sources"]
    assert sources[0] == "server"
    assert set(sources[11:20]) == {"device"}
    assert len(sources) == 40
    assert told["explained"]["choice"]
