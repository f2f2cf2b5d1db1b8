"""A finished run as the export opens it, and what it refuses."""

import json
import shutil

import keras
import pytest

from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.training import load_model


@pytest.fixture
def run(sweep, tmp_path):
    """A finished run of the test's own."""
    return shutil.copytree(sweep / "range", tmp_path / "run")


def test_a_run_is_loaded_with_its_data(sweep):
    run = load_run(sweep / "range")
    assert (run.name, len(run.dataset.validation)) == ("range", 40)
    assert run.report["accuracy"] is not None


def test_a_damaged_model_is_refused(run):
    file = run / "model.keras"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match="(?s)could not be loaded.*run"):
        load_run(run)


def test_another_runs_model_is_refused(sweep, run):
    shutil.copy(sweep / "learned" / "model.keras", run)
    with pytest.raises(ValueError, match="quantizer.* in config.json"):
        load_run(run)


def test_another_training_of_the_same_network_is_refused(run):
    model = load_model(run)
    model.suffix.trainable_weights[0].assign_add(
        keras.ops.ones_like(model.suffix.trainable_weights[0])
    )
    model.save(run / "model.keras")
    with pytest.raises(ValueError, match="unit_id: .* in report.json"):
        load_run(run)


def test_a_report_without_identity_is_refused(run):
    report = json.loads((run / "report.json").read_text())
    del report["unit_id"]
    (run / "report.json").write_text(json.dumps(report))
    with pytest.raises(ValueError, match="unit_id: None in report.json"):
        load_run(run)


def test_a_run_outlives_another_default(finished_learned, tmp_path):
    # The sizes that it was trained with are no longer those of today.
    run = shutil.copytree(finished_learned[0].workdir, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    built = load_model(run).unit.get_config()["mixed_to"]
    for size in ("patch_channels", "mixed", "mixed_to"):
        config["unit"][size] = None
    (run / "config.json").write_text(json.dumps(config))
    assert load_run(run).model.unit.get_config()["mixed_to"] == built
    config["unit"]["mixed_to"] = built - 1
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"mixed_to: {built - 1} in config"):
        load_run(run)


def test_a_run_outlives_its_backbones_file(run):
    config = json.loads((run / "config.json").read_text())
    config["backbone"] = "moved.keras"
    (run / "config.json").write_text(json.dumps(config))
    assert load_run(run).name == "run"


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"mode": "aware", "spl', "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b'{"splitt": "RB1"}', "Unknown fields for TrainConfig.*splitt"),
        (b'{"epochs": "many"}', "epochs"),
    ],
)
def test_a_damaged_configuration_names_its_file(run, content, message):
    (run / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s){message}.*run/config.json"):
        load_run(run)
