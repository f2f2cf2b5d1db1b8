"""Tests of environments and consoles that others set up."""

import os
import subprocess
import sys
import zipfile

import pytest

from bottlenet_tf.cli import surroundings
from bottlenet_tf.common import drawing
from tests.cli.programs import ROOT

HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "KERAS_BACKEND": "jax",
    "KERAS_NNX_ENABLED": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
KERAS_JSON = """{"floatx": "float16", "epsilon": 0.001, "backend": "jax",
"image_data_format": "channels_first"}"""


@pytest.mark.parametrize("end", ["pass", "os.abort()"])
def test_start_up_lines_are_left_out_and_others_kept(end):
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; from bottlenet_tf.cli import surroundings\n"
            "with surroundings._without_start_up_lines():\n"
            "    os.write(2, b'WARNING: All log messages before absl::Initia"
            "lizeLog() is called\\nI0000 00:00:17.1 14 port.cc:153] oneDNN\\n"
            f"mine\\n')\n    {end}\n",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == "mine\n"


def test_libraries_get_the_settings_they_need(monkeypatch):
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    surroundings.prepare()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_USE_LEGACY_KERAS"] == "0"
    assert os.environ["MPLBACKEND"] == "agg"


def test_a_picture_that_fails_is_a_warning(capsys):
    with drawing.optional("rate.png"):
        raise RuntimeError("no font")
    assert "Warning: rate.png could not be drawn" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_and_its_export_pass_in_a_hostile_environment(
    tiny_backbone, tmp_path
):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(KERAS_JSON)
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    (tmp_path / "run.flags").write_text(
        f"--backbone={tiny_backbone}\n--split=cut\n--epochs=1\n"
        "--max_train=24\n--max_test=16\n--batch_size=8\n"
        "--sweep_qualities=50\n--workdir=~/runs/a\n--allow_chance\n"
    )
    for arguments in (
        ["train.py", "--flagfile=~/run.flags"],
        ["export.py", "--workdir=~/runs/a", "--out=~/deploy", "--litert=",
         "--parity_images=20"],
    ):  # fmt: skip
        ran = subprocess.run(
            [sys.executable, ROOT / arguments[0], *arguments[1:]],
            cwd=tmp_path,
            env={**os.environ, **HOSTILE, "HOME": str(tmp_path),
                 "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"},
            capture_output=True,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert b"oneDNN custom operations" not in ran.stderr
        assert b"Warning" not in ran.stderr
    assert (tmp_path / "runs" / "a" / "rate_accuracy.png").is_file()
    assert (tmp_path / "deploy" / "manifest.json").is_file()


@pytest.mark.slow
def test_a_wheel_carries_the_flagfiles(tmp_path):
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, names):
        copy = tmp_path / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
         "--no-build-isolation", "--wheel-dir", tmp_path, tmp_path / "source"],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    found = zipfile.ZipFile(wheel).namelist()
    for path in (ROOT / "flags").glob("*.flags"):
        assert f"bottlenet_tf/flags/{path.name}" in found
