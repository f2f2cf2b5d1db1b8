"""Tests of how programs start and end."""

import os
import subprocess
import sys

PROGRAM = """
from bottlenet_tf.cli import program
def main(values, *arguments):
    raise {error}
program.run(main, "About.", dict(), arguments="RUN")
"""


def run(error, *arguments):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(error=error), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_interrupted_program_says_how_to_go_on():
    ran = run("KeyboardInterrupt", "a")
    assert ran.returncode == 130
    assert "Interrupted" in ran.stderr and "Traceback" not in ran.stderr


def test_an_expected_error_is_a_sentence():
    ran = run("ValueError('Too few.')", "a")
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: Too few.")


def test_an_error_stands_on_a_line_of_its_own():
    program = """
from bottlenet_tf.cli import program
from tqdm import tqdm
def batches():
    with tqdm(range(9), desc="training", mininterval=0) as bar:
        yield from bar
def main(values):
    found = batches()
    next(found)
    raise ValueError("Too few.")
program.run(main, "About.", {})
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    before, error, _ = ran.stderr.partition("Error: Too few.")
    assert error and "training" in before and before.endswith("\n")


def test_help_is_no_failure():
    for word in ("--help", "-h", "--helpfull"):
        ran = run("KeyError('a')", word)
        assert ran.returncode == 0
        assert ran.stdout.startswith("About.") and not ran.stderr


def test_a_reader_that_closes_the_pipe_ends_a_program_without_a_traceback():
    program = PROGRAM.format(error="SystemExit(print('many lines'))")
    for argument in ("--help", "a"):
        command = [sys.executable, "-c", program, argument]
        reader, writer = os.pipe()
        os.close(reader)
        ran = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
        os.close(writer)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr and "ignored" not in ran.stderr


def test_a_path_elsewhere_or_of_other_bytes_is_named():
    ran = run("KeyError('a')", "gs://bucket/run")
    assert ran.returncode == 1 and "path of this machine" in ran.stderr
    ran = run("KeyError('a')", b"caf\xe9")
    assert ran.returncode == 1 and r"argument=b'caf\xe9'" in ran.stderr


def test_a_console_without_the_characters_shows_their_numbers(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ran = run("SystemExit(print('3 \u2013 \xe9'))", "a")
    assert ran.returncode == 0 and ran.stdout == "3 \\u2013 \\xe9\n"


def test_a_bug_shows_itself():
    assert "KeyError" in run("KeyError('a')", "a").stderr


def test_a_stray_argument_is_reported_in_a_sentence():
    ran = run("KeyError('a')", "a", "b")
    assert ran.returncode == 1 and len(ran.stderr) < 200
    assert "RUN must be given" in ran.stderr
