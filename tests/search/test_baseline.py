"""The network that a search begins with."""

import dataclasses

from bottlenet_tf import evaluation
from bottlenet_tf.search import baseline
from bottlenet_tf.search.config import SearchConfig
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
