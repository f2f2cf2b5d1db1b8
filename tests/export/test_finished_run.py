"""What is taken for a finished run, and what is not."""

import json
import shutil

import keras
import numpy as np
import pytest

from bottlenet_tf.export.finished_run import (
    find_runs,
    in_float32,
    load_run,
    model_name,
)
from tests.export.conftest import make_network


def test_a_sweep_is_its_runs_by_name(sweep):
    assert [p.name for p in find_runs([sweep])] == ["learned", "range"]


def test_a_baseline_in_a_sweep_is_passed_over(sweep, tmp_path):
    shutil.copytree(sweep / "range", tmp_path / "a")
    shutil.copytree(sweep / "range", tmp_path / "b")
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    report["mode"] = "baseline"
    (tmp_path / "a" / "report.json").write_text(json.dumps(report))
    assert [p.name for p in find_runs([tmp_path])] == ["b"]


@pytest.mark.parametrize("missing", ["model.keras", "report.json"])
def test_an_unfinished_run_is_refused(sweep, tmp_path, missing):
    shutil.copytree(sweep / "range", tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(ValueError, match="finished run.*Received.*run"):
        find_runs([tmp_path / "run"])


def test_runs_of_the_same_name_are_refused(sweep, tmp_path):
    shutil.copytree(sweep / "range", tmp_path / "range")
    with pytest.raises(ValueError, match="different folder names.*range"):
        find_runs([sweep / "range", tmp_path / "range"])


def test_a_run_is_loaded_with_few_test_images(sweep):
    run = load_run(sweep / "range", 20)
    assert (run.name, run.dataset.num_test) == ("range", 20)
    assert run.report["accuracy"] is not None


def test_another_runs_model_is_refused(sweep, tmp_path):
    shutil.copytree(sweep / "range", tmp_path / "run")
    shutil.copy(sweep / "learned" / "model.keras", tmp_path / "run")
    with pytest.raises(ValueError, match="quantizer"):
        load_run(tmp_path / "run", 20)


def test_a_damaged_model_is_refused(sweep, tmp_path):
    shutil.copytree(sweep / "range", tmp_path / "run")
    file = tmp_path / "run" / "model.keras"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match="(?s)could not be loaded.*run"):
        load_run(tmp_path / "run", 20)


def test_names_become_file_names():
    assert model_name("runs/my run/RB3 (final)") == "RB3_final_"


def test_mixed_precision_is_left_behind(network):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = make_network()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    mixed.set_weights(network.get_weights())
    images = np.random.RandomState(0).randint(0, 256, (2, 24, 24, 3))
    wanted = network(images)
    assert np.abs(mixed(images) - wanted).max() > 1e-5
    np.testing.assert_array_equal(in_float32(mixed)(images), wanted)


def test_a_float32_network_is_left_alone(network):
    assert in_float32(network) is network
