"""The graphs' answers once more, with oneDNN where it was off and vice versa.

TensorFlow reads TF_ENABLE_ONEDNN_OPTS as it is imported, so the other setting
needs a process of its own.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
# Units made up for tests, and preprocessing, have no operation of oneDNN's.
NAMES = "not plane and not flat and not caffe"
FILES = (
    "tests/evaluation/test_evaluate_split.py",
    "tests/export/test_frozen.py",
    "tests/export/test_onnx_graphs.py",
    "tests/export/test_saved_model.py",
)


def test_graphs_answer_alike_with_and_without_onednn():
    here = os.environ["TF_ENABLE_ONEDNN_OPTS"]
    other = "1" if here in ("0", "false") else "0"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "onednn", "-k", NAMES]
        + ["-n", "0", *FILES],
        cwd=ROOT,
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": other},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"TF_ENABLE_ONEDNN_OPTS={other}\n{ran.stdout}"
