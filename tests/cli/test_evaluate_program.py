"""Tests of the program that measures a run on other images."""

import sys

import pytest
from absl import app, flags

from bottlenet_tf.cli import evaluate
from bottlenet_tf.evaluate_config import EvaluateConfig
from tests.cli import programs


def parse(*arguments):
    values = flags.FlagValues()
    evaluate.define(values, sys.argv[0])
    return evaluate.read(values(["evaluate", *arguments]), values)


def test_defaults_are_those_of_the_config():
    assert parse("run", "--dataset=mine") == EvaluateConfig("run", "mine")


def test_flags_reach_the_config():
    config = parse(
        "run", "--dataset=mine", "--out=there", "--part=all",
        "--max_images=7", "--class_indices=3,1", "--sweep_qualities=10,90",
        "--data_dir=a", "--manual_dir=b", "--skip_corrupt", "--seed=4",
    )  # fmt: skip
    assert config == EvaluateConfig(
        "run", "mine", "there", "all", 7, (3, 1), (10, 90), "a", "b", True, 4
    )


def test_no_qualities_are_not_those_of_the_run():
    config = parse("run", "--dataset=mine", "--sweep_qualities=")
    assert config.sweep_qualities == ()


@pytest.mark.parametrize(
    "flag, told",
    [
        ("--dataset=", "--dataset must not be empty"),
        ("--max_images=0", "--max_images must be at least 1"),
        ("--class_indices=a", "--class_indices must be whole numbers"),
        ("--sweep_qualities=101", "--sweep_qualities must be 1 to 100"),
        ("--seed=-1", "--seed must be at least 0"),
    ],
)
def test_bad_flags_are_refused(flag, told):
    with pytest.raises(ValueError, match=told):
        parse("run", "--dataset=mine", flag)


@pytest.mark.parametrize("runs", [(), ("a", "b")])
def test_one_run_must_be_given(runs):
    with pytest.raises(app.UsageError, match="One run must be given"):
        parse("--dataset=mine", *runs)


def test_a_folder_that_is_no_run_is_refused_without_a_traceback(tmp_path):
    ran = programs.run("evaluate", str(tmp_path), "--dataset=digits")
    assert ran.returncode == 1
    assert "RUN must be the work directory of one finished run" in ran.stderr
    assert "Traceback" not in ran.stderr
