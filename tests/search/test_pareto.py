"""Tests of sampling units and keeping the Pareto set."""

import dataclasses
import json
import pathlib

import pytest

from bottlenet_tf import training
from bottlenet_tf.config.run import DattaUnitConfig
from bottlenet_tf.export.pack import load_pack, swap
from bottlenet_tf.search import pareto
from bottlenet_tf.search.pareto import ParetoConfig, pareto_set
from bottlenet_tf.training.loop import TrainingDiverged
from tests.eager import eagerly


@pytest.fixture(scope="module")
def base(tiny_run, tmp_path_factory):
    return dataclasses.replace(
        tiny_run,
        workdir=str(tmp_path_factory.mktemp("pareto") / "first"),
        mode="frozen",
        unit=DattaUnitConfig(tables="shared"),
        epochs=1,
        sweep_qualities=(50,),
    )


@pytest.fixture(scope="module")
def sampled(base):
    """Config and content of two samples, which are not to be changed."""
    config = ParetoConfig(base, samples=2, channels=(1, 4))
    with eagerly():
        return config, pareto.run(config)


@pytest.fixture
def reported(monkeypatch):
    """Runs that only report; returns the list of their folders."""
    folders = []
    monkeypatch.setattr(
        "bottlenet_tf.export.pack.save_pack", lambda *args: None
    )
    monkeypatch.setattr(training, "load_model", lambda *args: None)

    def run(config):
        folders.append(config.workdir)
        if len(folders) == 2:
            raise TrainingDiverged("The loss is not finite.")
        size, accuracy = 100.0 - len(folders), 50.0 + len(folders)
        return {
            "wire_bytes_mean": size,
            "accuracy": accuracy,
            "baseline_accuracy": 90.0,
        }

    monkeypatch.setattr(training, "run", run)
    return folders


@pytest.mark.parametrize(
    "points, kept",
    [
        ([], []),
        ([(10, 50)], [True]),
        # 20 bytes are no better than 10; 30 are, and the last costs more.
        ([(10, 50), (20, 50), (30, 60), (40, 55)], [1, 0, 1, 0]),
        ([(40, 55), (30, 60), (20, 50), (10, 50)], [0, 1, 0, 1]),
        # Of equals, the first.
        ([(10, 50), (10, 50)], [True, False]),
        ([(10, 40), (10, 50)], [False, True]),
        ([None, (10, 50)], [False, True]),
    ],
)
def test_what_none_beats_is_kept(points, kept):
    assert pareto_set(points) == [bool(k) for k in kept]


def test_a_sample_depends_on_seed_and_number_alone(base):
    few, many = ParetoConfig(base, 2), ParetoConfig(base, 50)
    assert few.sample(1) == many.sample(1) != many.sample(2)
    other = ParetoConfig(dataclasses.replace(base, seed=1))
    assert few.sample(1).unit != other.sample(1).unit


def test_samples_lie_within_their_ranges(base):
    config = ParetoConfig(base, strides=(1, 3), channels=(3, 5))
    units = [config.sample(i).unit for i in range(60)]
    assert {unit.stride for unit in units} == {1, 3}
    assert {unit.channels for unit in units} == {3, 4, 5}
    assert all(100 <= unit.task_weight <= 10000 for unit in units)
    assert all(0.5 <= unit.latent_step <= 2 for unit in units)
    # Log-uniform: about half are below the geometric mean.
    assert 20 < sum(unit.task_weight < 1000 for unit in units) < 40


@pytest.mark.slow
def test_samples_are_measured_on_validation_images(sampled):
    config, content = sampled
    for sample in content["samples"]:
        folder = config.base.workdir + f"/samples/{sample['number']:03d}"
        report = json.loads(pathlib.Path(folder, "report.json").read_text())
        assert report["measured_on"] == "validation"
        assert sample["wire_bytes_mean"] == report["wire_bytes_mean"]
        assert sample["accuracy"] == report["accuracy"]
        assert report["flags"]["unit"]["channels"] == sample["channels"]


@pytest.mark.slow
def test_the_file_holds_what_is_returned_and_a_picture_shows_it(sampled):
    config, content = sampled
    root = pathlib.Path(config.base.workdir)
    assert json.loads((root / "pareto.json").read_text()) == content
    assert any(sample["kept"] for sample in content["samples"])
    assert (root / "pareto.png").stat().st_size > 0


@pytest.mark.slow
def test_each_sample_is_a_pack_for_the_network(sampled):
    config, content = sampled
    folders = [
        pathlib.Path(config.base.workdir, "samples", number)
        for number in ("000", "001")
    ]
    model = training.load_model(folders[0])
    changed = swap(model, load_pack(folders[1] / "unit.pack"))
    assert changed.unit.latent_shape[-1] == content["samples"][1]["channels"]


@pytest.mark.slow
def test_finished_samples_are_not_made_again(sampled, reported):
    config, content = sampled
    assert pareto.run(config) == content
    assert not reported


@pytest.mark.slow
def test_more_samples_add_to_those_there_are(base, reported, tmp_path):
    base = dataclasses.replace(base, workdir=str(tmp_path))
    pareto.run(ParetoConfig(base, samples=1))
    content = pareto.run(ParetoConfig(base, samples=3))
    assert [each[-3:] for each in reported] == ["000", "001", "002"]
    assert [s["number"] for s in content["samples"]] == [0, 1, 2]


@pytest.mark.slow
def test_a_sample_that_diverges_is_noted_and_left_out(base, reported, tmp_path):
    base = dataclasses.replace(base, workdir=str(tmp_path))
    content = pareto.run(ParetoConfig(base, samples=3))
    diverged = content["samples"][1]
    assert "not finite" in diverged["error"] and not diverged["kept"]
    assert [s["kept"] for s in content["samples"]] == [False, False, True]


@pytest.mark.slow
def test_samples_of_other_flags_are_refused(sampled):
    config, _ = sampled
    other = dataclasses.replace(config.base, epochs=2)
    with pytest.raises(ValueError, match="--epochs=1 there, --epochs=2 here"):
        pareto.run(dataclasses.replace(config, base=other))


@pytest.mark.parametrize(
    "field, value",
    [
        ("samples", 0),
        ("strides", ()),
        ("strides", (0, 1)),
        ("channels", (4,)),
        ("channels", (4, 2)),
        ("channels", (0, 2)),
        ("task_weights", (1.0, float("inf"))),
        ("latent_steps", (-1.0, 1.0)),
    ],
)
def test_a_range_that_is_none_is_refused(base, field, value):
    with pytest.raises(ValueError, match="Received: "):
        ParetoConfig(base, **{field: value})


def test_another_unit_is_refused(tiny_run):
    with pytest.raises(ValueError, match="unit='bottlenet'"):
        ParetoConfig(tiny_run)
