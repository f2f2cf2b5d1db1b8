"""Which images a run reads, and when; the epoch that is kept."""

import csv
import dataclasses
import pathlib

import numpy as np
import pytest

from bottlenet_tf import search, training
from bottlenet_tf.data.part import Part
from bottlenet_tf.search.config import SearchConfig
from bottlenet_tf.training import loop as loop_module
from bottlenet_tf.training import measure as measure_module
from bottlenet_tf.training import runner
from bottlenet_tf.training.network import load_model
from tests.eager import eagerly
from tests.search.made_up import InProcess


@pytest.fixture
def closed_test_images(monkeypatch):
    """Test images can't be read but by the final measurement."""
    read, seen = Part.batches, []

    def batches(self, batch_size):
        if self.name == "test" and not opened:
            raise AssertionError("test images were read before the end")
        seen.append(self.name)
        return read(self, batch_size)

    opened, measure = [], measure_module.measure

    def open_and_measure(*args):
        opened.append(True)
        return measure(*args)

    monkeypatch.setattr(Part, "batches", batches)
    monkeypatch.setattr(runner, "measure", open_and_measure)
    return seen


def _rows(config):
    with open(pathlib.Path(config.workdir, "metrics.csv")) as file:
        return list(csv.DictReader(file))


def test_test_images_are_read_at_the_end_alone(
    tiny_config, replace, closed_test_images
):
    config = replace(tiny_config, keep="best", early_stopping=2)
    with eagerly():
        report = training.run(config)
    assert {"validation", "test"} == set(closed_test_images)
    assert (report["measured_on"], report["num_images"]) == ("test", 16)
    assert report["validation"]["num_images"] == 16


@pytest.mark.slow
def test_a_run_for_choosing_reads_no_test_image(
    tiny_config, replace, monkeypatch
):
    read = Part.batches

    def batches(self, batch_size):
        assert self.name != "test"
        return read(self, batch_size)

    monkeypatch.setattr(Part, "batches", batches)
    with eagerly():
        report = training.run(replace(tiny_config, measure_on="validation"))
    assert report["measured_on"] == "validation"
    assert report["validation"] is None


@pytest.mark.slow
def test_a_search_reads_test_images_for_what_it_keeps_alone(
    tiny_config, replace, monkeypatch
):
    read, readers = Part.batches, set()

    def batches(self, batch_size):
        if self.name == "test":
            readers.add(current[-1])
        return read(self, batch_size)

    current, run = ["the search"], training.run

    def named_run(config):
        current.append(pathlib.Path(config.workdir).parent.name)
        return run(config)

    monkeypatch.setattr(Part, "batches", batches)
    monkeypatch.setattr(training, "run", named_run)
    weights = {"backbone_weights": tiny_config.backbone, "allow_chance": True}
    config = SearchConfig(
        replace(tiny_config, **weights),
        splits=("cut",),
        channels=(2,),
        strides=(2,),
        qualities=(20, 60),
        max_accuracy_loss=100.0,
    )
    results = search.run(config, InProcess())
    assert not [t for t in results["trials"] if t["error"]]
    assert results["candidates"]["cut"]["measured"]
    assert readers == {"candidates"}


@pytest.mark.slow
def test_without_validation_images_a_run_trains_and_reports(
    tiny_config, replace
):
    data = replace(tiny_config.data, validation_fraction=0.0)
    with eagerly():
        report = training.run(replace(tiny_config, data=data, max_steps=1))
    assert report["validation"] is None
    assert _rows(tiny_config)[0]["validation_accuracy"] == ""


def _train(config, accuracies, monkeypatch):
    """Trains without measuring; validation gives these figures in turn."""
    figures = iter(accuracies)
    monkeypatch.setattr(
        loop_module.Loop, "validate", lambda self: next(figures)
    )
    spent = []
    monkeypatch.setattr(runner, "measure", lambda *args: spent.append(args[3]))
    with eagerly():
        training.run(config)
    return spent[0]


def _weights(workdir):
    return load_model(workdir).get_weights()


def test_the_best_epoch_is_kept(tiny_config, replace, monkeypatch):
    figures, seen, spent = iter([(50, 9), (70, 9), (60, 9)]), [], []

    def validate(self):
        seen.append([np.array(v) for v in self.model.get_weights()])
        return next(figures)

    monkeypatch.setattr(loop_module.Loop, "validate", validate)
    monkeypatch.setattr(runner, "measure", lambda *args: spent.append(args[3]))
    config = replace(tiny_config, keep="best", epochs=3)
    with eagerly():
        training.run(config)
    assert (spent[0]["kept_epoch"], spent[0]["steps"]) == (1, 9)
    kept = _weights(config.workdir)
    for ours, best in zip(kept, seen[1], strict=True):
        np.testing.assert_array_equal(ours, best)
    assert any(np.any(x != y) for x, y in zip(kept, seen[2], strict=True))


@pytest.mark.slow
def test_a_run_stops_when_no_epoch_was_better_for_long(
    tiny_config, replace, monkeypatch, capsys
):
    config = replace(tiny_config, early_stopping=2, epochs=9)
    figures = [(50, 9), (70, 9), (60, 9), (70, 9)]
    spent = _train(config, figures, monkeypatch)
    assert (spent["kept_epoch"], spent["steps"]) == (1, 12)
    assert "Stopped early, after 4 epochs" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "figures", "kept"),
    [
        # Quality is the unit's from the end of the second epoch on.
        (
            {"quality_start": 90, "quality_epochs": 2.0},
            [(90, 9), (60, 9), (50, 9)],
            1,
        ),
        # 8 bytes of header are part of the budget.
        ({"byte_budget": 50.0}, [(90, 45), (60, 42), (50, 41)], 1),
        ({"byte_budget": 50.0}, [(90, 99), (60, 99), (50, 99)], None),
    ],
    ids=["annealed", "budget", "none in the budget"],
)
def test_an_epoch_of_another_quality_or_over_the_budget_is_not_kept(
    tiny_config, replace, monkeypatch, capsys, changes, figures, kept
):
    config = replace(tiny_config, keep="best", epochs=3, **changes)
    assert _train(config, figures, monkeypatch)["kept_epoch"] == kept
    told = capsys.readouterr().out
    assert ("No epoch met the byte budget: the last" in told) == (kept is None)


def test_choosing_is_refused_where_no_image_validates(
    tiny_config, replace, tmp_path, image_folder
):
    folder = image_folder(tmp_path / "photos", map(str, range(10)), count=2)
    data = replace(tiny_config.data, dataset=str(folder), max_train=None)
    config = replace(tiny_config, data=data, keep="best")
    with pytest.raises(ValueError, match="can't give one up"):
        training.run(config)


@pytest.mark.slow
def test_a_killed_run_remembers_its_best_epoch(
    tiny_config, replace, monkeypatch
):
    config = replace(tiny_config, keep="best", epochs=3)
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        _train(config, [(70, 9)], patch)
    spent = _train(config, [(60, 9), (50, 9)], monkeypatch)
    assert spent["kept_epoch"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": "best"}, "--keep uses.*--validation_fraction"),
        ({"early_stopping": 2}, "--early_stopping uses"),
        ({"measure_on": "validation"}, "--measure_on=validation needs"),
    ],
)
def test_choosing_needs_validation_images(tiny_config, changes, message):
    data = dataclasses.replace(tiny_config.data, validation_fraction=0.0)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(tiny_config, data=data, **changes)
