"""Tests of the flags and the flagfiles."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from bottlenet_tf.cli import config_flags, surroundings, train_flags
from bottlenet_tf.common.settings import Settings, flag_name, setting
from bottlenet_tf.config.run import (
    DataConfig,
    DattaUnitConfig,
    LearnedUnitConfig,
    TrainConfig,
    UnitConfig,
)

ROOT = pathlib.Path(__file__).parents[2]
FLAGFILES = sorted(
    path
    for path in (ROOT / "flags").glob("*.flags")
    if not path.name.startswith(("search_", "paper_"))  # See test_search.py.
)


@pytest.fixture
def parse(monkeypatch):
    """Returns a function from arguments to `TrainConfig`."""
    # A nested --flagfile is looked up from the current directory.
    monkeypatch.chdir(ROOT)

    def parse(*arguments):
        values = flags.FlagValues()
        flags.DEFINE_multi_string(
            "flagfile", [], "Read flags here.", flag_values=values
        )
        config_flags.define(train_flags.SECTIONS, flag_values=values)
        values(["train.py", *arguments])
        return train_flags.read(values)

    return parse


def test_defaults_are_those_of_the_config(parse):
    assert parse() == TrainConfig()


def test_every_field_is_a_flag_with_help_under_one_title():
    values = flags.FlagValues()
    groups = config_flags.define(train_flags.SECTIONS, flag_values=values)
    sections = (
        TrainConfig, UnitConfig, LearnedUnitConfig, DattaUnitConfig, DataConfig
    )  # fmt: skip
    names = {
        flag_name(field)
        for section in sections
        for field in dataclasses.fields(section)
    }
    grouped = [name for each in groups.values() for name in each]
    assert sorted(grouped) == sorted(names - {"data"})
    assert all(values[name].help for name in grouped)


def test_flags_reach_their_section(parse):
    config = parse("--quality=7", "--dataset=cifar10", "--epochs=3")
    assert (config.unit.quality, config.data.dataset) == (7, "cifar10")
    assert config.epochs == 3


def test_the_unit_s_kind_chooses_among_the_units(parse):
    config = parse(
        "--unit=learned", "--mode=frozen", "--backbone_weights=w.npz",
        "--patch=8", "--quality=7",
    )  # fmt: skip
    assert config.unit == LearnedUnitConfig(patch=8)


def test_units_share_the_flags_of_fields_that_they_share(parse):
    config = parse(
        "--unit=datta", "--mode=frozen", "--backbone_weights=w.npz",
        "--channels=5", "--stride=1", "--task_weight=300", "--latent_step=2",
        "--tables=shared",
    )  # fmt: skip
    assert config.unit == DattaUnitConfig(
        channels=5, stride=1, task_weight=300.0, latent_step=2.0,
        tables="shared",
    )  # fmt: skip


def test_a_shared_flag_must_have_one_default():
    @dataclasses.dataclass(frozen=True)
    class Other(Settings):
        channels: int = setting(7, "Channels.")

    values = flags.FlagValues()
    config_flags.define(train_flags.SECTIONS, flag_values=values)
    with pytest.raises(ValueError, match="Other.channels=7, 2 elsewhere"):
        config_flags.define((Other,), flag_values=values)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda p: p.stem)
def test_a_flagfile_makes_a_valid_config(parse, path):
    assert isinstance(parse(f"--flagfile={path}"), TrainConfig)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda p: p.stem)
def test_a_flagfile_opens_with_what_it_is_for(path):
    opening = path.read_text().splitlines()[:4]
    assert opening[0].startswith("# ")


def test_flagfiles_do_not_share_a_work_directory(parse):
    workdirs = [
        parse(f"--flagfile={path}").workdir
        for path in FLAGFILES
        if "--workdir" in path.read_text()
    ]
    assert len(set(workdirs)) == len(workdirs)


def test_qualities_that_are_no_numbers_are_named(parse):
    with pytest.raises(ValueError, match="sweep_qualities=10,fine"):
        parse("--sweep_qualities=10,fine")


def test_onednn_is_on_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    surroundings.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    surroundings.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def _train(*arguments):
    return subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_explains_the_modes_and_shows_commands():
    ran = _train("--help")
    shown = ran.stdout
    assert ran.returncode == 0
    assert shown.index("--workdir=") < shown.index("--mixup=")
    assert "the codec in the loop (BottleNet)" in shown
    assert "python train.py --flagfile=" in shown
