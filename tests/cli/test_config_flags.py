"""Tests of flags that a configuration declares."""

import pytest
from absl import flags

from bottlenet_tf.cli import config_flags
from bottlenet_tf.config.adapt import AdaptConfig
from bottlenet_tf.config.evaluate import EvaluateConfig
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.profiling.config import ProfileConfig

ADAPT = (AdaptConfig, {"workdir": "run"}, "--images=photos")
EVALUATE = (EvaluateConfig, {"workdir": "run"}, "--dataset=mine")
EXPORT = (ExportConfig, {}, "--workdir=run")
PROFILE = (ProfileConfig, {}, "--deploy=deploy")


def parse(program, *arguments):
    section, given, needed = program
    values = flags.FlagValues()
    config_flags.define((section,), flag_values=values)
    values(["program", needed, *arguments])
    return config_flags.read(section, values, **given)


@pytest.mark.parametrize(
    "program, wanted",
    [
        (ADAPT, AdaptConfig("run", "photos")),
        (EVALUATE, EvaluateConfig("run", "mine")),
        (EXPORT, ExportConfig(("run",))),
        (PROFILE, ProfileConfig(deploy="deploy")),
    ],
)
def test_defaults_are_those_of_the_config(program, wanted):
    assert parse(program) == wanted


def test_every_kind_of_flag_reaches_the_config():
    config = parse(
        EVALUATE, "--out=there", "--part=all", "--max_images=7",
        "--class_indices=3,1", "--sweep_qualities=10,90", "--skip_corrupt",
    )  # fmt: skip
    assert config == EvaluateConfig(
        "run", "mine", "there", "all", 7, (3, 1), (10, 90), skip_corrupt=True
    )
    assert parse(ADAPT, "--held_out=0.5").held_out == 0.5


def test_an_empty_list_is_not_an_unset_one():
    assert parse(EVALUATE, "--sweep_qualities=").sweep_qualities == ()


def test_an_empty_string_unsets_a_flag():
    assert parse(ADAPT, "--out=a.pack", "--out=").out is None


@pytest.mark.parametrize(
    "program, flag, told",
    [
        (ADAPT, "--images=", "--images must not be empty"),
        (ADAPT, "--out=a.zip", "--out must end in .pack"),
        (ADAPT, "--steps=-1", "--steps must be at least 0"),
        (
            ADAPT,
            "--held_out=1.0",
            "--held_out must be above 0 and below 1: some photos.*=1.0",
        ),
        (EVALUATE, "--max_images=0", "--max_images must be at least 1, or un"),
        (EVALUATE, "--class_indices=a", "--class_indices must be whole numb"),
        (EVALUATE, "--sweep_qualities=101", "--sweep_qualities must be 1 to"),
        (PROFILE, "--loads=0,0", "--loads must not name anything twice"),
        (PROFILE, "--power_w=0", "--power_w must be positive, or unset"),
        (EXPORT, "--litert=int4", "--litert must be one of float32, float16"),
    ],
)
def test_a_bad_value_is_refused_with_the_rule(program, flag, told):
    with pytest.raises(ValueError, match=told):
        parse(program, flag)
