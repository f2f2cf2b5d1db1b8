"""Runs that share a network, found and written once."""

import numpy as np
import onnx
import pytest

from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export import segments
from bottlenet_tf.export.segments import digests_of, find_chains
from bottlenet_tf.runtime.engines import Chain, open_engine
from tests.export.conftest import make_network


def prefix(name, *digests):
    return {name: {digest: f"layer_{digest}" for digest in digests}}


def test_networks_that_begin_alike_are_one_chain():
    (chain,) = find_chains(
        prefix("b", 1, 2) | prefix("c", 1, 2, 3, 4) | prefix("a", 1, 2, 3)
    )
    assert (chain.source, chain.first) == ("c", 0)
    assert chain.layers == ("layer_2", "layer_3", "layer_4")
    assert chain.cuts == {"b": 0, "a": 1, "c": 2}
    assert chain.segments("b") == ["segment_0"]
    assert chain.segments("c") == ["segment_0", "segment_1", "segment_2"]


def test_units_at_one_cut_share_one_segment():
    (chain,) = find_chains(prefix("a", 1, 2) | prefix("b", 1, 2))
    assert chain.layers == ("layer_2",)
    assert chain.segments("a") == chain.segments("b") == ["segment_0"]


def test_networks_trained_apart_are_in_no_chain():
    apart = prefix("a", 1) | prefix("b", 7, 2) | prefix("c", 9)
    assert find_chains(apart) == []


def test_several_networks_have_segments_of_their_own():
    chains = find_chains(
        prefix("a", 1)
        | prefix("b", 1, 2)
        | prefix("c", 8)
        | prefix("d", 8, 9)
        | prefix("e", 5)
    )
    named = {
        name: chain.segments(name) for chain in chains for name in chain.cuts
    }
    assert named == {
        "a": ["segment_0"],
        "b": ["segment_0", "segment_1"],
        "c": ["segment_2"],
        "d": ["segment_2", "segment_3"],
    }


def test_a_longer_network_s_tuned_end_leaves_the_beginning_shared():
    # "b" was tuned after layer 1, where "a" is cut.
    (chain,) = find_chains(prefix("a", 1) | prefix("b", 1, 7))
    assert chain.cuts == {"a": 0, "b": 1}


@pytest.fixture(scope="module")
def networks():
    """Three splits of one network, and one of other weights."""
    found = {name: make_network(split=name) for name in ("RB1", "RB2", "RB4")}
    return {**found, "other": make_network(seed=1, split="RB2")}


@pytest.fixture(scope="module")
def prefixes(networks):
    return {name: digests_of(n.prefix) for name, n in networks.items()}


def test_the_weights_and_layers_decide(prefixes):
    (chain,) = find_chains(prefixes)
    assert chain.source == "RB4"
    assert chain.cuts == {"RB1": 0, "RB2": 1, "RB4": 2}
    assert chain.layers == (
        "stage1_block1_out", "stage1_block2_out", "stage2_block1_out"
    )  # fmt: skip


def test_the_parts_together_are_the_network(networks, prefixes, tmp_path):
    (chain,) = find_chains(prefixes)
    config = ExportConfig(("a",), "out", litert=("float32",))
    segments.write(
        chain, networks["RB4"].prefix, tmp_path, config, lambda: None
    )
    image = np.random.default_rng(0).uniform(0, 255, (1, 24, 24, 3))
    image = image.astype(np.float32)
    for suffix, given in (
        (".onnx", image.transpose(0, 3, 1, 2)),
        (".tflite", image),
    ):
        for name in chain.cuts:
            parts = [
                open_engine(tmp_path / "segments" / f"{part}{suffix}")
                for part in chain.segments(name)
            ]
            whole = Chain(parts)
            (key,) = whole.inputs
            (found,) = whole({key: given}).values()
            if suffix == ".onnx":
                found = found.transpose(0, 2, 3, 1)
            wanted = networks[name].features(image)
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    # Nothing is computed twice: each convolution is in one file.
    count = sum(
        node.op_type == "Conv"
        for path in (tmp_path / "segments").glob("*.onnx")
        for node in onnx.load(path).graph.node
    )
    layers = networks["RB4"].prefix.layers
    assert count == sum(type(layer).__name__ == "Conv2D" for layer in layers)


def test_digests_are_of_the_segments_named_alone(tmp_path):
    folder = tmp_path / "segments"
    folder.mkdir()
    for name in (
        "segment_1.onnx", "segment_1_int8.tflite", "segment_10.onnx",
        "build_segment_1.sh", "segment_0.onnx",
    ):  # fmt: skip
        (folder / name).write_text(name)
    found = segments.digests(tmp_path, ["segment_1"])
    assert sorted(found) == ["segment_1.onnx", "segment_1_int8.tflite"]
