"""Tests of the CIFAR form of ResNet."""

import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import backbones
from bottlenet_tf.backbones.cifar_resnet import PadChannels
from bottlenet_tf.backbones.cifar_weights import load_npz
from bottlenet_tf.backbones.macs import count_macs


def create(name="cifar_resnet20", image_size=32, num_classes=10, **kwargs):
    return backbones.create(
        name, image_size=image_size, num_classes=num_classes, **kwargs
    )


@pytest.fixture(scope="module")
def resnet20():
    return create()


@pytest.fixture(scope="module")
def arrays():
    """Random weights under PyTorch's names and axis order."""
    rng = np.random.default_rng(0)
    found = {}

    def norm(name, channels):
        found[f"{name}.weight"] = rng.uniform(0.5, 1.5, channels)
        found[f"{name}.bias"] = rng.normal(size=channels)
        found[f"{name}.running_mean"] = rng.normal(size=channels)
        found[f"{name}.running_var"] = rng.uniform(0.5, 1.5, channels)

    def conv(name, cin, cout):
        found[f"{name}.weight"] = rng.normal(size=(cout, cin, 3, 3)) / 9

    conv("conv1", 3, 16)
    norm("bn1", 16)
    cin = 16
    for stage, cout in ((1, 16), (2, 32), (3, 64)):
        for block in range(3):
            for i in (1, 2):
                conv(f"layer{stage}.{block}.conv{i}", cin, cout)
                norm(f"layer{stage}.{block}.bn{i}", cout)
                cin = cout
    found["linear.weight"] = rng.normal(size=(10, 64))
    found["linear.bias"] = rng.normal(size=10)
    return {name: value.astype("float32") for name, value in found.items()}


@pytest.fixture
def saved(tmp_path):
    def save(arrays):
        path = tmp_path / "w.npz"
        np.savez(path, **arrays)
        return path

    return save


@pytest.mark.parametrize(
    ("depth", "blocks"),
    [
        (20, 9),
        pytest.param(32, 15, marks=pytest.mark.slow),
        pytest.param(56, 27, marks=pytest.mark.slow),
        pytest.param(44, 21, marks=pytest.mark.slow),
        pytest.param(110, 54, marks=pytest.mark.slow),
    ],
)
def test_every_residual_block_is_a_split_point(depth, blocks):
    points = create(f"cifar_resnet{depth}").split_points
    assert [p.name for p in points] == [f"RB{i + 1}" for i in range(blocks)]


@pytest.mark.parametrize(
    ("name", "shape", "stride"),
    [
        ("RB3", (32, 32, 16), 1),
        ("RB4", (16, 16, 32), 2),
        ("RB9", (8, 8, 64), 4),
    ],
)
def test_features_shrink_and_widen_by_stage(resnet20, name, shape, stride):
    point = resnet20.split_point(name)
    assert (point.shape, point.stride) == (shape, stride)


def test_the_macs_match_hand_worked_arithmetic(resnet20):
    # Stem 1024 * 27 * 16; a stage's ordinary convolution costs the same in
    # every stage, 1024 * 9 * 16 * 16, its first one after a widening half.
    full = 1024 * 9 * 16 * 16
    expected = 1024 * 27 * 16 + 6 * full + 2 * (full // 2 + 5 * full) + 640
    assert count_macs(resnet20.model) == expected


def test_the_parameters_match_the_papers_0_27_million(resnet20):
    assert round(resnet20.model.count_params() / 1e6, 2) == 0.27


def test_odd_image_sizes_work():
    model = create(image_size=33).model
    assert model(np.zeros((1, 33, 33, 3), "float32")).shape == (1, 10)


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="image_size=3"):
        create(image_size=3)


def test_imagenet_weights_are_refused():
    with pytest.raises(ValueError, match="weights='imagenet'"):
        create(weights="imagenet")


def test_padded_channels_lie_on_both_sides():
    y = PadChannels(2)(np.ones((1, 1, 1, 3), "float32"))
    np.testing.assert_array_equal(y[0, 0, 0], [0, 0, 1, 1, 1, 0, 0])


def test_negative_channel_padding_is_refused():
    with pytest.raises(ValueError, match="padding=-1"):
        PadChannels(-1)


def test_a_saved_backbone_gives_identical_logits(resnet20, tmp_path):
    resnet20.model.save(tmp_path / "m.keras")
    revived = keras.saving.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    x = x.astype("float32")
    np.testing.assert_array_equal(revived(x), resnet20.model(x))


