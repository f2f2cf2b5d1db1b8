"""A look at a network before it is trained."""

import dataclasses
import json
import types

import keras
import pytest

from bottlenet_tf.cli import train
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.export import CutsConfig
from bottlenet_tf.export import cuts, problems
from bottlenet_tf.training.network import build_network

L = keras.layers


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A network whose third layer nothing but LiteRT's own operators do."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, strides=2, padding="same", name="first")(image)
    x = L.Activation("relu", name="plain")(x)
    x = L.Activation(keras.ops.erfinv, name="odd")(x)
    x = L.Conv2D(4, 3, padding="same", name="last", trainable=False)(x)
    x = L.Dense(5)(L.GlobalAveragePooling2D()(x))
    path = tmp_path_factory.mktemp("network") / "net.keras"
    keras.Model(image, x).save(path)
    return str(path)


@pytest.fixture(scope="module")
def found(file):
    with keras.saving.custom_object_scope({"erfinv": keras.ops.erfinv}):
        return cuts.look(CutsConfig(file))


def test_sizes_are_the_files_own(found):
    shapes = {cut.name: (cut.shape, cut.bytes) for cut in found.cuts}
    assert shapes["first"] == ((8, 8, 4), 256)
    assert found.macs == 64 * 4 * 27 + 64 * 4 * 36 + 4 * 5


def test_a_cut_costs_what_lies_before_it(found):
    shares = {cut.name: cut.mac_share for cut in found.cuts}
    assert shares["first"] == pytest.approx(6912 / found.macs)
    assert shares["first"] == shares["odd"] < shares["last"]


def test_what_an_export_refuses_is_in_head_or_tail(found):
    refused = {
        cut.name: tuple(
            {p.runtime for p in part} for part in (cut.head, cut.tail)
        )
        for cut in found.cuts
    }
    assert "onnx" not in refused["plain"][0]
    assert "onnx" in refused["plain"][1]
    assert "onnx" in refused["odd"][0]
    assert "onnx" not in refused["last"][1]


def test_a_layer_called_on_both_sides_is_in_both_halves():
    image = keras.Input((8, 8, 3))
    odd = L.Activation("relu", name="odd")
    x = odd(L.Conv2D(4, 3, name="first")(image))
    x = odd(L.Conv2D(4, 3, name="second")(x))
    x = L.Dense(5)(L.GlobalAveragePooling2D()(x))
    backbone = types.SimpleNamespace(
        model=keras.Model(image, x), split_points=[]
    )
    found = [problems.Problem("onnx", "odd", "not an operator")]
    halves = {
        cut.name: (len(cut.head), len(cut.tail))
        for cut in cuts._cuts(backbone, found, {})
    }
    assert (halves["first"], halves["second"]) == ((0, 1), (1, 1))


def test_frozen_weights_are_counted(found):
    assert found.frozen == 4 * 36 + 4
    assert found.parameters == 112 + 148 + 25


def test_the_table_names_the_layer(found):
    text = cuts.table(found)
    assert "the file freezes 148" in text
    assert "- onnx, odd: Erfinv isn't in ONNX" in text


def test_a_tail_that_takes_the_point_has_no_problem(learned_run, capsys):
    config = dataclasses.replace(learned_run, mode="tail")
    network = build_network(config, 32, 10)
    assert network.model.tells_tail
    train._print_problems(network)
    assert capsys.readouterr().out == ""


def test_a_network_that_no_graph_can_hold_has_a_problem():
    image = keras.Input((4, 4, 3))
    x = L.Lambda(lambda x: x.numpy(), output_shape=(4, 4, 3))(image)
    found = problems.find(keras.Model(image, x), "none", with_litert=False)
    assert [(p.runtime, p.layer) for p in found] == [("onnx", None)]


def test_equal_problems_are_reported_once():
    each = [problems.Problem("onnx", f"l{i}", "X isn't in ONNX") for i in "ab"]
    first, way_out = problems.described(each)
    assert first == "- onnx, la (2 times): X isn't in ONNX"
    assert "--noonnx" in way_out


@pytest.mark.parametrize(
    "node, layer",
    [
        ("model/gelu_1/Erfc", "gelu"),
        ("model/block_1/Erfc", "block_1"),
        ("model/x_block/y", None),
        ("", None),
    ],
)
def test_the_layer_of_a_node(node, layer):
    assert problems.layer_of(node, ["gelu", "block", "block_1"]) == layer


def test_a_network_of_other_classes_is_looked_at_with_images(file, capsys):
    data = DataConfig(dataset="digits", image_size=16)
    with keras.saving.custom_object_scope({"erfinv": keras.ops.erfinv}):
        found = cuts.look(CutsConfig(file, data=data, images=2))
    assert (
        "It has 5 outputs, the data set 10 classes" in capsys.readouterr().out
    )
    assert found.accuracy is None and found.cuts[0].deflated_bytes > 0


def test_with_images_sizes_deflate_and_the_file_is_written(tmp_path):
    path = tmp_path / "cuts.json"
    config = CutsConfig(
        "cifar_resnet20", data=DataConfig("digits", image_size=16), images=4
    )
    seen = cuts.look(config)
    cuts.write(seen, path)
    found = json.loads(path.read_text())
    assert found["accuracy"] is None  # Its weights are random.
    by_name = {cut["name"]: cut for cut in found["cuts"]}
    assert 0 < by_name["RB1"]["deflated_bytes"] < by_name["RB1"]["bytes"]
    assert "| RB1 (stage1_block1_out) | 16x16x16" in cuts.table(seen)
    assert found["problems"] == []
