"""Whether a network that comes trained knows more than guessing."""

import dataclasses

import keras
import numpy as np
import pytest

from bottlenet_tf import data
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.training.chance import check_above_chance
from bottlenet_tf.training.network import Network


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", image_size=32)


@pytest.fixture(scope="module")
def guessing():
    """It says the same of any image."""
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(10, kernel_initializer="zeros"),
        ]
    )
    return Network(network, network, None, None)


@pytest.fixture(scope="module")
def knowing(guessing, digits):
    """The same, fitted to the images that validate."""
    part = digits.development
    images, labels = next(iter(part.batches(len(part))))
    network = keras.models.clone_model(guessing.model)
    pixels = np.asarray(keras.Model(network.inputs, network.layers[-2].output)(
        np.asarray(images, np.float32)
    ))  # fmt: skip
    pixels = np.hstack([pixels, np.ones((len(pixels), 1))])
    targets = np.eye(10)[np.asarray(labels)]
    weights = np.linalg.lstsq(pixels, targets, rcond=1e-6)[0]
    network.layers[-1].set_weights([weights[:-1], weights[-1]])
    return Network(network, network, None, None)


def test_a_network_that_guesses_is_refused(learned_run, guessing, digits):
    with pytest.raises(ValueError, match="--preprocessing.*by_guessing='10"):
        check_above_chance(learned_run, guessing, digits)


def test_it_goes_on_if_chance_is_allowed(learned_run, guessing, digits, capsys):
    config = dataclasses.replace(learned_run, allow_chance=True)
    check_above_chance(config, guessing, digits)
    assert "Without a split the network classifies" in capsys.readouterr().out


def test_one_that_knows_goes_on(learned_run, knowing, digits, capsys):
    check_above_chance(learned_run, knowing, digits)
    assert "validation images correctly" in capsys.readouterr().out


def test_one_without_weights_has_nothing_to_tell(knowing, digits, capsys):
    config = TrainConfig(mode="baseline", backbone="cifar_resnet20")
    network = Network(knowing.model, None, None, None)
    check_above_chance(config, network, digits)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("mode", "scale", "offset"), [("unit", 255.0, 0.0), ("signed", 127.5, 1.0)]
)
def test_a_file_that_takes_scaled_images_names_the_flag(
    learned_run, knowing, digits, mode, scale, offset
):
    # Behind a clip to what it was trained on, 0..255 is nearly all white.
    low, high = -offset, 255 / scale - offset
    image = keras.Input((32, 32, 3))
    pixels = scale * (keras.ops.clip(image, low, high) + offset)
    network = keras.Model(image, knowing.model(pixels))
    scaled = Network(network, network, None, None)
    config = dataclasses.replace(
        learned_run, backbone="any.keras", allow_chance=True
    )
    with pytest.raises(ValueError, match=f"--preprocessing={mode}"):
        check_above_chance(config, scaled, digits)
    told = dataclasses.replace(config, preprocessing="none")
    check_above_chance(told, scaled, digits)


def test_a_file_that_takes_raw_images_goes_on(learned_run, knowing, digits):
    config = dataclasses.replace(learned_run, backbone="any.keras")
    check_above_chance(config, knowing, digits)


@pytest.mark.parametrize("new_head", [False, True])
def test_one_that_goes_on_learning_tells_and_goes_on(
    new_head, guessing, digits, capsys
):
    config = TrainConfig(mode="baseline", backbone="a.keras", new_head=new_head)
    network = Network(guessing.model, None, None, None)
    check_above_chance(config, network, digits)
    told = "Without a split the network classifies" in capsys.readouterr().out
    assert told == (not new_head)
