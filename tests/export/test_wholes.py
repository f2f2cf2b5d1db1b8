"""Runs of one network share one without a split; others have their own."""

import dataclasses
import types

import pytest

from bottlenet_tf import tasks
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.export.whole import Wholes

REPORT = {"baseline_accuracy": 90.0, "untouched_sha256": "aa"}


def _run(tmp_path, name, report=REPORT, image_size=32, **config):
    workdir = tmp_path / name
    workdir.mkdir()
    (workdir / "untouched.keras").touch()
    dataset = types.SimpleNamespace(
        image_size=image_size,
        preprocessing=types.SimpleNamespace(resize=image_size),
        class_names=("cat", "dog"),
        task=tasks.ONE_CLASS,
    )
    return types.SimpleNamespace(
        workdir=workdir,
        name=name,
        config=dataclasses.replace(TrainConfig(), **config),
        report=report,
        dataset=dataset,
    )


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """`{folder: names}` that two runs' networks are written to and tell of."""

    def place(**second):
        config = ExportConfig(workdir=("a",), out="out")
        wholes = Wholes(config, tmp_path, None)
        monkeypatch.setattr(Wholes, "_write", lambda *_: [])
        for run in (_run(tmp_path, "a"), _run(tmp_path, "b", **second)):
            wholes.add(run, tmp_path / run.name / "edge", None, None)
        return {entry["folder"]: entry["models"] for entry in wholes.entries}

    return place


def test_runs_of_one_network_share_it(folders):
    assert folders() == {"edge": ["a", "b"]}


@pytest.mark.parametrize(
    "second",
    [
        {"report": {**REPORT, "untouched_sha256": "bb"}},
        {"backbone": "resnet18"},
        {"preprocessing": "caffe"},  # The same weights on other pixels.
        {"image_size": 64},
    ],
)
def test_another_network_lies_beside_its_own_head(folders, second):
    assert folders(**second) == {"edge": ["a"], "b/edge": ["b"]}
