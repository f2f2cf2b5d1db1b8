"""Tests of flagfiles, and of paths in flags."""

import pytest
from absl import flags

from bottlenet_tf.cli import arguments, config_flags
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.config.run import DataConfig, TrainConfig


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installed package with flagfiles; the current folder has none."""
    package, here = tmp_path / "site" / "bottlenet_tf", tmp_path / "here"
    (package / "flags").mkdir(parents=True)
    here.mkdir()
    monkeypatch.setattr(arguments, "_PACKAGE", package)
    monkeypatch.chdir(here)
    (package / "flags" / "base.flags").write_text("# Base.\n--epochs=1\n\n")
    (package / "flags" / "row.flags").write_text(
        "--flagfile=flags/base.flags\n  --split=RB2\n// A comment.\n"
    )
    return here


def test_a_flagfile_of_the_package_is_found_from_any_folder(installed):
    wanted = ["--seed=1", "--epochs=1", "--split=RB2", "--epochs=2"]
    for given in (["--flagfile=flags/row.flags"],
                  ["--flagfile", "flags/row.flags"]):  # fmt: skip
        found = arguments.expanded(["--seed=1", *given, "--epochs=2"])
        assert list(found) == wanted
    assert arguments.shipped() == ["flags/base.flags", "flags/row.flags"]


def test_the_current_folder_s_flagfile_goes_first(installed):
    (installed / "flags").mkdir()
    (installed / "flags" / "base.flags").write_text("--epochs=7\n")
    assert (
        next(arguments.expanded(["-flagfile=flags/row.flags"])) == "--epochs=7"
    )


def test_what_is_no_flagfile_is_named(installed):
    with pytest.raises(ValueError, match="flags/row.flags.*'none.flags'"):
        list(arguments.expanded(["--flagfile=none.flags"]))
    (installed / "loop.flags").write_text("--flagfile=loop.flags\n")
    with pytest.raises(ValueError, match="include itself"):
        list(arguments.expanded(["--flagfile=loop.flags"]))
    (installed / "latin.flags").write_bytes(b"--dataset=caf\xe9\n")
    with pytest.raises(ValueError, match="UTF-8.*latin.flags"):
        list(arguments.expanded(["--flagfile=latin.flags"]))


def test_after_two_dashes_nothing_is_a_flag():
    words = ["--", "--flagfile=x"]
    assert list(arguments.expanded(words)) == words


def test_home_is_expanded_in_every_flag(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    values = flags.FlagValues()
    config_flags.define((ExportConfig,), flag_values=values)
    values(["x", "--out=~/a", "--workdir=~/b,c"])
    config = config_flags.read(ExportConfig, values)
    assert (config.out, config.workdir) == ("/home/me/a", ("/home/me/b", "c"))


def test_a_path_of_another_machine_is_refused():
    with pytest.raises(ValueError, match="--workdir must be a path of this"):
        TrainConfig(workdir="gs://bucket/run")
    with pytest.raises(ValueError, match="--dataset must be a path of this"):
        DataConfig(dataset="s3://bucket/photos")
    # TensorFlow Datasets reads these itself.
    assert DataConfig(data_dir="gs://tfds-data/datasets").data_dir
