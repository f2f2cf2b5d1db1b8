"""Tests of how a network's file ends."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from bottlenet_tf import backbones

X = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype("float32")


def load(finish, folder, num_classes=4):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="conv")(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, finish(layers.GlobalAveragePooling2D()(x)))
    path = folder / "m.keras"
    model.save(path)
    return model, backbones.create(
        str(path), image_size=8, num_classes=num_classes
    )


ENDINGS = {
    "dense": lambda x: layers.Dense(4, activation="sigmoid")(x),
    "activation": lambda x: layers.Activation("sigmoid")(layers.Dense(4)(x)),
    "op": lambda x: ops.sigmoid(layers.Dense(4)(x)),
    "function": lambda x: keras.activations.sigmoid(layers.Dense(4)(x)),
    "passive": lambda x: layers.Activation("linear", dtype="float32")(
        layers.Dropout(0.5)(layers.Dense(4, activation="sigmoid")(x))
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_final_sigmoids_become_logits_of_the_same_probabilities(
    ending, tmp_path
):
    model, backbone = load(ENDINGS[ending], tmp_path)
    assert backbone.output == "sigmoid"
    # 1e-6 is float32 rounding.
    np.testing.assert_allclose(
        ops.sigmoid(backbone.model(X)), model(X), atol=1e-6
    )


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_single_output_tells_two_classes_apart(activation, tmp_path):
    model, backbone = load(
        layers.Dense(1, activation=activation), tmp_path, num_classes=2
    )
    assert backbone.output == "binary"
    wanted = model(X) if activation else ops.sigmoid(model(X))
    shares = ops.softmax(backbone.model(X))
    # 1e-6 is float32 rounding.
    np.testing.assert_allclose(shares[:, 1:], wanted, atol=1e-6)


@pytest.mark.parametrize("activation", ["softmax", "hard_sigmoid", "relu"])
def test_a_single_output_of_another_ending_is_refused(activation, tmp_path):
    wanted = f"single output.*Received.*{activation.replace('_', '')}"
    with pytest.raises(ValueError, match=wanted):
        load(layers.Dense(1, activation=activation), tmp_path, num_classes=2)


@pytest.mark.parametrize(
    ("finish", "output"),
    [
        (lambda x: layers.Dense(4, activation="tanh")(x), "tanh"),
        (lambda x: layers.ReLU()(layers.Dense(4)(x)), "relu"),
        (lambda x: ops.log_softmax(layers.Dense(4)(x)), "softmax"),
        (lambda x: layers.Dense(4)(x), "logits"),
    ],
)
def test_what_stays_is_named(finish, output, tmp_path):
    model, backbone = load(finish, tmp_path)
    assert backbone.output == output
    np.testing.assert_allclose(backbone.model(X), model(X), rtol=1e-5)


def test_a_sigmoid_that_is_used_twice_cannot_be_removed(tmp_path):
    activation = layers.Activation("sigmoid")
    with pytest.raises(ValueError, match="final sigmoid must be removable"):
        load(lambda x: activation(layers.Dense(4)(activation(x))), tmp_path)


def test_two_classes_of_one_output_survive_saving(tmp_path):
    _, backbone = load(layers.Dense(1), tmp_path, num_classes=2)
    backbone.model.save(tmp_path / "again.keras")
    again = keras.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(X), backbone.model(X))
    # It has no weight that a file could freeze.
    assert not again.non_trainable_weights
