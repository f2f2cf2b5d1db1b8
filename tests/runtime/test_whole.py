"""The network without a split: what it answers, and what it refuses."""

import json

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from bottlenet_tf.runtime import whole
from bottlenet_tf.runtime.unit_file import file_sha256
from bottlenet_tf.runtime.whole import Whole

# (3 channels, 3 classes); sums of whole numbers, so that all are exact.
WEIGHTS = np.array([[1, 0, 2], [0, 1, 0], [0, 0, -1]], np.float32)


def _save_network(hand, path, size=8):
    """Sums each channel and weighs the sums: image -> logits."""
    nodes = [
        helper.make_node("ReduceSum", ["image", "axes"], ["sums"], keepdims=0),
        helper.make_node("MatMul", ["sums", "w"], ["logits"]),
    ]
    constants = [("axes", np.array([2, 3], np.int64)), ("w", WEIGHTS)]
    inputs, outputs = {"image": (1, 3, size, size)}, {"logits": (1, 3)}
    hand.save_graph(path, nodes, inputs, outputs, constants)


def _logits(pixels):
    return pixels.sum((0, 1), dtype=np.float32) @ WEIGHTS


@pytest.fixture
def edge(hand, tmp_path):
    """Writes `whole.json` and the network beside it; returns the folder."""

    def write(**changes):
        folder = tmp_path / "deployment" / "edge"
        folder.mkdir(parents=True, exist_ok=True)
        part = whole.part_of(changes.get("timing_only"))
        _save_network(hand, folder / f"{part}.onnx")
        content = {
            "format": whole.FORMAT,
            "name": "net",
            "image_size": 8,
            "resize": 8,
            "classes": ["cat", "dog", "newt"],
            "sha256": {f"{part}.onnx": file_sha256(folder / f"{part}.onnx")},
            "timing_only": None,
            **changes,
        }
        (folder / whole.NAME).write_text(json.dumps(content))
        return folder

    return write


def test_logits_are_the_ones_worked_out_by_hand(edge, pixels):
    found = Whole.load(edge()).logits(pixels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, _logits(pixels))


def test_probabilities_are_the_logits_softmax(edge):
    network = Whole.load(edge())
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[0, 0, 1] = 2  # Logits 0, 2, 0.
    odds = np.exp([0.0, 2.0, 0.0])
    np.testing.assert_allclose(
        network.predict(pixels), odds / odds.sum(), rtol=1e-6
    )
    assert network.classes[network.predict(pixels).argmax()] == "dog"


def test_it_is_found_in_the_deployment_and_in_edge_alone(edge, pixels):
    folder = edge()
    np.testing.assert_array_equal(
        Whole.load(folder.parent).logits(pixels),
        Whole.load(folder, runtime="onnx", threads=1).logits(pixels),
    )


def test_an_image_file_is_prepared_as_for_a_head(edge, pixels, tmp_path):
    Image.fromarray(pixels).save(tmp_path / "image.png")
    found = Whole.load(edge()).logits(tmp_path / "image.png")
    np.testing.assert_array_equal(found, _logits(pixels))


def test_one_for_timing_alone_answers_nobody_by_mistake(edge, pixels):
    folder = edge(timing_only="the run began without a trained network")
    assert not (folder / "whole.onnx").exists()
    with pytest.raises(ValueError, match="began without a trained network"):
        Whole.load(folder)
    timed = Whole.load(folder, for_timing=True)
    np.testing.assert_array_equal(timed.logits(pixels), _logits(pixels))


def test_a_file_of_another_export_is_refused(edge, hand):
    folder = edge()
    hand.save_head(folder / "whole.onnx", sends_range=False)
    with pytest.raises(ValueError, match="whole.onnx must be.*copy the comp"):
        Whole.load(folder)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image_size": 6}, r"one input, of shape \(1, 3, 6, 6\)"),
        ({"classes": ["cat", "dog"]}, r"one output, of shape \(1, 2\)"),
    ],
)
def test_a_network_of_other_shapes_is_refused(edge, changes, message):
    with pytest.raises(ValueError, match=f"whole.onnx must have {message}"):
        Whole.load(edge(**changes))


@pytest.mark.parametrize(
    "runtime, remedy",
    [
        ("litert_int8", "export.py --litert.*whole_int8.tflite"),
        ("tensorrt", "build_whole.sh.*whole.engine"),
    ],
)
def test_a_missing_file_comes_with_a_remedy(edge, runtime, remedy):
    with pytest.raises(FileNotFoundError, match=remedy):
        Whole.load(edge(), runtime)


def test_an_early_export_has_none(deploy):
    with pytest.raises(FileNotFoundError, match="must contain whole.json"):
        Whole.load(deploy())


@pytest.mark.parametrize(
    "field, value",
    [
        ("format", "bottlenet_tf.whole.2"),
        ("image_size", 0),
        ("resize", 7),
        ("classes", []),
        ("sha256", None),
        ("timing_only", False),
        ("timing_only", ""),
    ],
)
def test_an_unusable_value_is_named_with_file_and_field(edge, field, value):
    folder = edge()
    content = json.loads((folder / whole.NAME).read_text())
    (folder / whole.NAME).write_text(json.dumps({**content, field: value}))
    with pytest.raises(ValueError, match=f"whole.json: field '{field}'"):
        Whole.load(folder)


@pytest.mark.parametrize("field", ["sha256", "timing_only", "classes"])
def test_a_missing_field_is_named(edge, field):
    folder = edge()
    content = json.loads((folder / whole.NAME).read_text())
    del content[field]
    (folder / whole.NAME).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"whole.json must have.*'{field}'"):
        Whole.load(folder)
