"""Tests of the in-graph preprocessing."""

import keras
import numpy as np
import pytest

from bottlenet_tf.backbones.preprocessing import MODES, Preprocess
from bottlenet_tf.models.precision import dtype_policy

PIXEL = np.array([[[[255.0, 0.0, 51.0]]]], "float32")


# torch: (1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225.
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", [255.0, 0.0, 51.0]),
        ("unit", [1.0, 0.0, 0.2]),
        ("tf", [1.0, -1.0, -0.6]),
        ("torch", [2.248908, -2.035714, -0.915556]),
        ("caffe", [51 - 103.939, 0 - 116.779, 255 - 123.68]),
    ],
)
def test_one_pixel_matches_hand_worked_values(mode, expected):
    # 1e-5: float32 rounding of a few operations on values up to 131.
    np.testing.assert_allclose(
        Preprocess(mode)(PIXEL)[0, 0, 0], expected, atol=1e-5
    )


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_each_mode_equals_keras_own_function(mode):
    modules = {"tf": "mobilenet_v2", "torch": "densenet", "caffe": "resnet"}
    reference = getattr(keras.applications, modules[mode]).preprocess_input
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 3, 3)).astype("float32")
    # 1e-4 on values up to 131: the order of operations may differ.
    np.testing.assert_allclose(
        Preprocess(mode)(x), reference(x.copy()), atol=1e-4
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_uint8_images_become_float32_in_any_precision(mode, policy):
    with dtype_policy(policy):
        y = Preprocess(mode)(np.zeros((1, 2, 2, 3), "uint8"))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"


@pytest.mark.parametrize("mode", MODES)
def test_saved_model_gives_identical_output(mode, tmp_path):
    model = keras.Sequential([keras.Input((1, 1, 3)), Preprocess(mode)])
    model.save(tmp_path / "m.keras")
    revived = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(revived(PIXEL), model(PIXEL))


def test_an_unknown_mode_lists_the_choices():
    with pytest.raises(ValueError, match="none, tf, torch, caffe.*'pytorch'"):
        Preprocess("pytorch")


def test_grey_images_are_refused():
    with pytest.raises(ValueError, match="input_shape="):
        Preprocess("tf")(np.zeros((1, 2, 2, 1), "float32"))
