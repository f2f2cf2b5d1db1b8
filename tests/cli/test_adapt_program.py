"""Tests of the program that fits a unit to photos."""

import sys

import pytest
from absl import app, flags

from bottlenet_tf.adapt_config import AdaptConfig
from bottlenet_tf.cli import adapt
from tests.cli import programs


@pytest.fixture
def run(tmp_path):
    """A folder that looks like a finished run."""
    for name in ("model.keras", "config.json", "report.json"):
        (tmp_path / name).touch()
    return str(tmp_path)


def parse(*arguments):
    values = flags.FlagValues()
    adapt.define(values, sys.argv[0])
    return adapt.read(values(["adapt", *arguments]), values)


def test_defaults_are_those_of_the_config(run):
    assert parse(run, "--images=photos") == AdaptConfig(run, "photos")


def test_flags_reach_the_config(run):
    config = parse(
        run, "--images=photos", "--out=a.pack", "--refit=tables", "--steps=7",
        "--held_out=0.5", "--batch_size=3", "--seed=4",
    )  # fmt: skip
    assert config == AdaptConfig(
        run, "photos", "a.pack", "tables", 7, 0.5, 3, 4
    )


@pytest.mark.parametrize(
    "flag, told",
    [
        ("--images=", "--images must not be empty"),
        ("--out=a.zip", "--out must end in .pack"),
        ("--steps=-1", "--steps must be at least 0"),
        ("--held_out=1.0", "--held_out must lie between"),
        ("--batch_size=0", "--batch_size must be at least 1"),
    ],
)
def test_bad_flags_are_refused(run, flag, told):
    with pytest.raises(ValueError, match=told):
        parse(run, "--images=photos", flag)


@pytest.mark.parametrize("runs", [(), ("a", "b")])
def test_one_run_must_be_given(runs):
    with pytest.raises(app.UsageError, match="One run must be given"):
        parse("--images=photos", *runs)


def test_a_folder_that_is_no_run_is_refused_without_a_traceback(tmp_path):
    ran = programs.run("adapt", str(tmp_path), f"--images={tmp_path}")
    assert ran.returncode == 1
    assert "RUN must be the work directory of one finished run" in ran.stderr
    assert "Traceback" not in ran.stderr
