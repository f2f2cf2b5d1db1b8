"""Tests of whole runs on a tiny network."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest

from bottlenet_tf import evaluation, training
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.models.precision import dtype_policy, in_float32
from bottlenet_tf.training import loop as loop_module
from bottlenet_tf.training import runner
from bottlenet_tf.training.network import build_network, load_model
from bottlenet_tf.training.runner import load_data
from tests.eager import eagerly
from tests.killed import kill_before

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


def _train(config):
    """A run without its measurement, for tests of what training does."""
    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "measure", lambda *_: None)
        training.run(config)


@pytest.fixture(scope="module")
def baseline(tiny_run, replace, tmp_path_factory):
    """Work directory of a finished baseline run; not to be changed."""
    workdir = tmp_path_factory.mktemp("base") / "run"
    config = replace(tiny_run, mode="baseline", workdir=str(workdir))
    _train(config)
    return config.workdir


@pytest.fixture(scope="module")
def finished(tiny_run, replace, baseline, tmp_path_factory):
    """Config and report of a finished run; its folder is not to be changed."""
    workdir = tmp_path_factory.mktemp("finished") / "run"
    config = replace(
        tiny_run,
        backbone_weights=baseline,
        quality_start=90,
        quality_epochs=1.0,
        workdir=str(workdir),
    )
    return config, training.run(config)


def _weights(workdir):
    return load_model(workdir).get_weights()


def _rows(config):
    with open(pathlib.Path(config.workdir, "metrics.csv")) as file:
        return list(csv.DictReader(file))


def test_a_run_reports_every_promised_figure(finished):
    config, report = finished
    assert REPORT_KEYS <= set(report)
    assert report["wire_bytes_mean"] == report["payload_bytes_mean"] + 8
    written = pathlib.Path(config.workdir, "report.json").read_text()
    assert json.loads(written) == report


def test_a_run_without_unseen_classes_reports_none(finished):
    assert "unseen" not in finished[1]


def test_a_run_keeps_the_untouched_network_that_it_measured(finished, baseline):
    config, report = finished
    path = pathlib.Path(config.workdir, "untouched.keras")
    untouched = load_model(path)
    for kept, given in zip(
        untouched.get_weights(), _weights(baseline), strict=True
    ):
        np.testing.assert_array_equal(kept, given)
    assert report["untouched_sha256"] == evaluation.weights_sha256(untouched)


@pytest.fixture(scope="module")
def mixed(tiny_run, replace, mixed_backbone, tmp_path_factory):
    """Config and report of a finished mixed-precision run."""
    workdir = tmp_path_factory.mktemp("mixed") / "run"
    config = replace(
        tiny_run,
        backbone=mixed_backbone,
        precision="mixed_bfloat16",
        distillation=0.5,
        norm_batches=2,
        epochs=1,
        workdir=str(workdir),
    )
    with eagerly():
        return config, training.run(config)


def _policies(model):
    """Returns the compute types in a model's configuration."""
    text = json.dumps(keras.saving.serialize_keras_object(model))
    return {name for name in ("bfloat16", "float16") if name in text}


@pytest.mark.slow
def test_a_mixed_run_reports_the_figures_of_what_is_deployed(mixed):
    config, report = mixed
    run = load_run(config.workdir)
    assert not _policies(run.model)
    found = evaluation.evaluate_split(
        run.model, run.dataset.test, progress=False
    ).default
    assert report["wire_bytes_mean"] == found.wire_bytes.mean()
    assert report["accuracy"] == found.accuracy
    assert report["unit_id"] == evaluation.unit_id(run.model)
    whole = in_float32(keras.saving.load_model(config.backbone))
    assert report["baseline_accuracy"] == evaluation.network_accuracy(
        whole, run.dataset.test, progress=False
    )


@pytest.mark.slow
def test_a_mixed_run_saves_what_is_deployed(mixed):
    path = pathlib.Path(mixed[0].workdir, "model.keras")
    assert not _policies(keras.saving.load_model(path))
    assert keras.config.dtype_policy().name == "float32"


def test_a_mixed_run_of_before_is_loaded_as_it_is_deployed(
    mixed, mixed_backbone, tmp_path
):
    with dtype_policy("mixed_bfloat16"):  # As the file was saved then.
        stored = build_network(mixed[0], 32, 10).model
    assert _policies(stored)
    stored.save(tmp_path / "model.keras")
    assert not _policies(load_model(tmp_path))
    np.testing.assert_array_equal(
        load_model(tmp_path).get_weights()[0], stored.get_weights()[0]
    )


