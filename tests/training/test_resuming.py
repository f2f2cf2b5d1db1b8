"""Runs that were killed, damaged, continued, or begun twice."""

import pathlib
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from bottlenet_tf import training
from bottlenet_tf.common import formats, in_use, run_folders
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.run_folders import REPORT_FILE
from bottlenet_tf.training import checkpoints, runner
from bottlenet_tf.training.network import load_model
from tests.eager import eagerly
from tests.killed import kill_before


def _report(config, network, dataset, spent, validated):
    """Stands in for the measurement: a report of what training took."""
    report = {name: None for name in run_folders._REQUIRED}
    report |= {"format": formats.REPORT, "training": spent}
    write_json(pathlib.Path(config.workdir, REPORT_FILE), report)
    return report


def _train(config):
    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "measure", _report)
        return training.run(config)


@pytest.fixture(scope="module")
def killed(tiny_run, replace, tmp_path_factory):
    """A run killed before step 5 of 6, with checkpoints of steps 3 and 4."""
    workdir = tmp_path_factory.mktemp("killed") / "run"
    config = replace(
        tiny_run, checkpoint_minutes=0.0, keep="best", workdir=str(workdir)
    )
    with pytest.MonkeyPatch.context() as patch:
        kill_before(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            _train(config)
    return config


@pytest.fixture
def copied(killed, replace, tmp_path):
    """A copy of that run."""
    workdir = tmp_path / "run"
    shutil.copytree(killed.workdir, workdir)
    return replace(killed, workdir=str(workdir))


def _files(config):
    folder = pathlib.Path(config.workdir, "checkpoints")
    return checkpoints.in_folder(folder), folder


def _truncate(path):
    file = next(path.parent.glob(f"{path.name}.data*"))
    file.write_bytes(file.read_bytes()[:100])


def _zero_index(path):
    file = path.with_name(f"{path.name}.index")
    file.write_bytes(bytes(file.stat().st_size))


def _flip(path):
    file = next(path.parent.glob(f"{path.name}.data*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _empty_index(path):
    path.with_name(f"{path.name}.index").write_bytes(b"")


def _lose_data(path):
    next(path.parent.glob(f"{path.name}.data*")).unlink()


DAMAGES = [_truncate, _zero_index, _flip, _empty_index, _lose_data]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    copied, capsys, damage
):
    (newest, older), folder = _files(copied)
    (folder / "checkpoint").write_bytes(b"\0" * 40)  # TensorFlow's list.
    damage(newest)
    with pytest.MonkeyPatch.context() as patch:
        kill_before(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            _train(copied)
    told = capsys.readouterr().out
    assert f"Passed over {newest}, which is damaged" in told
    assert f"Resuming at step {older.name.removeprefix('ckpt-')} of" in told


def test_without_a_whole_checkpoint_the_remedy_is_named(copied):
    paths, folder = _files(copied)
    for path in paths:
        _truncate(path)
    with pytest.raises(
        ValueError, match=f"Remove {folder} to restart"
    ) as caught:
        _train(copied)
    assert paths[0].name in str(caught.value)


def test_a_damaged_best_epoch_is_reported_before_training(copied):
    folder = pathlib.Path(copied.workdir, "best")
    _flip(checkpoints.in_folder(folder)[0])
    with pytest.raises(ValueError, match=f"Remove {folder}"):
        _train(copied)


def test_a_full_disk_leaves_the_checkpoint_before(copied):
    paths, folder = _files(copied)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    smallest = min(f.stat().st_size for f in folder.glob("*.data*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (smallest // 2, hard))
    try:
        with pytest.raises(OSError, match="could not be written.*resumes"):
            _train(copied)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _files(copied)[0] == paths
    assert not list(folder.glob("*temp*"))
    _train(copied)


@pytest.mark.slow
def test_skip_corrupt_may_be_added_until_the_first_checkpoint(
    tiny_config, replace, monkeypatch
):
    with monkeypatch.context() as patch:
        kill_before(patch, 0)
        with pytest.raises(KeyboardInterrupt):
            _train(tiny_config)
    data = replace(tiny_config.data, skip_corrupt=True)
    with pytest.raises(ValueError, match="--epochs=2 there"):
        _train(replace(tiny_config, data=data, epochs=0))
    _train(replace(tiny_config, data=data))


@pytest.mark.slow
def test_a_finished_run_keeps_its_checkpoints_if_asked(tiny_config, replace):
    config = replace(tiny_config, epochs=1)
    _train(config)
    assert not _files(config)[1].exists()
    kept = replace(config, workdir=f"{config.workdir}_kept")
    _train(replace(kept, keep_checkpoints=True))
    assert _files(kept)[0]


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_more_epochs_continue_a_finished_run(
    tiny_config, replace, keep, monkeypatch
):
    config = replace(tiny_config, epochs=1, keep_checkpoints=keep)
    _train(config)
    begun = load_model(config.workdir).get_weights()
    more = replace(config, epochs=2)
    with monkeypatch.context() as patch:
        kill_before(patch, 3)  # Its first step.
        with pytest.raises(KeyboardInterrupt):
            _train(more)
    assert not pathlib.Path(config.workdir, REPORT_FILE).exists()
    report = _train(more)
    assert report["training"]["steps"] == 6
    after = load_model(config.workdir).get_weights()
    assert any(np.any(a != b) for a, b in zip(begun, after, strict=True))
    with pytest.raises(ValueError, match="--epochs=2 there, --epochs=1 here"):
        training.run(config)


def test_a_best_epoch_is_not_continued_without_its_checkpoints(
    tiny_config, replace
):
    config = replace(tiny_config, epochs=1, keep="best")
    _train(config)
    with pytest.raises(ValueError, match="--keep_checkpoints"):
        training.run(replace(config, epochs=2))


_HOLD = """
import sys
from bottlenet_tf.common import in_use
with in_use.alone(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_works_in_a_folder(tiny_config, tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, tiny_config.workdir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(ValueError, match=f"process {other.pid} does"):
        training.run(tiny_config)
    other.kill()
    other.communicate()
    with in_use.alone(tiny_config.workdir):
        pass
    with in_use.alone(tmp_path / "new" / "run"):
        pass
    assert not (tmp_path / "new").exists()
