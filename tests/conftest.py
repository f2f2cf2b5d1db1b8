"""A network and a run small enough to train in seconds."""

import dataclasses

import keras
import pytest

from bottlenet_tf.config import DataConfig, TrainConfig, UnitConfig


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory):
    """Path of a two-layer network, 16x16 feature of 4 channels at "cut"."""
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, 2, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="cut")(x)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(10, name="logits")(x)
    path = tmp_path_factory.mktemp("backbone") / "tiny.keras"
    keras.Model(image, logits, name="tiny").save(path)
    return str(path)


@pytest.fixture
def tiny_config(tiny_backbone, tmp_path):
    """A run of 2 epochs with 3 steps each on 24 digits."""
    return TrainConfig(
        workdir=str(tmp_path / "runs" / "run"),
        backbone=tiny_backbone,
        split="cut",
        unit=UnitConfig(channels=2, quality=50),
        data=DataConfig(max_train=24, max_test=16),
        epochs=2,
        batch_size=8,
        learning_rate=0.01,
        sweep_qualities=(10, 90),
    )


@pytest.fixture
def replace():
    """`dataclasses.replace`, under a short name."""
    return dataclasses.replace
