"""A learned unit on its way through training."""

import dataclasses

import keras
import pytest

from bottlenet_tf.training.network import build_network
from bottlenet_tf.training.runner import load_data
from bottlenet_tf.training.statistics import first_features
from bottlenet_tf.training.unit_start import start_unit
from tests.eager import eagerly


@pytest.fixture(scope="session")
def digits(learned_run):
    """The data set of `learned_run`."""
    return load_data(learned_run)


@pytest.fixture(scope="session")
def start_afresh(learned_run, digits):
    """A function from changes to `(config, Network)`, its unit started."""

    def start(**changes):
        config = dataclasses.replace(learned_run, **changes)
        network = _build(config)
        with eagerly():
            start_unit(network.model, digits, config)
        return config, network

    return start


@pytest.fixture(scope="session")
def started(start_afresh):
    """A started `Network`; not to be changed."""
    return start_afresh()[1]


@pytest.fixture(scope="session")
def start_learned(learned_run, started):
    """As `start_afresh`, for changes that leave the start as it is."""

    def start(**changes):
        config = dataclasses.replace(learned_run, **changes)
        network = _build(config)
        network.model.unit.set_weights(started.model.unit.get_weights())
        return config, network

    return start


def _build(config):
    keras.utils.set_random_seed(0)
    return build_network(config, 32, 10)


@pytest.fixture(scope="session")
def features(started, digits):
    """What a unit starts from: features of the training images, augmented."""
    with eagerly():
        return first_features(started.model, digits, 96)
