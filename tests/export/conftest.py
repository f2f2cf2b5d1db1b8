"""Split networks to export."""

import keras
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config import UnitConfig
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
