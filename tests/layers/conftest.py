"""Fixtures of the layers' tests."""

import keras
import numpy as np
import pytest


@pytest.fixture
def revive(tmp_path):
    """Returns a function that puts a layer through a .keras file.

    Called with a layer and an input, it yields `(model, loaded model)` of
    that one layer.
    """

    def through_file(layer, x):
        inputs = keras.Input(x.shape[1:])
        model = keras.Model(inputs, layer(inputs))
        model.save(tmp_path / "model.keras")
        return model, keras.saving.load_model(tmp_path / "model.keras")

    return through_file


@pytest.fixture
def rng():
    return np.random.default_rng(0)
