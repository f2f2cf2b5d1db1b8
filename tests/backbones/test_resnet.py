"""Tests of the ImageNet form of ResNet."""

import numpy as np
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.backbones import resnet
from bottlenet_tf.backbones.macs import count_macs


def create(name="resnet18", image_size=32, num_classes=10, **kwargs):
    return backbones.create(
        name, image_size=image_size, num_classes=num_classes, **kwargs
    )


@pytest.fixture(scope="module")
def resnet50():
    return create("resnet50", 224, 1000)


def test_resnet50_has_its_size(resnet50):
    assert round(count_macs(resnet50.model) / 1e9, 2) == 3.86
    assert round(resnet50.model.count_params() / 1e6, 1) == 25.6


# MACs up to a block: stem 112^2 * 147 * 64 = 118.0 M; RB1 adds 56^2 times
# (64*64 + 9*64*64 + 64*256 + 64*256) = 231.2 M; each further block of any
# stage 56^2 * 69,632 = 218.4 M; each first block of a stage 295.4 M. These are
# 9.05 % after RB1 because Keras, like the paper, strides in the first 1x1.
@pytest.mark.parametrize(
    ("name", "giga_macs"),
    [
        ("RB1", 0.1180 + 0.2312),
        ("RB3", 0.1180 + 0.2312 + 2 * 0.2184),
        ("RB7", 0.1180 + 0.2312 + 5 * 0.2184 + 0.2954),
        ("RB12", 0.1180 + 0.2312 + 9 * 0.2184 + 2 * 0.2954),
        ("RB14", 0.1180 + 0.2312 + 10 * 0.2184 + 3 * 0.2954),
        ("RB16", 0.1180 + 0.2312 + 12 * 0.2184 + 3 * 0.2954),
    ],
)
def test_mac_shares_match_hand_worked_arithmetic(resnet50, name, giga_macs):
    share = resnet50.split_point(name).mac_share
    # Terms are rounded to 0.1 M of 3,858 M, at most 16 of them.
    assert share == pytest.approx(giga_macs / 3.858, abs=5e-4)


@pytest.mark.parametrize(
    ("blocks", "shape", "stride"),
    [
        (range(1, 4), (56, 56, 256), 4),
        (range(4, 8), (28, 28, 512), 8),
        (range(8, 14), (14, 14, 1024), 16),
        (range(14, 17), (7, 7, 2048), 32),
    ],
)
def test_resnet50_features_have_the_papers_shapes(
    resnet50, blocks, shape, stride
):
    points = [resnet50.split_point(f"RB{block}") for block in blocks]
    assert {(p.shape, p.stride) for p in points} == {(shape, stride)}


def test_resnet18_has_its_size_and_split_points():
    resnet18 = create("resnet18", 224, 1000)
    assert round(resnet18.model.count_params() / 1e6, 1) == 11.7
    assert round(count_macs(resnet18.model) / 1e9, 2) == 1.81
    names = [point.name for point in resnet18.split_points]
    assert names == [f"RB{i}" for i in range(1, 9)]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        pytest.param("resnet34", 16, marks=pytest.mark.slow),
        pytest.param("resnet50", 16, marks=pytest.mark.slow),
        pytest.param("resnet101", 33, marks=pytest.mark.slow),
        pytest.param("resnet152", 50, marks=pytest.mark.slow),
    ],
)
def test_every_residual_block_is_a_split_point(name, blocks):
    points = create(name).split_points
    assert [p.name for p in points] == [f"RB{i + 1}" for i in range(blocks)]


def test_the_error_for_an_unknown_block_lists_all_blocks(resnet50):
    with pytest.raises(ValueError, match=r"RB1, RB2, .*RB15, RB16\."):
        resnet50.split_point("RB17")


def test_inner_layers_lie_at_the_top_level(resnet50):
    assert resnet50.model.get_layer("conv3_block2_2_conv").filters == 128


def test_logits_are_not_squashed(resnet50):
    x = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3))
    logits = resnet50.model(x.astype("float32")).numpy()
    assert abs(logits.sum() - 1) > 1e-3


def test_an_image_under_32_pixels_is_refused():
    with pytest.raises(ValueError, match="image_size=31"):
        create(image_size=31)


def test_resnet18_has_no_imagenet_weights():
    with pytest.raises(ValueError, match="pass a path"):
        create(weights="imagenet")


def test_failing_downloads_say_what_to_do(monkeypatch):
    def no_network(weights=None, **kwargs):
        if weights == "imagenet":
            raise Exception("URL fetch failure")
        return original(weights=weights, **kwargs)

    original, blocks = resnet._BOTTLENECK["resnet50"]
    no_network.__module__ = original.__module__
    monkeypatch.setitem(resnet._BOTTLENECK, "resnet50", (no_network, blocks))
    with pytest.raises(ConnectionError, match="pass the file's path"):
        create("resnet50", weights="imagenet")


def test_an_unknown_kind_of_weights_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="w.pth"):
        create(weights=tmp_path / "w.pth")
