"""Tests of whole runs on a tiny network."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest

from bottlenet_tf import training
from bottlenet_tf.training import loop as loop_module
from bottlenet_tf.training.network import load_model

REPORT_KEYS = {
    "baseline_accuracy",
    "accuracy",
    "payload_bytes_mean",
    "wire_bytes_mean",
    "cloud_only",
    "accuracy_matched_ratio",
    "device_mac_share",
    "seed",
    "flags",
    "versions",
}


@pytest.fixture
def baseline(tiny_config, replace):
    """Work directory of a finished baseline run."""
    config = replace(
        tiny_config, mode="baseline", workdir=tiny_config.workdir + "_base"
    )
    training.run(config)
    return config.workdir


def _weights(workdir):
    return load_model(workdir).get_weights()


def test_a_run_reports_every_promised_figure(tiny_config, replace, baseline):
    report = training.run(replace(tiny_config, backbone_weights=baseline))
    assert REPORT_KEYS <= set(report)
    assert report["wire_bytes_mean"] == report["payload_bytes_mean"] + 8
    written = pathlib.Path(tiny_config.workdir, "report.json").read_text()
    assert json.loads(written) == report


def test_a_killed_run_resumes_to_the_same_weights(
    tiny_config, replace, tmp_path, monkeypatch
):
    straight = replace(tiny_config, workdir=str(tmp_path / "straight"))
    training.run(straight)
    # Killed after the 5th of 6 steps, in the middle of the second epoch.
    killed = replace(
        tiny_config, workdir=str(tmp_path / "killed"), checkpoint_minutes=0.0
    )
    take_step = loop_module.Loop._step

    def step_or_die(self, step, images, labels):
        if step == 5:
            raise KeyboardInterrupt
        return take_step(self, step, images, labels)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "_step", step_or_die)
        with pytest.raises(KeyboardInterrupt):
            training.run(killed)
    training.run(killed)
    for expected, resumed in zip(
        _weights(straight.workdir), _weights(killed.workdir), strict=True
    ):
        np.testing.assert_array_equal(resumed, expected)


def test_the_resumed_epoch_is_logged_whole(tiny_config, replace, monkeypatch):
    config = replace(tiny_config, checkpoint_minutes=0.0)
    take_step = loop_module.Loop._step

    def step_or_die(self, step, images, labels):
        if step == 4:
            raise KeyboardInterrupt
        return take_step(self, step, images, labels)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "_step", step_or_die)
        with pytest.raises(KeyboardInterrupt):
            training.run(config)
    training.run(config)
    with open(pathlib.Path(config.workdir, "metrics.csv")) as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["3", "6"]


def test_a_finished_run_is_not_trained_again(
    tiny_config, monkeypatch, baseline, replace
):
    config = replace(tiny_config, backbone_weights=baseline)
    report = training.run(config)

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(loop_module.Loop, "run", refuse)
    assert training.run(config) == report


def test_a_work_directory_of_other_flags_is_refused(tiny_config, replace):
    training.run(tiny_config)
    with pytest.raises(ValueError, match="epochs: 2 there, 3 here"):
        training.run(replace(tiny_config, epochs=3))


def test_frozen_mode_changes_the_unit_alone(tiny_config, replace, baseline):
    training.run(replace(tiny_config, mode="frozen", backbone_weights=baseline))
    model = load_model(tiny_config.workdir)
    trained = model.prefix.get_weights() + model.suffix.get_weights()
    for before, after in zip(_weights(baseline), trained, strict=True):
        np.testing.assert_array_equal(after, before)


def test_naive_mode_trains_without_the_codec(tiny_config, replace, monkeypatch):
    def refuse(*_):
        raise AssertionError("the codec ran in training")

    from bottlenet_tf.training.step import Stepper

    build = Stepper.__init__

    def without(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.with_codec = refuse

    monkeypatch.setattr(Stepper, "__init__", without)
    report = training.run(replace(tiny_config, mode="naive"))
    # Measured with the codec all the same.
    assert report["payload_bytes_mean"] > 0


def test_distillation_trains_towards_the_unsplit_network(
    tiny_config, replace, baseline
):
    config = replace(tiny_config, distillation=1.0, backbone_weights=baseline)
    training.run(config)
    with open(pathlib.Path(config.workdir, "metrics.csv")) as file:
        losses = [float(row["task_loss"]) for row in csv.DictReader(file)]
    # KL from the teacher, not cross entropy: the log of ten classes is 2.3.
    assert 0 <= losses[-1] < 1.0


def test_a_diverged_loss_names_its_step(tiny_config, replace):
    config = replace(tiny_config, learning_rate=1e30)
    with pytest.raises(loop_module.TrainingDiverged, match="at step [1-6]"):
        training.run(config)


def test_a_byte_budget_is_approached(tiny_config, replace):
    free = training.run(replace(tiny_config, epochs=10))
    budget = 0.8 * free["wire_bytes_mean"]
    config = replace(
        tiny_config,
        epochs=10,
        byte_budget=budget,
        rate_weight=1.0,
        workdir=tiny_config.workdir + "_budget",
    )
    held = training.run(config)
    assert held["wire_bytes_mean"] < free["wire_bytes_mean"]


def test_annealing_ends_at_the_final_quality(tiny_config, replace):
    config = replace(tiny_config, quality_start=90, quality_epochs=1.0)
    training.run(config)
    assert int(load_model(config.workdir).unit.codec.quality) == 50


def test_init_from_starts_with_the_other_runs_weights(
    tiny_config, replace, tmp_path
):
    training.run(tiny_config)
    config = replace(
        tiny_config,
        workdir=str(tmp_path / "second"),
        init_from=tiny_config.workdir,
        epochs=0,
    )
    training.run(config)
    for before, after in zip(
        _weights(tiny_config.workdir), _weights(config.workdir), strict=True
    ):
        np.testing.assert_array_equal(after, before)


def test_init_from_another_architecture_is_refused(
    tiny_config, replace, tmp_path
):
    training.run(tiny_config)
    config = replace(
        tiny_config,
        workdir=str(tmp_path / "second"),
        init_from=tiny_config.workdir,
        unit=replace(tiny_config.unit, channels=3),
    )
    with pytest.raises(ValueError, match="shapes differ"):
        training.run(config)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_reports(tiny_config, replace, precision):
    try:
        report = training.run(replace(tiny_config, precision=precision))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert report["flags"]["precision"] == precision
