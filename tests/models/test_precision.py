"""Tests of what is deployed of a network trained in half precision."""

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.models.precision import dtype_policy, in_float32


def make_network(policy="float32"):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    with dtype_policy(policy):
        image = keras.Input((16, 16, 3))
        x = layers.Conv2D(4, 3, 2)(layers.Rescaling(1 / 255)(image))
        x = layers.ReLU(name="cut")(layers.BatchNormalization()(x))
        x = layers.Dense(7)(layers.GlobalAveragePooling2D()(x))
        backbone = backbones.Backbone("tiny", keras.Model(image, x), ())
        return build_bottlenet(backbone, "cut", UnitConfig(channels=3))


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture
def images():
    return np.random.RandomState(0).randint(0, 256, (2, 16, 16, 3))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_left_behind(network, images, policy):
    mixed = make_network(policy)
    mixed.set_weights(network.get_weights())
    wanted = network(images)
    assert np.abs(mixed(images) - wanted).max() > 1e-5
    deployed = in_float32(mixed)
    np.testing.assert_array_equal(deployed(images), wanted)
    assert evaluation.unit_id(deployed) == evaluation.unit_id(network)


def test_it_is_left_behind_under_any_global_policy(network, images):
    mixed = make_network("mixed_bfloat16")
    mixed.set_weights(network.get_weights())
    with dtype_policy("mixed_bfloat16"):
        deployed = in_float32(mixed)
    np.testing.assert_array_equal(
        deployed(images.astype("float32")), network(images)
    )


def test_what_is_frozen_stays_frozen(images):
    mixed = make_network("mixed_bfloat16")
    mixed.prefix.trainable = False
    deployed = in_float32(mixed)
    assert not deployed.prefix.trainable_weights
    assert deployed.suffix.trainable_weights


def test_a_float32_network_is_left_alone(network):
    assert in_float32(network) is network


def test_the_policy_is_put_back_after_an_error():
    with pytest.raises(OSError), dtype_policy("mixed_bfloat16"):
        raise OSError
    assert keras.config.dtype_policy().name == "float32"
