"""Tests of runs with Datta's unit: its loss, training, freezing, figures."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import evaluation, training
from bottlenet_tf.config.run import DattaUnitConfig, TrainConfig
from bottlenet_tf.training.losses import feature_loss
from bottlenet_tf.training.network import build_network, load_model
from bottlenet_tf.training.step import DattaStepper
from tests.eager import eagerly

UNIT = DattaUnitConfig(channels=2, task_weight=50.0, latent_step=0.5)


@pytest.fixture(scope="module")
def config(tiny_run, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("datta") / "run"
    return dataclasses.replace(
        tiny_run,
        workdir=str(workdir),
        mode="frozen",
        unit=UNIT,
        optimizer="adam",
        weight_decay=0.0,
        keep="best",
    )


@pytest.fixture(scope="module")
def finished(config):
    with eagerly():
        return training.run(config)


def make_stepper(**fields):
    config = TrainConfig(
        mode="frozen", unit=UNIT, backbone_weights="w.npz", **fields
    )
    return DattaStepper(
        config,
        types.SimpleNamespace(trainable_variables=[]),
        teacher=None,
        optimizer=None,
        strategy=tf.distribute.get_strategy(),
        total_steps=10,
    )


def _passed(rng):
    feature, restored = rng.random((2, 4, 3, 3, 2), np.float32)
    return types.SimpleNamespace(
        rate=tf.constant([100.0, 300.0]), feature=feature, restored=restored
    )


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_unit_s_loss_is_the_norm_over_lambda_and_the_feature_s(weight):
    passed = _passed(np.random.default_rng(0))
    loss = make_stepper(feature_weight=weight)._unit_loss(passed, True)
    error = weight * float(feature_loss(passed.feature, passed.restored))
    assert float(loss) == pytest.approx(200 / 50 + error)


def test_a_run_reports_what_its_payloads_reach(config, finished):
    model = load_model(config.workdir)
    assert finished["unit_id"] == evaluation.unit_id(model)
    part = training.load_data(config).validation
    found = evaluation.evaluate_split(model, part, progress=False).default
    measured = finished["validation"]
    assert measured["wire_bytes_mean"] == found.wire_bytes.mean()
    assert measured["accuracy"] == found.accuracy
    assert [p["value"] for p in finished["points"]] == [0.0]


def test_a_run_trains_the_unit_and_nothing_else(config, finished):
    trained = load_model(config.workdir)
    start = build_network(config, 32, 10).model
    for half in ("prefix", "suffix"):
        for ours, theirs in zip(
            getattr(start, half).weights, getattr(trained, half).weights
        ):
            np.testing.assert_array_equal(ours, theirs)
    kernels = [each.unit.mixing.conv.kernel for each in (start, trained)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4


def test_a_run_starts_from_another(config, finished, tmp_path):
    more = dataclasses.replace(
        config, init_from=config.workdir, workdir=str(tmp_path), epochs=0
    )
    np.testing.assert_array_equal(
        build_network(more, 32, 10).model.unit.mixing.conv.kernel,
        load_model(config.workdir).unit.mixing.conv.kernel,
    )
