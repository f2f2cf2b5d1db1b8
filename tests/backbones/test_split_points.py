"""Tests of where a graph may be cut."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from bottlenet_tf import backbones
from bottlenet_tf.backbones import graph
from bottlenet_tf.backbones.split_points import (
    Backbone,
    SplitPoint,
    describe_cuts,
    separating_tensors,
    split_backbone,
    worth_comparing,
)


def cuts(model):
    return list(separating_tensors(model))


def conv(name, filters=4):
    return layers.Conv2D(filters, 1, name=name)


def head(x):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(2, name="logits")(x)


def test_a_chain_can_be_cut_after_every_4d_layer():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, head(conv("b")(conv("a")(image))))
    assert cuts(model) == ["a", "b"]


def test_inside_a_residual_connection_there_is_no_cut():
    image = keras.Input((8, 8, 3))
    a = conv("a")(image)
    b = conv("b")(a)
    c = layers.Add(name="c")([a, conv("d")(b)])
    assert cuts(keras.Model(image, head(c))) == ["a", "c"]


def test_a_dense_connection_bars_all_layers_that_it_jumps_over():
    image = keras.Input((8, 8, 3))
    a = conv("a")(image)
    b = conv("b")(layers.Concatenate(name="ab")([a, conv("x")(a)]))
    c = layers.Concatenate(name="abc")([a, b])
    assert cuts(keras.Model(image, head(c))) == ["a", "abc"]


def test_a_connection_from_the_image_itself_bars_the_cut():
    image = keras.Input((8, 8, 3))
    joined = layers.Concatenate(name="joined")([image, conv("a")(image)])
    assert cuts(keras.Model(image, head(joined))) == ["joined"]


def test_a_layer_called_twice_is_no_cut():
    image = keras.Input((8, 8, 3))
    shared = conv("shared")
    x = shared(conv("b")(shared(conv("a")(image))))
    assert cuts(keras.Model(image, head(conv("c")(x)))) == ["a", "b", "c"]


def test_a_layer_used_in_another_model_too_stays_a_cut():
    image = keras.Input((8, 8, 3))
    a = conv("a")
    model = keras.Model(image, head(a(image)))
    a(keras.Input((4, 4, 3)))
    assert cuts(model) == ["a"]


def test_bare_ops_carry_paths_and_are_cuts():
    image = keras.Input((8, 8, 3))
    a = conv("a")(image)
    b = conv("b")(ops.relu(a))
    c = conv("c")(ops.add(ops.multiply(a, 2.0), b))
    first, operation, last = cuts(keras.Model(image, head(c)))
    assert (first, last) == ("a", "c") and operation.startswith("add")


def test_the_final_output_is_no_cut():
    image = keras.Input((8, 8, 3))
    assert cuts(keras.Model(image, conv("b")(conv("a")(image)))) == ["a"]


def test_a_layer_with_two_outputs_is_no_cut():
    class Halves(layers.Layer):
        def call(self, x):
            return ops.split(x, 2, axis=-1)

    image = keras.Input((8, 8, 4))
    left, right = Halves(name="halves")(conv("a")(image))
    model = keras.Model(image, head(layers.Add(name="sum")([left, right])))
    assert cuts(model) == ["a", "sum"]


def test_a_nested_model_can_be_cut_after_as_a_whole():
    inner = keras.Sequential([keras.Input((8, 8, 3)), conv("a")], name="inner")
    image = keras.Input((8, 8, 3))
    assert cuts(keras.Model(image, head(inner(image)))) == ["inner"]


@pytest.fixture(scope="module")
def backbone():
    # MACs: a 64 * 3 * 4 = 768, b at stride 2 16 * 4 * 8 = 512, logits 16.
    image = keras.Input((8, 8, 3))
    b = layers.Conv2D(8, 1, strides=2, name="b")(conv("a")(image))
    model = keras.Model(image, head(b))
    return Backbone("tiny", model, describe_cuts(model, {"b": "RB1"}))


def test_the_feature_is_described_by_shape_and_stride(backbone):
    point = backbone.split_point("RB1")
    assert (point.layer, point.shape, point.stride) == ("b", (4, 4, 8), 2)


def test_the_mac_share_matches_hand_worked_example(backbone):
    assert backbone.split_point("a").mac_share == 768 / (768 + 512 + 16)


@pytest.mark.parametrize("name", ["RB1", "rb1", "b"])
def test_a_split_point_answers_to_its_name_and_its_layer(backbone, name):
    assert backbone.split_point(name) is backbone.split_points[0]


def test_an_undeclared_layer_is_described_on_the_fly(backbone):
    assert backbone.split_point("a").shape == (8, 8, 4)


@pytest.mark.parametrize("name", ["RB2", "pool", "nonsense", None])
def test_an_impossible_cut_lists_the_possible_ones(backbone, name):
    # Layer b isn't listed again: it is RB1.
    with pytest.raises(ValueError, match="RB1. Other layers: a. .*name="):
        backbone.split_point(name)


def test_an_impossible_cut_lists_all_of_many_layers():
    image = x = keras.Input((8, 8, 3))
    names = [f"layer{i}" for i in range(60)]
    for name in names:
        x = layers.ReLU(name=name)(x)
    backbone = Backbone("deep", keras.Model(image, head(x)), ())
    with pytest.raises(ValueError, match=f"layers: {', '.join(names)}. Rec"):
        backbone.split_point("nonsense")


def test_the_stride_is_the_rounded_ratio_where_sizes_are_odd():
    image = x = keras.Input((5, 5, 3))
    for name in ("a", "b"):  # 5 pixels to 3 to 2
        x = layers.MaxPooling2D(2, padding="same", name=name)(x)
    model = keras.Model(image, head(x))
    assert [point.stride for point in describe_cuts(model)] == [2, 2]


def test_two_outputs_are_refused():
    image = keras.Input((8, 8, 3))
    a = conv("a")(image)
    with pytest.raises(ValueError, match="outputs=2"):
        cuts(keras.Model(image, [head(a), a]))


def test_a_split_point_is_immutable(backbone):
    with pytest.raises(AttributeError):
        backbone.split_points[0].stride = 1


def test_operations_are_cut_points_with_names_of_their_own():
    """`h + r` ends the blocks of many networks, ConvNeXt's among them."""
    found = []
    keras.backend.clear_session()  # Keras counts from 0, and goes on counting.
    for _ in range(2):
        image = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(3, 1, name="stem")(image)
        for i in range(2):
            x = x + keras.layers.Conv2D(3, 3, padding="same", name=f"c{i}")(x)
        x = keras.ops.relu(x)
        x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
        model = keras.Model(image, x)
        graph.number_operations(model)
        found.append(cuts(model))
    assert found[0] == found[1] == ["stem", "add_1", "add_2", "relu_1"]


