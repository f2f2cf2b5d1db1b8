"""Tests of what a run trains: which parts of it draw random numbers."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.training import network as network_module
from bottlenet_tf.training.network import (
    build_network,
    load_model,
    match_feature,
)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 32, 32, 3)).astype("float32")


def build(noisy_backbone, **changes):
    keras.utils.set_random_seed(0)
    config = TrainConfig(
        backbone=noisy_backbone,
        split="cut",
        unit=UnitConfig(channels=3, stride=1, codec="raw"),
        **changes,
    )
    return build_network(config, 32, 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "frozen"},
        {"mode": "aware", "freeze_prefix": True},
        {"mode": "aware"},
        {"mode": "naive"},
        {"mode": "naive", "freeze_prefix": True},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_the_teacher_is_the_untouched_network_in_inference(
    noisy_backbone, images, changes
):
    network = build(noisy_backbone, distillation=0.5, **changes)
    answer = network.untouched(images, training=False)
    for _ in range(2):
        feature = network.model.transmit(images, training=True).feature
        logits = network.teacher(images, feature)
        # Cut in two, sums may run in another order.
        np.testing.assert_allclose(logits, answer, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["frozen", "cloud"])
def test_another_teacher_answers_in_the_unsplit_network_s_place(
    noisy_backbone, sure_backbone, images, mode
):
    options = {}
    if mode == "cloud":
        options = dict(image_codec="jpeg", image_quality=50)
    network = build(
        noisy_backbone,
        mode=mode,
        distillation=0.5,
        teacher_backbone=sure_backbone,
        **options,
    )
    wanted = keras.saving.load_model(sure_backbone)(images)
    np.testing.assert_allclose(
        network.teacher(images, None), wanted, rtol=1e-5, atol=1e-5
    )
    assert np.abs(network.untouched(images) - wanted).max() > 0.1


def test_a_network_of_another_version_says_so(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(
        tmp_path / "whole.keras"
    )
    path = tmp_path / "model.keras"
    with (
        zipfile.ZipFile(tmp_path / "whole.keras") as whole,
        zipfile.ZipFile(path, "w") as changed,
    ):
        for name in whole.namelist():
            content = whole.read(name).replace(b'"units": 2', b'"units": 4')
            changed.writestr(name, content)
    with pytest.raises(ValueError, match="this version.*Retrain it"):
        load_model(tmp_path)


def test_a_teacher_is_not_trained(noisy_backbone, sure_backbone, monkeypatch):
    made = []
    create = network_module.backbones.create

    def remember(name, **options):
        made.append(create(name, **options))
        return made[-1]

    monkeypatch.setattr(network_module.backbones, "create", remember)
    network = build(
        noisy_backbone,
        mode="frozen",
        distillation=0.5,
        teacher_backbone=sure_backbone,
    )
    (teacher,) = [b.model for b in made if b.name == sure_backbone]
    assert not teacher.trainable_variables
    ours = {id(variable) for variable in network.model.variables}
    assert not ours & {id(variable) for variable in teacher.variables}


def test_a_frozen_prefix_of_another_run_is_not_the_teachers(
    noisy_backbone, images, tmp_path
):
    other = build(noisy_backbone, mode="aware").model
    for weight in other.prefix.trainable_weights:
        weight.assign(weight + 0.1)
    other.save(tmp_path / "model.keras")
    network = build(
        noisy_backbone,
        mode="frozen",
        init_from=str(tmp_path),
        distillation=0.5,
    )
    feature = network.model.transmit(images, training=True).feature
    answer = network.untouched(images, training=False)
    assert np.abs(network.model.suffix(feature) - answer).max() > 1e-3
    logits = network.teacher(images, feature)
    np.testing.assert_allclose(logits, answer, rtol=1e-5, atol=1e-6)


def test_a_frozen_run_gives_the_same_twice(noisy_backbone, images):
    model = build(noisy_backbone, mode="frozen").model
    # Only batch norms of the unit move, and not between these two.
    model.unit.trainable = False
    once, twice = (model.transmit(images, training=True) for _ in range(2))
    for name in ("feature", "restored", "logits"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))


def test_the_baseline_trains_with_dropout_and_answers_without(
    noisy_backbone, images
):
    model = build(noisy_backbone, mode="baseline").model
    once, twice = (model(images, training=True) for _ in range(2))
    assert np.any(np.asarray(once) != np.asarray(twice))
    once, twice = (model(images, training=False) for _ in range(2))
    np.testing.assert_array_equal(once, twice)


def test_a_unit_is_matched_to_the_feature_of_inference(noisy_backbone, images):
    network = build(noisy_backbone, mode="frozen")

    class Data:
        def train_batches(self, *_, **__):
            return tf.data.Dataset.from_tensors((images, np.zeros(6)))

        @property
        def train(self):
            return self

        def guard(self, batches):
            return batches

    match_feature(network.model, Data(), 6)
    feature = network.model.prefix(images, training=False).numpy()
    norm = network.model.unit.restoration[-1].norm
    np.testing.assert_allclose(norm.beta, feature.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(norm.gamma, feature.std((0, 1, 2)), rtol=1e-4)
