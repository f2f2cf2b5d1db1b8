"""Tests of the program that measures a run on other images."""

from tests.cli import programs


def test_a_folder_that_is_no_run_is_refused_without_a_traceback(tmp_path):
    ran = programs.run("evaluate", str(tmp_path), "--dataset=digits")
    assert ran.returncode == 1
    assert "RUN must be the work directory of one finished run" in ran.stderr
    assert "Traceback" not in ran.stderr
