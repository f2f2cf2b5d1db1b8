"""Tests of networks from keras.applications."""

import os
import pathlib

import keras
import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.backbones import keras_model
from bottlenet_tf.models.precision import dtype_policy


def create(name, image_size=32, num_classes=5, **kwargs):
    return backbones.create(
        name, image_size=image_size, num_classes=num_classes, **kwargs
    )


@pytest.fixture(scope="module")
def mobilenet():
    return create("mobilenet_v2")


@pytest.fixture(scope="module")
def weights_file(mobilenet, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "mobilenet_v2.weights.h5"
    mobilenet.model.save_weights(path)
    return path


def test_residual_additions_are_split_points(mobilenet):
    assert mobilenet.split_point("block_4_add").shape == (4, 4, 32)


def test_ordinary_layers_between_residual_blocks_are_split_points(mobilenet):
    point = mobilenet.split_point("expanded_conv_project_BN")
    assert (point.shape, point.stride) == ((16, 16, 16), 2)


def test_layers_inside_a_residual_block_are_no_split_points(mobilenet):
    with pytest.raises(ValueError, match="block_4_project"):
        mobilenet.split_point("block_4_project")


def test_an_error_lists_every_split_point(mobilenet):
    names = ", ".join(point.name for point in mobilenet.split_points)
    with pytest.raises(ValueError, match=f"Declared: {names}. Other.*none"):
        mobilenet.split_point("nonsense")


def test_mac_shares_grow_with_depth(mobilenet):
    shares = [point.mac_share for point in mobilenet.split_points]
    assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] < 1


def test_the_logits_are_those_of_keras_own_model(mobilenet):
    own = keras.applications.MobileNetV2(
        weights=None,
        input_shape=(32, 32, 3),
        classes=5,
        classifier_activation=None,
    )
    own.set_weights(mobilenet.model.get_weights())
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    x = x.astype("float32")
    # Same layers, same order: only the scaling is written differently.
    np.testing.assert_allclose(
        mobilenet.model(x), own(x / 127.5 - 1), atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("VGG16", "caffe"),
        pytest.param("densenet121", "torch", marks=pytest.mark.slow),
        pytest.param("ResNet50V2", "tf", marks=pytest.mark.slow),
        pytest.param("EfficientNetB0", None, marks=pytest.mark.slow),
        ("mobilenet_v3_small", None),
    ],
)
def test_each_family_has_its_own_preprocessing(name, mode):
    first = create(name).model.layers[1]
    assert getattr(first, "mode", None) == mode


def test_every_family_of_keras_is_known():
    modules = {
        getattr(keras.applications, name).__module__.rsplit(".", 1)[-1]
        for name in dir(keras.applications)
        if name[0].isupper()
    }
    assert modules == set(keras_model._MODES)


def test_keras_own_weights_file_fits_our_network(weights_file):
    own = keras.applications.MobileNetV2(
        weights=None, input_shape=(32, 32, 3), classes=5
    )
    path = weights_file.with_name("own.weights.h5")
    own.save_weights(path)
    model = create("mobilenet_v2", weights=path).model
    np.testing.assert_array_equal(
        model.get_layer("Conv_1").kernel, own.get_layer("Conv_1").kernel
    )


def test_another_class_count_keeps_the_features(
    mobilenet, weights_file, caplog
):
    model = create("mobilenet_v2", num_classes=3, weights=weights_file).model
    np.testing.assert_array_equal(
        model.get_layer("Conv_1").kernel,
        mobilenet.model.get_layer("Conv_1").kernel,
    )
    assert "has 5 classes" in caplog.text


def test_a_fitting_file_logs_nothing(weights_file, caplog):
    create("mobilenet_v2", weights=weights_file)
    assert not caplog.records


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="75x75"):
        create("InceptionV3")


# Keras computes (x / 255 - mean) / sqrt(var) / sqrt(std) with published files
# that hold std in the place of var: what counts is division by std.
@pytest.mark.parametrize("published", [True, False])
def test_published_efficientnets_are_scaled_as_keras_scales_them(published):
    mean = np.float32([0.485, 0.456, 0.406])
    std = np.float32([0.229, 0.224, 0.225])
    norm = keras.layers.Normalization()
    model = keras.Sequential([keras.Input((1, 1, 3)), norm])
    norm.set_weights([mean, std, np.int32(0)])
    keras_model._merge_published_scaling(model, published)
    x = np.full((1, 1, 1, 3), 0.2, "float32")
    np.testing.assert_allclose(model(x)[0, 0, 0], (0.2 - mean) / std, rtol=1e-5)


def test_efficientnets_trained_without_that_scaling_keep_their_own():
    norm = keras.layers.Normalization()
    model = keras.Sequential([keras.Input((1, 1, 3)), norm])
    norm.set_weights([np.zeros(3), np.ones(3), np.int32(0)])
    keras_model._merge_published_scaling(model, published=False)
    np.testing.assert_array_equal(norm.get_weights()[1], np.ones(3))


@pytest.mark.slow
def test_an_efficientnets_own_statistics_reach_its_logits(tmp_path):
    own = keras.applications.EfficientNetB0(
        weights=None,
        input_shape=(32, 32, 3),
        classes=5,
        classifier_activation=None,
    )
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    x = x.astype("float32")
    norm = next(
        layer
        for layer in own.layers
        if isinstance(layer, keras.layers.Normalization)
    )
    norm.adapt(x / 255)
    own.save_weights(tmp_path / "own.weights.h5")
    model = create("EfficientNetB0", weights=tmp_path / "own.weights.h5").model
    np.testing.assert_array_equal(model(x), own(x))


def test_logits_stay_float32_under_mixed_precision():
    with dtype_policy("mixed_float16"):
        model = create("MobileNet").model
    assert model.outputs[0].dtype == "float32"


@pytest.mark.slow
def test_pretrained_mobilenet_loads_with_another_class_count():
    folder = os.environ.get("BOTTLENET_WEIGHTS_DIR")
    if not folder:
        pytest.skip("BOTTLENET_WEIGHTS_DIR, a folder with weights, is unset")
    path = pathlib.Path(folder, "mobilenet_v2_imagenet.weights.h5")
    stem = [
        create("MobileNetV2", 96, classes, weights=path)
        .model.get_layer("Conv1")
        .kernel.numpy()
        for classes in (1000, 10)
    ]
    np.testing.assert_array_equal(*stem)
