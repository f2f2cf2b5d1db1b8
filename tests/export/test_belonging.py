"""A model is exported only with the files that are about it."""

import dataclasses
import json
import shutil

import keras
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.training import load_model


@pytest.fixture
def run(sweep, tmp_path):
    """A finished run of the test's own."""
    return shutil.copytree(sweep / "range", tmp_path / "run")


@pytest.fixture
def old_run(run):
    """One whose report is from before it had an identity."""
    report = json.loads((run / "report.json").read_text())
    del report["unit_id"]
    (run / "report.json").write_text(json.dumps(report))
    return run


def _save_another_model(run, backbone=None, **changes):
    """Gives a run a new model, of its own configuration but for `changes`."""
    config = TrainConfig.from_json((run / "config.json").read_text())
    config = dataclasses.replace(config, **changes)
    backbone = backbones.create(
        backbone or config.backbone, image_size=32, num_classes=10
    )
    model = build_bottlenet(backbone, config.split, config.unit)
    model.save(run / "model.keras")


def test_another_runs_model_is_refused(sweep, tmp_path):
    shutil.copytree(sweep / "range", tmp_path / "run")
    shutil.copy(sweep / "learned" / "model.keras", tmp_path / "run")
    with pytest.raises(ValueError, match="quantizer"):
        load_run(tmp_path / "run")


def test_another_training_of_the_same_network_is_refused(run):
    model = load_model(run)
    model.suffix.trainable_weights[0].assign_add(
        keras.ops.ones_like(model.suffix.trainable_weights[0])
    )
    model.save(run / "model.keras")
    with pytest.raises(ValueError, match="unit_id: .* in report.json"):
        load_run(run)


def test_a_run_without_identity_is_loaded(old_run):
    assert load_run(old_run).name == "run"


def test_without_identity_another_cut_is_refused(old_run):
    # The same shapes and weights, but before the ReLU.
    _save_another_model(old_run, split="norm")
    with pytest.raises(ValueError, match="cut: ReLU.* in config.json"):
        load_run(old_run)


def test_without_identity_another_backbone_is_refused(
    old_run, tiny_backbone, tmp_path
):
    tiny = keras.saving.load_model(tiny_backbone)
    x = keras.layers.Dense(5)(tiny.get_layer("cut").output)
    x = keras.layers.GlobalAveragePooling2D()(x)
    path = tmp_path / "other.keras"
    keras.Model(tiny.input, keras.layers.Dense(10)(x)).save(path)
    _save_another_model(old_run, backbone=str(path))
    with pytest.raises(ValueError, match="weights after the cut: 50 in conf"):
        load_run(old_run)


def test_a_backbone_of_other_classes_is_another(old_run, tmp_path):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, 2, padding="same", name="cut")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    other = keras.Model(image, keras.layers.Dense(7)(x))
    other.save(tmp_path / "other.keras")
    backbone = backbones.create(
        str(tmp_path / "other.keras"), image_size=32, num_classes=7
    )
    config = TrainConfig.from_json((old_run / "config.json").read_text())
    build_bottlenet(backbone, "cut", config.unit).save(old_run / "model.keras")
    with pytest.raises(ValueError, match="of another run.*num_classes=7"):
        load_run(old_run)


def test_a_run_outlives_its_backbones_file(old_run):
    config = json.loads((old_run / "config.json").read_text())
    config["backbone"] = "moved.keras"
    (old_run / "config.json").write_text(json.dumps(config))
    assert load_run(old_run).name == "run"
