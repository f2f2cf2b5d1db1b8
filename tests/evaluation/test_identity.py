"""Tests of the identity that head and tail share."""

import keras
import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.evaluation import identity


def test_identity_is_deterministic_and_fits_32_bits(make_bottlenet):
    first = evaluation.unit_id(make_bottlenet(seed=1))
    assert first == evaluation.unit_id(make_bottlenet(seed=1))
    assert 0 <= first < 2**32


def test_another_training_of_the_same_network_differs(make_bottlenet):
    ids = {evaluation.unit_id(make_bottlenet(seed=s)) for s in range(4)}
    assert len(ids) == 4


def test_every_part_of_the_network_counts(make_bottlenet):
    model = make_bottlenet()
    ids = {evaluation.unit_id(model)}
    for part in (model.prefix, model.unit, model.suffix):
        weight = part.trainable_weights[0]
        weight.assign(weight + 1e-3)
        ids.add(evaluation.unit_id(model))
    assert len(ids) == 4


def test_codec_quality_counts(make_bottlenet):
    at_20 = evaluation.unit_id(make_bottlenet(quality=20))
    assert at_20 != evaluation.unit_id(make_bottlenet(quality=30))


def test_saving_loading_and_freezing_keep_the_identity(
    make_bottlenet, tmp_path
):
    model = make_bottlenet()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded.trainable = False
    assert evaluation.unit_id(loaded) == evaluation.unit_id(model)


def test_weights_alone_are_known_again_by_their_hash(make_bottlenet, tmp_path):
    prefix = make_bottlenet().prefix
    first = evaluation.weights_sha256(prefix)
    prefix.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert evaluation.weights_sha256(loaded) == first
    weight = loaded.weights[-1]
    weight.assign(weight + 1e-3)
    assert evaluation.weights_sha256(loaded) != first


def test_payload_format_holds_what_the_unit_sends(make_bottlenet):
    model = make_bottlenet(quality=35)
    form = evaluation.payload_format(model)
    assert form.shape == (4, 4, 3)
    assert form.codec is model.unit.byte_codec
    assert form.sends_range and form.overhead_bytes == 8
    learned = make_bottlenet(quantizer="learned")
    assert evaluation.payload_format(learned).overhead_bytes == 6


def test_model_digest_ignores_names_but_not_preprocessing():
    def digest(scale, name):
        image = keras.Input((4, 4, 3))
        x = keras.layers.Rescaling(scale, name=f"scale_{name}")(image)
        x = keras.layers.Conv2D(
            2, 1, kernel_initializer="ones", name=f"conv_{name}"
        )(x)
        return identity.model_digest(keras.Model(image, x, name=name))

    assert digest(0.5, "a") == digest(0.5, "b")
    assert digest(0.5, "a") != digest(0.25, "a")


def test_model_digest_sees_operations_between_layers():
    def digest(divisor):
        image = keras.Input((4, 4, 3))
        dense = keras.layers.Dense(2, kernel_initializer="ones")
        return identity.model_digest(keras.Model(image, dense(image / divisor)))

    assert digest(255.0) == digest(255.0)
    assert digest(255.0) != digest(127.5)


@pytest.mark.parametrize("is_nested", [False, True])
def test_model_digest_sees_the_wiring(is_nested):
    def digest(first, second):
        image = keras.Input((4, 4, 3))
        ways = [keras.layers.ReLU()(image), keras.layers.ELU()(image)]
        x = keras.layers.Add()([ways[first], ways[second]])
        model = keras.Model(image, x)
        if is_nested:
            outer = keras.Input((4, 4, 3))
            model = keras.Model(outer, model(outer))
        return identity.model_digest(model)

    assert digest(0, 1) == digest(0, 1)
    assert digest(0, 1) != digest(1, 1)


def test_model_digest_sees_one_changed_weight(red_classifier):
    before = identity.model_digest(red_classifier)
    kernel, bias = red_classifier.get_weights()
    red_classifier.set_weights([kernel, bias + np.float32(1)])
    assert identity.model_digest(red_classifier) != before
