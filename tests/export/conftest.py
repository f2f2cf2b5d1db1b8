"""Split networks to export, and two finished runs."""

import dataclasses

import keras
import pytest

from bottlenet_tf import backbones, training
from bottlenet_tf.config import DataConfig, TrainConfig, UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet


def make_network(seed=0, split="RB3", **unit):
    """Returns a small residual network with a unit, not trained."""
    keras.utils.set_random_seed(seed)
    backbone = backbones.create("cifar_resnet20", image_size=24, num_classes=7)
    unit = {"channels": 3, "quality": 60, **unit}
    return build_bottlenet(backbone, split, UnitConfig(**unit))


@pytest.fixture(scope="session")
def network():
    """One that sends its range; 12x12 codes of 3 channels."""
    return make_network()


@pytest.fixture(scope="session")
def learned_network():
    """One with a learned range, of either sign; 6 bits, stride 1."""
    return make_network(
        quantizer="learned", activation="linear", bits=6, stride=1
    )


@pytest.fixture(scope="session")
def sweep(tiny_backbone, tmp_path_factory):
    """A folder of two finished runs, `range` and `learned`, of digits."""
    root = tmp_path_factory.mktemp("sweep")
    first = TrainConfig(
        workdir=str(root / "range"),
        backbone=tiny_backbone,
        split="cut",
        unit=UnitConfig(channels=2, quality=80),
        data=DataConfig(max_train=40, max_test=40),
        epochs=1,
        batch_size=8,
        learning_rate=0.01,
        sweep_qualities=(10, 90),
    )
    training.run(first)
    training.run(
        dataclasses.replace(
            first,
            workdir=str(root / "learned"),
            unit=dataclasses.replace(first.unit, quantizer="learned"),
        )
    )
    return root