def reference_logits(arrays, images):
    """The network by plain TensorFlow ops on PyTorch's arrays."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    x = (images / 255.0 - np.float32(mean)) / np.float32(std)

    def conv_norm(x, conv, norm, stride=1):
        kernel = arrays[f"{conv}.weight"].transpose(2, 3, 1, 0)
        pads = [[0, 0], [1, 1], [1, 1], [0, 0]]
        x = tf.nn.conv2d(x, kernel, stride, pads)
        part = {
            key: arrays[f"{norm}.{key}"]
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        scale = part["weight"] / np.sqrt(part["running_var"] + 1e-5)
        return (x - part["running_mean"]) * scale + part["bias"]

    x = tf.nn.relu(conv_norm(x, "conv1", "bn1"))
    for stage in (1, 2, 3):
        for block in range(3):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = tf.nn.relu(conv_norm(x, f"{name}.conv1", f"{name}.bn1", stride))
            y = conv_norm(y, f"{name}.conv2", f"{name}.bn2")
            if stride == 2:
                side = x.shape[-1] // 2
                x = np.pad(x[:, ::2, ::2], [(0, 0)] * 3 + [(side, side)])
            x = tf.nn.relu(x + y)
    x = tf.reduce_mean(x, (1, 2))
    return x @ arrays["linear.weight"].T + arrays["linear.bias"]


def test_npz_weights_give_the_logits_of_an_independent_network(arrays, saved):
    x = np.random.default_rng(1).uniform(0, 255, (2, 32, 32, 3))
    x = x.astype("float32")
    expected = reference_logits(arrays, x)
    logits = create(weights=saved(arrays)).model(x, training=False)
    # 20 float32 layers; logits are of the order of their largest.
    np.testing.assert_allclose(
        logits, expected, atol=1e-4 * np.abs(expected).max()
    )


def test_another_class_count_keeps_the_features(arrays, saved, caplog):
    model = create(weights=saved(arrays), num_classes=7).model
    np.testing.assert_array_equal(
        model.get_layer("stem_bn").gamma, arrays["bn1.weight"]
    )
    assert "10 classes" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("bn1.bias"), "Missing: bn1.bias"),
        (
            lambda a: a.update({"bn9.bias": np.zeros(3)}),
            r"superfluous: bn9.bias \(3,\)",
        ),
        (
            lambda a: a.update({"bn1.bias": np.zeros(3)}),
            r"array='bn1.bias', shape=\(3,\), expected=\(16,\)",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    resnet20, arrays, saved, change, message
):
    arrays = dict(arrays)
    change(arrays)
    with pytest.raises(ValueError, match=message):
        load_npz(resnet20.model, saved(arrays), 3)


def test_the_weights_of_another_depth_are_refused(arrays, saved):
    with pytest.raises(ValueError, match="Missing: layer1.3"):
        create("cifar_resnet32", weights=saved(arrays))


def flip(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50 * [255])
    path.write_bytes(content)


def replace_by_npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"PK not really"), ""),
        (replace_by_npy, ".*it is an .npy"),
        (flip, ""),
    ],
)
def test_a_damaged_npz_is_refused(resnet20, arrays, saved, damage, reason):
    path = saved(arrays)
    damage(path)
    with pytest.raises(ValueError, match=f"must be an .npz{reason}"):
        load_npz(resnet20.model, path, 3)


def test_a_missing_file_is_named(resnet20, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.npz"):
        load_npz(resnet20.model, tmp_path / "none.npz", 3)


@pytest.mark.parametrize(
    "suffix",
    [".weights.h5", ".keras", pytest.param(".h5", marks=pytest.mark.slow)],
)
def test_keras_weights_come_back(resnet20, suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    if suffix == ".weights.h5":
        resnet20.model.save_weights(path)
    else:
        resnet20.model.save(path)
    x = np.ones((1, 32, 32, 3), "float32")
    np.testing.assert_array_equal(
        create(weights=path).model(x), resnet20.model(x)
    )


@pytest.fixture(scope="module")
def keras_weights(resnet20, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "resnet20.weights.h5"
    resnet20.model.save_weights(path)
    return path


def test_a_keras_file_of_another_class_count_keeps_the_features(
    resnet20, keras_weights, caplog
):
    model = create(num_classes=3, weights=keras_weights).model
    np.testing.assert_array_equal(
        model.get_layer("stage3_block3_2_conv").kernel,
        resnet20.model.get_layer("stage3_block3_2_conv").kernel,
    )
    assert "classifier fresh" in caplog.text


def test_a_classifier_that_is_needed_is_never_fresh(keras_weights):
    with pytest.raises(ValueError, match="num_classes=3"):
        create(num_classes=3, weights=keras_weights, fresh_classifier=False)


def test_a_keras_file_of_another_network_is_refused(keras_weights):
    with pytest.raises(ValueError, match="must fit the network.*resnet32"):
        create("cifar_resnet32", weights=keras_weights)


ACCURACY = [
    ("cifar_resnet20", 91.73),
    ("cifar_resnet32", 92.63),
    ("cifar_resnet44", 93.10),
    ("cifar_resnet56", 93.39),
]


@pytest.fixture(scope="module")
def cifar10_test():
    """Test images and labels from `$BOTTLENET_CIFAR10_DIR/test/<class>/`."""
    folder = os.environ.get("BOTTLENET_CIFAR10_DIR")
    if not folder:
        pytest.skip("BOTTLENET_CIFAR10_DIR, a folder with test/*/, is unset")
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    images, labels = [], []
    for label, name in enumerate(names.split()):
        for path in sorted(pathlib.Path(folder, "test", name).glob("*.png")):
            images.append(tf.io.decode_png(path.read_bytes(), 3).numpy())
            labels.append(label)
    return np.stack(images).astype("float32"), np.array(labels)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "expected"), ACCURACY)
def test_pretrained_accuracy_is_the_published_one(name, expected, cifar10_test):
    folder = os.environ.get("BOTTLENET_WEIGHTS_DIR")
    if not folder:
        pytest.skip("BOTTLENET_WEIGHTS_DIR, a folder with *.npz, is unset")
    images, labels = cifar10_test
    model = create(name, weights=pathlib.Path(folder, f"{name}.npz")).model
    logits = model.predict(images, batch_size=500, verbose=0)
    accuracy = 100 * np.mean(logits.argmax(-1) == labels)
    # Five images of 10,000 may flip with another order of summation.
    assert abs(accuracy - expected) <= 0.05
