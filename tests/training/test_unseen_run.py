"""A network of more outputs than classes, and classes that stay unseen."""

import dataclasses
import pathlib

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones, evaluation, export, training
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.config.run import DataConfig
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.training import load_data, load_model, provenance
from bottlenet_tf.training.network import build_backbone
from tests.eager import eagerly

# Of the digits 0 to 9.
OUTPUTS = (11, 3, 0, 4, 5, 6, 7, 8, 9, 10)
UNSEEN = ("3", "7")


@pytest.fixture(scope="module")
def config(learned_run, tmp_path_factory):
    """A run on the digits whose network has 12 outputs, in a folder."""
    folder = tmp_path_factory.mktemp("unseen")
    given = keras.saving.load_model(learned_run.backbone)
    keras.utils.set_random_seed(1)
    spread = keras.initializers.RandomNormal(stddev=2.0)
    logits = keras.layers.Dense(12, kernel_initializer=spread, name="twelve")
    feature = given.layers[-1].input
    keras.Model(given.input, logits(feature)).save(folder / "net.keras")
    return dataclasses.replace(
        learned_run,
        backbone=str(folder / "net.keras"),
        workdir=str(folder / "run"),
        data=DataConfig(
            max_train=96,
            max_validation=24,
            max_test=40,
            class_indices=OUTPUTS,
            num_outputs=12,
            unseen_classes=UNSEEN,
        ),
    )


@pytest.fixture(scope="module")
def report(config):
    """The report of the finished run."""
    with eagerly():
        return training.run(config)


def test_the_network_keeps_all_its_outputs(config, report):
    assert load_model(config.workdir).suffix.output_shape == (None, 12)
    assert report["label_only"]["bits"] == 4  # To name one of 12.


def test_both_parts_have_a_curve_and_rivals_of_their_own(config, report):
    dataset, unseen = load_data(config), report["unseen"]
    assert (report["num_images"], unseen["num_images"]) == (32, 8)
    assert unseen["dataset_fingerprint"] == dataset.unseen.fingerprint
    assert report["dataset_fingerprint"] == dataset.test.fingerprint
    assert len(unseen["points"]) == len(report["points"]) == 5
    assert len(unseen["cloud_only"]) == len(report["cloud_only"]) > 0
    assert set(unseen["bytes_at_drop"]) == {"2", "1", "0.5"}


def test_unseen_figures_are_those_of_the_saved_network(config, report):
    dataset = load_data(config)
    curve = evaluation.evaluate_split(
        load_model(config.workdir), dataset.unseen
    )
    sizes = [point["wire_bytes_mean"] for point in report["unseen"]["points"]]
    assert sizes == [each.wire_bytes.mean() for each in curve.results]
    known = evaluation.network_accuracy(
        build_backbone(config, 32, 12).model, dataset.unseen
    )
    assert report["unseen"]["baseline_accuracy"] == known


def test_the_table_shows_the_unseen_classes_apart(report):
    text = evaluation.markdown_table([report])
    first, second = text.split("8 test images of classes that the unit never")
    assert "32 test images" in first
    assert "RB" not in first and second.count("learned unit:") == 1


def test_both_curves_have_a_picture(config, report):
    names = {path.name for path in pathlib.Path(config.workdir).iterdir()}
    assert {"rate_accuracy.png", "rate_accuracy_unseen.png"} <= names


def test_provenance_knows_outputs_and_unseen_classes(config, report):
    found = provenance.read(config.workdir)
    assert found.classes == (
        "2", "output 1", "output 2", "1", "3", "4", "5", "6", "7", "8", "9",
        "0",
    )  # fmt: skip
    assert found.unseen == UNSEEN


def test_a_unit_of_other_unseen_classes_is_not_started_from(config, report):
    data = dataclasses.replace(config.data, unseen_classes=("3", "8"))
    other = dataclasses.replace(
        config, data=data, init_from=config.workdir,
        workdir=config.workdir + "_other",
    )  # fmt: skip
    with pytest.raises(ValueError, match="unseen classes: '8' not unseen ther"):
        training.run(other)


def test_a_unit_that_saw_fewer_classes_may_be_started_from(config, report):
    data = dataclasses.replace(config.data, unseen_classes=("3",))
    other = dataclasses.replace(config, data=data, init_from=config.workdir)
    now = provenance.of(other, load_data(other))
    provenance.check_source("init_from", other, now)


@pytest.mark.slow
def test_an_export_names_the_outputs(config, report, tmp_path):
    out = tmp_path / "deploy"
    export.run(
        ExportConfig(
            workdir=(config.workdir,), out=str(out), parity_images=20, litert=()
        )
    )
    head, tail = Head.load(out), Tail.load(out)
    assert [tail.classes[output] for output in OUTPUTS] == [*"0123456789"]
    assert tail.classes[1] == "output 1"
    images, _ = next(iter(load_data(config).test.batches(8)))
    payloads = [head.encode(image) for image in images.numpy()]
    logits = evaluation.WirePath(load_model(config.workdir)).decode(payloads)
    np.testing.assert_allclose(tail.logits(payloads), logits, atol=1e-3)


def test_weights_of_another_number_of_outputs_are_refused(config, tmp_path):
    ten = backbones.create("cifar_resnet20", image_size=32, num_classes=10)
    ten.model.save_weights(tmp_path / "ten.weights.h5")
    other = dataclasses.replace(
        config, backbone="cifar_resnet20", split="RB1",
        backbone_weights=str(tmp_path / "ten.weights.h5"),
    )  # fmt: skip
    with pytest.raises(ValueError, match="num_outputs.*num_classes=12"):
        build_backbone(other, 32, 12)