@pytest.mark.parametrize("mode", ["aware", "baseline"])
def test_what_is_measured_computes_in_float32_whatever_the_file_says(
    tiny_config, replace, mixed_backbone, mode, monkeypatch
):
    measured = []
    monkeypatch.setattr(runner, "measure", lambda *args: measured.append(args))
    with eagerly():
        training.run(
            replace(tiny_config, backbone=mixed_backbone, mode=mode, epochs=0)
        )
    network = measured[0][1]
    assert not _policies(network.model)
    if mode == "aware":
        assert not _policies(network.untouched)


@pytest.mark.slow
def test_a_mixed_float16_run_reports_of_the_model_that_is_saved(
    tiny_config, replace
):
    config = replace(tiny_config, precision="mixed_float16")
    with eagerly():
        report = training.run(config)
    assert report["flags"]["precision"] == "mixed_float16"
    assert report["unit_id"] == evaluation.unit_id(load_model(config.workdir))


@pytest.mark.parametrize(
    "changes",
    [
        {
            "clip_norm": 1.0,
            "mixup": 0.5,
            "byte_budget": 30.0,
            "optimizer": "adamw",
            "quality_start": 90,
            "quality_epochs": 1.0,
        },
        pytest.param(
            {
                "mode": "frozen",
                "distillation": 0.5,
                "codec_warmup": 0.3,
                "precision": "mixed_float16",
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["aware", "frozen"],
)
def test_a_killed_run_resumes_to_the_same_weights(
    tiny_config, replace, tmp_path, monkeypatch, changes
):
    straight = replace(
        tiny_config, workdir=str(tmp_path / "straight"), **changes
    )
    # Killed after the 5th of 6 steps, in the middle of the second epoch.
    killed = replace(
        straight, workdir=str(tmp_path / "killed"), checkpoint_minutes=0.0
    )
    _train(straight)
    with monkeypatch.context() as patch:
        kill_before(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            _train(killed)
    _train(killed)
    for expected, resumed in zip(
        _weights(straight.workdir), _weights(killed.workdir), strict=True
    ):
        np.testing.assert_array_equal(resumed, expected)
    # Both epochs are logged whole, and once.
    assert [row["step"] for row in _rows(killed)] == ["3", "6"]
    # The weight of the rate is steered, too, and goes on where it was.
    assert (
        _rows(killed)[-1]["rate_weight"] == (_rows(straight)[-1]["rate_weight"])
    )


@pytest.mark.slow
def test_a_killed_run_of_a_learned_unit_resumes_to_the_same_weights(
    finished_learned, replace, tmp_path, monkeypatch
):
    _check_resumed(finished_learned[0], replace, tmp_path, monkeypatch)


@pytest.mark.slow
def test_a_killed_run_that_trains_the_tail_resumes_to_the_same_weights(
    finished_tail, replace, tmp_path, monkeypatch
):
    _check_resumed(finished_tail[0], replace, tmp_path, monkeypatch)


def _check_resumed(straight, replace, tmp_path, monkeypatch):
    """Kills and resumes a run with a learned unit, of which one is finished."""
    killed = replace(
        straight, workdir=str(tmp_path / "killed"), checkpoint_minutes=0.0
    )
    with monkeypatch.context() as patch:
        kill_before(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            _train(killed)
    _train(killed)
    ours, theirs = (load_model(c.workdir) for c in (straight, killed))
    for expected, resumed in zip(
        ours.get_weights(), theirs.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(resumed, expected)
    # Tables and default point, too: they are the same unit on the wire.
    assert evaluation.unit_id(ours) == evaluation.unit_id(theirs)
    assert [row["step"] for row in _rows(killed)] == ["3"]


def test_a_run_of_a_learned_unit_reports_all_its_points(finished_learned):
    _, report = finished_learned
    sizes = [point["wire_bytes_mean"] for point in report["points"]]
    assert len(sizes) == 5 and np.all(np.diff(sizes) < 0)
    assert report["wire_bytes_mean"] in sizes
    # Without a range, 6 bytes of header.
    assert report["wire_bytes_mean"] == pytest.approx(
        report["payload_bytes_mean"] + 6
    )


def test_a_run_of_a_learned_unit_leaves_the_network_as_it_was(finished_learned):
    config, _ = finished_learned
    model = load_model(config.workdir)
    given = keras.saving.load_model(config.backbone)
    kept = model.prefix.get_weights() + model.suffix.get_weights()
    for before, after in zip(given.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(after, before)


def test_a_run_of_a_learned_unit_reports_what_its_file_does(finished_learned):
    config, report = finished_learned
    run = load_run(config.workdir)
    assert report["unit_id"] == evaluation.unit_id(run.model)
    curve = evaluation.evaluate_split(run.model, run.dataset.test)
    assert report["wire_bytes_mean"] == curve.default.wire_bytes.mean()
    assert report["accuracy"] == curve.default.accuracy


def test_a_closed_form_takes_no_step(learned_config, replace, monkeypatch):
    spent = []
    monkeypatch.setattr(runner, "measure", lambda *args: spent.append(args[3]))
    config = replace(learned_config, epochs=0, warmup_epochs=0.0)
    with eagerly():
        training.run(config)
    assert spent[0]["steps"] == 0
    assert load_model(config.workdir).unit.byte_codec is not None


def test_a_budget_chooses_a_learned_unit_s_default_point(
    learned_config, replace, finished_learned
):
    other, report = finished_learned
    sizes = [point["wire_bytes_mean"] for point in report["points"]]
    # Of the test images; the point is chosen on validation images.
    budget = (sizes[1] + sizes[2]) / 2
    _train(
        replace(
            learned_config, init_from=other.workdir, epochs=0,
            warmup_epochs=0.0, byte_budget=budget,
        )
    )  # fmt: skip
    model = load_model(learned_config.workdir)
    assert model.unit.default_point in (1, 2)


@pytest.mark.slow
def test_a_learned_unit_starts_from_another_run_s(
    learned_config, replace, finished_learned, monkeypatch
):
    other, _ = finished_learned

    def refuse(*_):
        raise AssertionError("started in closed form")

    monkeypatch.setattr(runner, "start_unit", refuse)
    _train(
        replace(
            learned_config, init_from=other.workdir, epochs=0,
            warmup_epochs=0.0,
        )
    )  # fmt: skip
    for before, after in zip(
        _weights(other.workdir), _weights(learned_config.workdir), strict=True
    ):
        np.testing.assert_array_equal(after, before)


@pytest.mark.slow
def test_a_run_killed_before_its_report_keeps_its_last_row(
    tiny_config, replace, monkeypatch
):
    # 4 of 6 steps: the run ends in the middle of an epoch.
    config = replace(tiny_config, max_steps=4)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "measure", die)
        with eagerly(), pytest.raises(KeyboardInterrupt):
            training.run(config)
    _train(config)
    assert [row["step"] for row in _rows(config)] == ["3", "4"]


def test_a_failed_start_leaves_the_work_directory_free(tiny_config, replace):
    with pytest.raises(ValueError, match="split point"):
        _train(replace(tiny_config, split="RB99"))
    _train(replace(tiny_config, epochs=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "resnett50"}, "Unknown backbone"),
        ({"backbone_weights": "no/such.npz"}, "--backbone_weights must name"),
        ({"init_from": "no/such/run"}, "--init_from must name"),
        (
            {
                "backbone_weights": __file__,
                "teacher_backbone": "cifar_resnet20",
                "teacher_weights": "no/such.npz",
                "distillation": 0.5,
            },
            "--teacher_weights must name",
        ),
        ({"unit": UnitConfig(codec="gif")}, "Unknown codec"),
        ({"strategy": "multiworker"}, "TF_CONFIG"),
    ],
)
def test_bad_names_fail_before_any_data_is_read(
    tiny_config, replace, monkeypatch, changes, message
):
    def refuse(*_):
        raise AssertionError("data was read")

    monkeypatch.setattr(runner, "load_data", refuse)
    with pytest.raises(ValueError, match=message):
        training.run(replace(tiny_config, **changes))


def test_a_finished_run_is_not_trained_again(finished, monkeypatch):
    _check_not_trained(*finished, monkeypatch)


def test_a_finished_run_of_a_learned_unit_is_not_trained_again(
    finished_learned, monkeypatch
):
    _check_not_trained(*finished_learned, monkeypatch)


def _check_not_trained(config, report, monkeypatch):
    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(loop_module.Loop, "run", refuse)
    monkeypatch.setattr(runner, "start_unit", refuse)
    assert training.run(config) == report


def test_a_work_directory_of_other_flags_is_refused(finished, replace):
    config, _ = finished
    with pytest.raises(ValueError, match="--epochs=2 there, --epochs=1 here"):
        training.run(replace(config, epochs=1))


def test_frozen_mode_changes_the_unit_alone(tiny_config, replace, baseline):
    _train(replace(tiny_config, mode="frozen", backbone_weights=baseline))
    model = load_model(tiny_config.workdir)
    trained = model.prefix.get_weights() + model.suffix.get_weights()
    for before, after in zip(_weights(baseline), trained, strict=True):
        np.testing.assert_array_equal(after, before)


def test_a_frozen_networks_unit_begins_at_the_features_scale(
    tiny_config, replace, baseline
):
    config = replace(
        tiny_config, mode="frozen", backbone_weights=baseline, epochs=0,
        warmup_epochs=0.0,
    )  # fmt: skip
    _train(config)
    model = load_model(tiny_config.workdir)
    images, _ = next(
        iter(load_data(config).train_batches(24, epoch=0, augment=False))
    )
    feature = np.asarray(model.prefix(np.float32(images)))
    norm = model.unit.restoration[-1].norm
    np.testing.assert_allclose(norm.beta, feature.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(norm.gamma, feature.std((0, 1, 2)), rtol=1e-4)


@pytest.mark.slow
def test_naive_mode_trains_without_the_codec(tiny_config, replace, monkeypatch):
    def refuse(*_):
        raise AssertionError("the codec ran in training")

    from bottlenet_tf.training.step import Stepper

    build = Stepper.__init__

    def without(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.with_codec = refuse

    monkeypatch.setattr(Stepper, "__init__", without)
    _train(replace(tiny_config, mode="naive"))
    # It is there all the same, for what the network is measured with.
    model = load_model(tiny_config.workdir)
    codec = model.unit.codec
    images, _ = next(iter(load_data(tiny_config).validation.batches(8)))
    codes, planes = [], type(codec).call
    with monkeypatch.context() as patch:
        patch.setattr(
            type(codec),
            "call",
            lambda self, x, *args: codes.append(x) or planes(self, x, *args),
        )
        model(np.float32(images))
        assert len(codes) == 1
        model(np.float32(images), use_codec=False)
        assert len(codes) == 1
    noise = np.random.default_rng(0).uniform(0, 255, codes[0].shape)
    decoded, _ = codec(np.float32(np.round(noise)))
    assert np.any(np.asarray(decoded) != np.round(noise))


def test_distillation_trains_towards_the_unsplit_network(
    tiny_config, replace, baseline
):
    config = replace(tiny_config, distillation=1.0, backbone_weights=baseline)
    _train(config)
    losses = [float(row["task_loss"]) for row in _rows(config)]
    # KL from the teacher, not cross entropy: the log of ten classes is 2.3.
    assert 0 <= losses[-1] < 1.0


def test_a_diverged_loss_names_its_step(tiny_config, replace):
    config = replace(tiny_config, learning_rate=1e30, warmup_epochs=0.0)
    with pytest.raises(loop_module.TrainingDiverged, match="at step [1-6]"):
        _train(config)


@pytest.mark.slow
def test_a_byte_budget_is_steered_towards(tiny_config, replace):
    # A learned range: with one for each image, smaller features would be
    # stretched to the same codes again.
    unit = replace(
        tiny_config.unit, quantizer="learned", activation="linear", quality=95
    )
    config = replace(tiny_config, unit=unit, epochs=4)
    tight = replace(config, byte_budget=20.0, workdir=config.workdir + "_tight")
    ample = replace(config, byte_budget=1e4, workdir=config.workdir + "_ample")
    _train(tight)
    _train(ample)
    tight, ample = _rows(tight)[-1], _rows(ample)[-1]
    # The rate's weight starts at 0.05.
    assert float(tight["rate_weight"]) > 0.1
    assert float(ample["rate_weight"]) < 0.02
    # Of the training batches: eight images settle no statistics for others.
    assert float(tight["image_data_bytes"]) < float(ample["image_data_bytes"])


def test_annealing_ends_at_the_final_quality(finished):
    config, _ = finished
    assert config.quality_start > config.unit.quality
    assert int(load_model(config.workdir).unit.codec.quality) == 50


@pytest.mark.slow
@pytest.mark.parametrize("run", ["finished", "mixed"])
def test_init_from_starts_with_the_other_runs_weights(
    tiny_config, replace, request, run
):
    other, _ = request.getfixturevalue(run)
    config = replace(
        tiny_config, backbone=other.backbone, init_from=other.workdir, epochs=0
    )
    _train(config)
    for before, after in zip(
        _weights(other.workdir), _weights(config.workdir), strict=True
    ):
        np.testing.assert_array_equal(after, before)


def test_init_from_another_architecture_is_refused(
    tiny_config, replace, finished
):
    other, _ = finished
    unit = replace(other.unit, channels=3)
    with pytest.raises(ValueError, match="shapes differ"):
        training.run(replace(tiny_config, init_from=other.workdir, unit=unit))
