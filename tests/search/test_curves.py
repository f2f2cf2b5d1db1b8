"""A search over curves: real runs, made one after another in this process."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from bottlenet_tf import training
from bottlenet_tf.search import bounds, curves, trial, trial_folder
from bottlenet_tf.search.config import CurveConfig
from bottlenet_tf.training import load_model
from tests.eager import eagerly


class InProcess:
    """A pool of one that runs a folder when it is waited for."""

    def __init__(self, fails=()):
        self.fails, self.started, self._waiting = fails, [], []

    @property
    def free(self):
        return 1 - len(self._waiting)

    def start(self, folder):
        self.started.append(f"{folder.parent.name}/{folder.name}")
        self._waiting.append(folder)

    def wait(self, timeout_s):
        (folder,), self._waiting = self._waiting, []
        if folder.name in self.fails:
            return {folder: "ended with -9"}
        with eagerly():
            trial.run(folder)
        return {folder: None}


@pytest.fixture(scope="module")
def config(learned_run, tmp_path_factory):
    base = dataclasses.replace(
        learned_run, workdir=str(tmp_path_factory.mktemp("search"))
    )
    return CurveConfig(base, splits=("conv", "cut"), search_images=24)


@pytest.fixture(scope="module")
def found(config):
    """The curves of two splits."""
    with eagerly():
        return curves.find_curves(config, InProcess())


@pytest.fixture
def copied(config, found, tmp_path):
    """The same in a folder of the test's own, which holds no candidate."""
    import shutil

    root = tmp_path / "search"
    shutil.copytree(found.root, root)
    shutil.rmtree(root / "candidates", ignore_errors=True)
    base = dataclasses.replace(config.base, workdir=str(root))
    pool = InProcess()
    again = curves.find_curves(dataclasses.replace(config, base=base), pool)
    assert pool.started == []  # Nothing is measured twice.
    return again


def _price(costs, rival=float("inf")):
    return bounds.Price("made up", lambda split, size: costs[split], rival)


def test_every_split_has_a_curve_before_any_step(found):
    assert list(found.points) == ["conv", "cut"]
    for split, report in found.reports.items():
        assert report["split"] == split
        assert report["measured_on"] == "validation"
        assert report["training"]["examples"] == 0
        sizes, _ = zip(*found.points[split], strict=True)
        assert len(sizes) == 5 and sorted(sizes, reverse=True) == [*sizes]


def test_a_curve_is_that_of_a_run_of_its_own(found, learned_run, tmp_path):
    own = dataclasses.replace(
        learned_run, workdir=str(tmp_path / "run"), epochs=0,
        warmup_epochs=0.0, measure_on="validation",
    )  # fmt: skip
    with eagerly():
        report = training.run(own)
    # The branches that start at random begin with zero.
    ours, theirs = found.points["cut"], curves.points(report)
    np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=5.0)


def test_only_what_can_win_is_trained(copied):
    pool = InProcess()
    results = copied.train([_price({"conv": 1.0, "cut": 2.0})], pool)
    assert pool.started[0] == "candidates/conv"
    assert set(results["curves"]) == {"conv", "cut"}
    best = results["links"]["made up"]["best"]
    trained = set(results["trained"])
    assert trained == ({"conv"} if best == 1.0 else {"conv", "cut"})
    report = copied.trained()["conv"]
    assert report["training"]["examples"] == 96 == report["training"][
        "examples_in_all"
    ]  # fmt: skip
    assert report["measured_on"] == "test"
    saved = json.loads((copied.root / "results.json").read_text())
    assert saved["trained"] == json.loads(json.dumps(results["trained"]))


def test_a_trained_unit_starts_from_the_closed_form(copied, monkeypatch):
    def refuse(*args):
        raise AssertionError("there is a start already")

    monkeypatch.setattr(training.runner, "start_unit", refuse)
    costs = {"conv": 1.0, "cut": 2.0}
    config = dataclasses.replace(copied.config, max_trained=1)
    one = dataclasses.replace(copied, config=config)
    assert set(one.train([_price(costs)], InProcess())["trained"]) == {"conv"}
    start = load_model(copied.root / "starts" / "conv").unit
    ended = load_model(copied.root / "candidates" / "conv").unit
    moved = np.abs(ended.synthesis.rows - start.synthesis.rows).max()
    assert 0 < moved < 0.1


def test_nothing_is_trained_where_a_rival_wins(copied):
    pool = InProcess()
    prices = [_price({"conv": 1.0, "cut": 2.0}, rival=0.5)]
    results = copied.train(prices, pool)
    assert pool.started == [] and results["trained"] == {}
    assert results["links"]["made up"]["best"] == 0.5


def test_a_split_that_fails_leaves_the_others(config, found, tmp_path):
    root = tmp_path / "search"
    base = dataclasses.replace(config.base, workdir=str(root))
    own = dataclasses.replace(config, base=base)
    with eagerly():
        partly = curves.find_curves(own, InProcess(fails=("conv",)))
    assert set(partly.reports) == {"cut"}
    failure = trial_folder.read_outcome(root / "curves" / "conv")
    assert failure.error == "ended with -9"
    pool = InProcess()
    whole = curves.find_curves(own, pool)
    assert pool.started == ["curves/conv"]
    assert set(whole.reports) == {"conv", "cut"}


def test_curves_may_be_measured_after_some_steps(config, tmp_path):
    base = dataclasses.replace(config.base, workdir=str(tmp_path / "search"))
    own = dataclasses.replace(config, base=base, curve_steps=2)
    own = dataclasses.replace(own, splits=("cut",))
    with eagerly():
        report = curves.find_curves(own, InProcess()).reports["cut"]
    assert report["training"]["examples"] == 2 * 32


def test_other_links_may_follow_but_no_other_flags(copied):
    base = dataclasses.replace(copied.config.base, seed=1)
    other = dataclasses.replace(copied.config, base=base)
    with pytest.raises(ValueError, match="seed: 0 there, 1 here"):
        curves.find_curves(other, InProcess())


@pytest.mark.parametrize(
    "change, told",
    [
        ({"optimism": 0.0}, "--optimism"),
        ({"max_trained": 0}, "--max_trained"),
        ({"curve_steps": -1}, "curve_steps"),
    ],
)
def test_flags_that_make_no_sense_are_refused(config, change, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(config, **change)


def test_only_a_learned_unit_has_curves(tiny_run, config):
    base = dataclasses.replace(
        tiny_run, backbone=config.base.backbone, mode="frozen"
    )
    with pytest.raises(ValueError, match="--unit must be learned"):
        CurveConfig(base)


def test_the_folder_names_its_parts(found):
    names = {p.name for p in pathlib.Path(found.root).iterdir()}
    assert {"search.json", "starts", "curves"} <= names