def test_a_network_cut_at_an_operation_is_saved_and_loaded(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
    x = x + keras.layers.Conv2D(4, 3, padding="same", name="branch")(x)
    x = keras.layers.Conv2D(4, 3, name="last")(x)
    x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(image, x).save(tmp_path / "m.keras")
    backbone = backbones.create(
        str(tmp_path / "m.keras"), image_size=8, num_classes=2
    )
    (name,) = set(cuts(backbone.model)) - {"first", "last"}
    assert name.startswith("add")
    prefix, suffix = split_backbone(backbone, name)
    images = np.ones((1, 8, 8, 3), np.float32)
    np.testing.assert_allclose(
        suffix(prefix(images)), backbone.model(images), rtol=1e-6
    )
    prefix.save(tmp_path / "prefix.keras")
    again = keras.saving.load_model(tmp_path / "prefix.keras")
    assert again.operations[-1].name == name


def _points(*described):
    return [
        SplitPoint(name, layer, (size, size, depth), 2, share)
        for name, layer, size, depth, share in described
    ]


def test_of_cuts_with_little_between_them_the_smallest_last_one_is_compared():
    points = _points(
        ("input", "input", 32, 3, 0.0),
        ("expand", "expand", 16, 96, 0.10),
        ("project", "project", 16, 24, 0.12),
        ("normalised", "normalised", 16, 24, 0.12),
        ("wide", "wide", 16, 144, 0.124),
        ("next", "next", 16, 24, 0.126),
    )
    names = [point.name for point in worth_comparing(points)]
    # 0.126 is more than 0.025 after 0.10; the image itself is no split.
    assert names == ["normalised", "next"]


def test_named_blocks_are_all_compared():
    points = _points(
        ("RB1", "block1_out", 32, 16, 0.010),
        ("RB2", "block2_out", 32, 16, 0.011),
    )
    assert list(worth_comparing(points)) == points
