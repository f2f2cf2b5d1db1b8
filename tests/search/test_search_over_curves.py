"""A search over curves: real runs, made one after another in this process."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from bottlenet_tf import training
from bottlenet_tf.search import bounds, curves, trial_folder
from bottlenet_tf.search.config import CurveConfig
from bottlenet_tf.training import load_model
from tests.eager import eagerly
from tests.search.made_up import InProcess

PARTS = ("search.json", "provenance.json", "curves")


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
def copy(config, found, tmp_path):
    """A function that copies parts of the search; returns its config."""
    root = tmp_path / "search"

    def copy(*parts, **changes):
        for part in parts:
            source = found.root / part
            make = shutil.copytree if source.is_dir() else shutil.copy
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            make(source, root / part)
        base = dataclasses.replace(config.base, workdir=str(root))
        return dataclasses.replace(config, base=base, **changes)

    return copy


@pytest.fixture
def copied(copy):
    """The curves in a folder of the test's own, without a candidate."""
    config, pool = copy(*PARTS), InProcess()
    again = curves.find_curves(config, pool)
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


@pytest.mark.slow
def test_a_curve_is_that_of_a_run_of_its_own(found, learned_run, tmp_path):
    own = dataclasses.replace(
        learned_run, workdir=str(tmp_path / "run"), epochs=0,
        warmup_epochs=0.0, measure_on="validation",
    )  # fmt: skip
    with eagerly():
        report = training.run(own)
    # The branches that start at random begin with zero.
    theirs = curves.points(report, report["baseline_accuracy"])
    ours = found.points["cut"]
    np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=5.0)


def test_only_what_can_win_is_trained(copied, monkeypatch):
    def refuse(*args):
        raise AssertionError("there is a start already")

    monkeypatch.setattr(training.runner, "start_unit", refuse)
    config = dataclasses.replace(copied.config, max_trained=1)
    search, pool = dataclasses.replace(copied, config=config), InProcess()
    results = search.train([_price({"conv": 1.0, "cut": 2.0})], pool)
    assert pool.started == ["candidates/conv"]
    assert set(results["curves"]) == {"conv", "cut"}
    assert set(results["trained"]) == {"conv"}
    report = copied.trained()["conv"]
    assert report["training"]["examples"] == 96 == report["training"][
        "examples_in_all"
    ]  # fmt: skip
    assert report["measured_on"] == "test"
    saved = json.loads((copied.root / "results.json").read_text())
    # 96 training images; 4 channels, 2 strides and 4 qualities at two splits.
    assert saved["statistics_images"] == saved["examples"] == 96
    assert saved["grid_examples"] == 4 * 2 * 4 * 2 * 96
    assert saved["trained"] == json.loads(json.dumps(results["trained"]))
    # Training went on from the closed form.
    start = load_model(copied.root / "curves" / "conv").unit
    ended = load_model(copied.root / "candidates" / "conv").unit
    moved = np.abs(ended.synthesis.rows - start.synthesis.rows).max()
    assert 0 < moved < 0.1


def test_nothing_is_trained_where_a_rival_wins(copied):
    pool = InProcess()
    prices = [_price({"conv": 1.0, "cut": 2.0}, rival=0.5)]
    results = copied.train(prices, pool)
    assert pool.started == [] and results["trained"] == {}
    assert results["links"]["made up"]["best"] == 0.5


@pytest.mark.slow
def test_a_split_that_fails_leaves_the_others(copy, capsys):
    config = copy(*PARTS[:2], "curves/cut")
    partly = curves.find_curves(config, InProcess(fails=("conv",)))
    assert re.search(
        r"1 units in closed form took \d+ s, measuring their curves \d+ s",
        capsys.readouterr().out,
    )
    assert set(partly.reports) == {"cut"}
    failure = trial_folder.read_outcome(partly.root / "curves" / "conv")
    assert failure.error == "ended with -9"
    pool = InProcess()
    whole = curves.find_curves(config, pool)
    assert pool.started == ["curves/conv"]
    assert set(whole.reports) == {"conv", "cut"}
    assert not (whole.root / "starts").exists()  # Of no more use.


def test_other_links_may_follow_but_no_other_flags(copied):
    base = dataclasses.replace(copied.config.base, seed=1)
    other = dataclasses.replace(copied.config, base=base)
    with pytest.raises(ValueError, match="--seed=0 there, --seed=1 here"):
        curves.find_curves(other, InProcess())


def test_what_counts_is_the_loss_on_the_same_images():
    report = {
        "measured_on": "validation",
        "points": [
            {"wire_bytes_mean": 50.0, "accuracy": 93.0, "accuracy_drop": 1.5}
        ],
    }
    # Measured on other images than the search, on which 94.5 % are right.
    assert curves.points(report, 92.0) == [(50.0, 90.5)]


@pytest.mark.parametrize(
    "change, told",
    [
        ({"optimism": 0.0}, "--optimism"),
        ({"max_trained": 0}, "--max_trained"),
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
