"""Runs of networks whose outputs are sigmoids: several labels, or one."""

import dataclasses

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones, evaluation, training
from bottlenet_tf.training import network as network_module
from bottlenet_tf.training.network import build_backbone, with_labels_for
from tests.eager import eagerly

layers = keras.layers
CLASSES = ("apple", "pear")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Folders of red and green images: class folders, and a table."""
    from PIL import Image

    root = tmp_path_factory.mktemp("photos")
    lines = ["file,red,green"]
    for i in range(24):
        pixels = np.zeros((32, 32, 3), np.uint8)
        pixels[..., 0] = 200 * (i % 2)
        pixels[..., 1] = 200 * (i // 2 % 2) if i % 4 else 0
        pixels[i % 8] = 40 + i
        names = (f"table/{i:02}.png", f"folders/{CLASSES[i % 2]}/{i:02}.png")
        for path in map(root.joinpath, names):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        labels = (pixels[-1, 0, :2] > 0).astype(int)
        lines.append(f"{i:02}.png,{labels[0]},{labels[1]}")
    (root / "table" / "labels.csv").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="module")
def network(photos):
    """A function that saves a network that knows red and green, or red."""

    def save(outputs, activation="sigmoid"):
        image = keras.Input((32, 32, 3))
        x = layers.Rescaling(1 / 255)(image)
        x = layers.Conv2D(3, 1, 2, name="cut", use_bias=False)(x)
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Dense(outputs, activation=activation)(x)
        model = keras.Model(image, x)
        weights = 20 * np.eye(3)[:, :outputs], np.full(outputs, -6.0)
        model.set_weights([np.eye(3)[None, None], *weights])
        path = str(photos / f"{activation}{outputs}.keras")
        model.save(path)
        return path

    return save


@pytest.fixture
def config(tiny_config, photos):
    """A function that returns the `TrainConfig` of a folder and a network."""

    def make(folder, backbone):
        data = dataclasses.replace(
            tiny_config.data, dataset=str(photos / folder), image_size=32
        )
        return dataclasses.replace(
            tiny_config, mode="frozen", backbone=backbone, data=data,
            batch_size=8, epochs=1, max_steps=1, distillation=0.5,
            sweep_qualities=(50,), measure_on="validation",
        )  # fmt: skip

    return make


def opened(config):
    """Returns the network and the data set as a run has them."""
    dataset = training.load_data(config)
    backbone = build_backbone(config, 32, dataset.num_classes)
    dataset = with_labels_for(backbone.output, dataset, config)
    return backbone.model, dataset


def test_a_table_trains_and_measures_several_labels(config, network, capsys):
    config = config("table", network(2))
    with eagerly():
        report = training.run(config)
    assert "any number of labels per image" in capsys.readouterr().out
    assert report["output"] == "sigmoid"
    assert report["baseline_accuracy"] == 100
    assert report["baseline_mean_average_precision"] == 100
    assert 0 <= report["accuracy"] <= 100
    assert 0 < report["mean_average_precision"] <= 100
    # Each label takes a bit.
    assert report["label_only"]["bits"] == 2
    assert "Mean average precision" in evaluation.markdown_table([report])


def test_one_sigmoid_tells_two_folders_apart(config, network):
    # Odd images are red, and pears.
    model, dataset = opened(config("folders", network(1)))
    assert dataset.task.output == "softmax"
    assert evaluation.network_accuracy(model, dataset.train) == 100


def test_class_folders_are_one_label_to_sigmoids(config, network):
    model, dataset = opened(config("folders", network(2)))
    assert dataset.task.output == "sigmoid"
    # Red ones are pears, the second class, and not the first output's.
    assert evaluation.network_accuracy(model, dataset.train) < 100


@pytest.mark.parametrize(
    "folder, activation, message",
    [
        ("table", "softmax", "ends in a softmax"),
        ("folders", "tanh", "ends in tanh.*--output"),
    ],
)
def test_other_endings_are_refused(
    config, network, folder, activation, message
):
    with pytest.raises(ValueError, match=message):
        opened(config(folder, network(2, activation)))


def test_weights_of_a_run_bring_its_outputs(config, network, monkeypatch):
    told = {"output": "sigmoid"}
    monkeypatch.setattr(network_module, "load_report", lambda run: told)
    backbone = backbones.Backbone("any", None, ())
    assert network_module._as_run(backbone, "run").output == "sigmoid"
