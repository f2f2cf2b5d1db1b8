"""A split that the user's own Keras code trains, saves and exports."""

import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import bottlenet_tf
from bottlenet_tf import export
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "python.md"
UNITS = {
    "learned": {
        "patch": 2, "patch_channels": 8, "coefficients": 96, "mixed": 60,
        "mixed_to": 40, "synthesis_width": 8, "num_points": 5,
    },
    "bottlenet": {"channels": 2, "quality": 50},
    "datta": {"channels": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module", params=UNITS)
def trained(request, sure_backbone, images):
    """A split of each kind after two steps of `fit`, and its history."""
    network = keras.models.load_model(sure_backbone)
    model = bottlenet_tf.split(
        network, "cut", unit=request.param, **UNITS[request.param]
    )
    if request.param == "learned":
        model.fit_closed_form(images)
    before = model.prefix.get_weights()
    model.compile(
        keras.optimizers.SGD(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    labels = np.arange(64) % 10
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(32)
    history = model.fit(data, verbose=0).history
    for old, new in zip(before, model.prefix.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return model, history


def test_bytes_and_accuracy_are_metrics_and_the_rate_is_in_the_loss(trained):
    model, history = trained
    assert {"loss", "bytes", "accuracy"} <= set(history)
    assert history["bytes"][0] > 0


def test_a_heavier_rate_is_a_larger_loss(sure_backbone, images):
    network = keras.models.load_model(sure_backbone)
    found = []
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = bottlenet_tf.split(
            network, "cut", "bottlenet", weight, **UNITS["bottlenet"]
        )
        model(images[:8], training=True)
        found.append(float(sum(model.losses)))
    size = float(model.bytes.result())
    assert found[0] == 0
    assert found[1] == pytest.approx(size / 100, rel=1e-4)


def test_it_is_saved_and_loaded_as_a_keras_file(trained, images, tmp_path):
    model, _ = trained
    model.save(tmp_path / "split.keras")
    loaded = keras.models.load_model(tmp_path / "split.keras")
    assert loaded.about == model.about
    np.testing.assert_allclose(
        loaded.predict(images[:8], verbose=0),
        model.predict(images[:8], verbose=0),
        atol=1e-5,
    )


def test_frozen_it_has_tables(trained, images):
    model, _ = trained
    if model.about["settings"]["kind"] == "bottlenet":
        with pytest.raises(ValueError, match="freeze is for units with tables"):
            model.freeze(images)
    else:
        assert model.freeze(images).unit.byte_codec is not None


def test_what_does_not_fit_is_refused(sure_backbone, images):
    network = keras.models.load_model(sure_backbone)
    with pytest.raises(ValueError, match="`unit` must be one of.*'jpeg'"):
        bottlenet_tf.split(network, "cut", unit="jpeg")
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        bottlenet_tf.other  # noqa: B018
    model = bottlenet_tf.split(network, "cut", "datta", channels=2)
    with pytest.raises(ValueError, match="fit_closed_form is for"):
        model.fit_closed_form(images)
    with pytest.raises(ValueError, match="must be uint8"):
        model.freeze(images.astype("float32"))


@pytest.mark.slow
def test_the_page_s_example_runs_and_its_run_is_exported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["report"]["accuracy"] > 60
    config = ExportConfig(
        workdir=("runs/mine",), out="deploy", parity_images=20, litert=()
    )
    export.run(config)
    payload = Head.load("deploy").encode(names["images"][0])
    assert Tail.load("deploy").predict([payload]).shape == (1, 10)


def test_sigmoids_are_refused_by_name():
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="cut")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(3, "sigmoid")(x))
    with pytest.raises(ValueError, match="one class per.*ends_in='sigmoid'"):
        bottlenet_tf.split(model, "cut")
