"""Tests of the program that fits a unit to photos."""

import pytest

from tests.cli import programs


@pytest.mark.parametrize("runs", [(), ("a", "b")])
def test_one_run_must_be_given(runs):
    ran = programs.run("adapt", "--images=photos", *runs)
    assert ran.returncode == 1
    assert "RUN must be given" in ran.stderr and len(ran.stderr) < 300


def test_a_folder_that_is_no_run_is_refused_without_a_traceback(tmp_path):
    ran = programs.run("adapt", str(tmp_path), f"--images={tmp_path}")
    assert ran.returncode == 1
    assert "RUN must be the work directory of one finished run" in ran.stderr
    assert "Traceback" not in ran.stderr
