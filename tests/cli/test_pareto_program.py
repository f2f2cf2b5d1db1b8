"""Tests of the program that samples units."""

import pytest
from absl import flags

from bottlenet_tf.cli import config_flags, pareto
from bottlenet_tf.search.pareto import ParetoConfig

FLAGS = ["--unit=datta", "--mode=frozen", "--backbone_weights=w.npz"]


def parse(*arguments):
    values = flags.FlagValues()
    config_flags.define(pareto.SECTIONS, flag_values=values)
    values(["pareto", *FLAGS, *arguments])
    return pareto.read(values)


def test_defaults_are_those_of_the_config():
    config = parse()
    assert config == ParetoConfig(config.base)


def test_ranges_reach_the_config():
    config = parse(
        "--samples=3", "--strides=2,3", "--channel_range=1,9",
        "--task_weight_range=1,2.5", "--latent_step_range=0.1,1",
        "--seed=4",
    )  # fmt: skip
    assert config.samples == 3 and config.base.seed == 4
    assert config.strides == (2, 3) and config.channels == (1, 9)
    assert config.task_weights == (1.0, 2.5)
    assert config.latent_steps == (0.1, 1.0)


@pytest.mark.parametrize("flag", ["strides", "latent_step_range"])
def test_what_is_no_number_is_named(flag):
    with pytest.raises(ValueError, match=f"--{flag} must be"):
        parse(f"--{flag}=1,x")
