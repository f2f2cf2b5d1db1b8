"""Tests of the choice of a backbone by name."""

import pytest

from bottlenet_tf import backbones


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(ValueError, match="cifar_resnet20.*name='lenet'"):
        backbones.create("lenet", image_size=32, num_classes=10)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet152", "cifar_resnet110", "MobileNetV2", "DenseNet121"],
)
def test_the_names_hold_every_family(name):
    assert name in backbones.names()


def test_case_and_underscores_do_not_matter():
    backbone = backbones.create(
        "CIFARResNet_20", image_size=8, num_classes=10, preprocessing="none"
    )
    assert backbone.name == "cifar_resnet20"
    names = [layer.name for layer in backbone.model.layers]
    assert "preprocess" not in names


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("key", ["image_size", "num_classes"])
def test_a_count_below_one_is_refused(key, value):
    arguments = {"image_size": 32, "num_classes": 10, key: value}
    with pytest.raises(ValueError, match=f"{key}={value}"):
        backbones.create("cifar_resnet20", **arguments)


@pytest.mark.parametrize("value", [32.0, "32", (32, 32), True])
def test_an_image_size_that_is_no_integer_is_refused(value):
    with pytest.raises(TypeError, match="image_size="):
        backbones.create("cifar_resnet20", image_size=value, num_classes=10)


def test_an_unknown_preprocessing_lists_the_choices():
    with pytest.raises(ValueError, match="auto, none, tf, torch, caffe"):
        backbones.create(
            "cifar_resnet20",
            image_size=32,
            num_classes=10,
            preprocessing="pytorch",
        )


def test_a_chosen_preprocessing_replaces_the_familys():
    backbone = backbones.create(
        "cifar_resnet20", image_size=8, num_classes=10, preprocessing="tf"
    )
    assert backbone.model.get_layer("preprocess").mode == "tf"
