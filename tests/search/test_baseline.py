"""The network that a search begins with."""

import dataclasses
import types

import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.backbones.split_points import Backbone, SplitPoint
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.config.unit import LearnedUnitConfig
from bottlenet_tf.search import baseline
from bottlenet_tf.search.config import CurveConfig, SearchConfig
from bottlenet_tf.search.curves import find_curves
from bottlenet_tf.training import load_data


def test_the_unsplit_network_is_measured_in_float32(
    tiny_config, mixed_backbone, monkeypatch, tmp_path
):
    measured = []

    def measure_baselines(classifier, *_, **__):
        measured.append(classifier)
        return evaluation.Baselines(90.0, ())

    monkeypatch.setattr(evaluation, "measure_baselines", measure_baselines)
    base = dataclasses.replace(tiny_config, backbone=mixed_backbone)
    config = SearchConfig(base=base, splits=("cut",))
    found = baseline.measure(config, tmp_path, load_data(base))
    assert (found.splits, found.accuracy) == (("cut",), 90.0)
    assert {layer.compute_dtype for layer in measured[0].layers} == {"float32"}


def test_too_few_images_for_a_closed_form_are_refused_before_any_work(
    learned_config, monkeypatch
):
    def measure_baselines(*_, **__):
        raise AssertionError("the unsplit network was measured")

    monkeypatch.setattr(evaluation, "measure_baselines", measure_baselines)
    unit = dataclasses.replace(learned_config.unit, statistics_images=39)
    base = dataclasses.replace(learned_config, unit=unit)
    with pytest.raises(ValueError, match="needs 40 images.*images=39"):
        find_curves(CurveConfig(base=base, splits=("cut",)))


def test_cuts_without_a_unit_are_named_and_left_out(capsys):
    points = [
        SplitPoint(name, name, (size, size, 8), 1, share)
        for name, size, share in (("odd", 115, 0.1), ("even", 28, 0.2))
    ]
    backbone = Backbone("net", None, tuple(points))
    unit = types.SimpleNamespace(
        splits=(), base=TrainConfig(mode="frozen", unit=LearnedUnitConfig(),
                                    backbone_weights="net.npz")
    )  # fmt: skip
    assert baseline._splits(unit, backbone) == ("even",)
    told = capsys.readouterr().out
    assert "No unit of these sizes fits odd." in told
    assert "1 of the network's 2 cuts: even" in told
