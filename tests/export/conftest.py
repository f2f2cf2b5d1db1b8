"""Split networks to export."""

import tempfile

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.layers import BottleneckUnit
from bottlenet_tf.models.bottlenet import BottleNet, build_bottlenet
from tests import learned_unit, point_unit


def make_network(seed=0, split="RB3", **unit):
    """Returns a small residual network with a unit, not trained."""
    keras.utils.set_random_seed(seed)
    backbone = backbones.create("cifar_resnet20", image_size=24, num_classes=7)
    unit = {"channels": 3, "quality": 60, **unit}
    several = isinstance(unit["quality"], list) and unit.pop("quality")
    model = build_bottlenet(backbone, split, UnitConfig(**unit))
    if several:  # A run has one.
        config = {
            **model.unit.get_config(),
            "codec_config": {"quality": several},
        }
        unit = BottleneckUnit.from_config(config)
        model = BottleNet(model.prefix, unit, model.suffix, name="bottlenet")
    return model


def make_keras_network():
    """Returns a network of what converters find hard, from a `.keras` file.

    An adapted `Normalization`, a scalar added right behind a convolution
    without bias, `Flatten`.
    """
    keras.utils.set_random_seed(0)
    layers = keras.layers
    scale = layers.Normalization()
    scale.adapt(np.random.RandomState(0).uniform(0, 255, (8, 24, 24, 3)))
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, 2, use_bias=False)(scale(image))
    x = layers.Activation("hard_silu", name="cut")(x)
    x = layers.Conv2D(5, 3, use_bias=False)(x)
    x = layers.ReLU(6.0)(x + 3.0) / 6.0  # MobileNetV3's hard sigmoid.
    x = layers.Dense(7)(layers.Flatten()(x))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/network.keras"
        keras.Model(image, x).save(path)
        backbone = backbones.create(path, image_size=24, num_classes=7)
    return build_bottlenet(backbone, "cut", UnitConfig(channels=3, quality=60))


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
def keras_network():
    """One whose layers compute with constants, hard swish and Flatten."""
    return make_keras_network()


@pytest.fixture(scope="session")
def several_network():
    """One of three qualities that sends its range."""
    return make_network(quality=[60, 10, 90])


_POINT_NETWORKS = {
    "plane": lambda: point_unit.point_network(False),
    "flat": lambda: point_unit.point_network(True),
    "learned": learned_unit.learned_network,
    "learned, tail told": lambda: learned_unit.learned_network(told=True),
}


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name == "flat" else [])
        for name in _POINT_NETWORKS
    ],
)
def point_network(request):
    """One whose halves take the point; codes of three axes, and of one."""
    return _POINT_NETWORKS[request.param]()
