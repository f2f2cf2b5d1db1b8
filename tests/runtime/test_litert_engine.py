"""Tests of heads on LiteRT; TensorFlow's converter makes the file."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.engines import open_engine

pytest.importorskip("ai_edge_litert")


def convert(head, codes_first=True, sends_range=True, takes_point=False):
    """A .tflite file of the tiny head, NHWC as the export makes it."""
    weights = tf.constant(head.T[None, None])  # (1, 1, 3, channels)

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3))])
    def run(image):
        sums = tf.nn.conv2d(image, weights, 2, "VALID")
        codes = tf.round(tf.clip_by_value(sums, 0, 255))
        codes = tf.identity(sums) if takes_point else codes
        bounds = [tf.reduce_min(sums), tf.reduce_max(sums)]
        code_range = tf.reshape(tf.stack(bounds), (1, 2))
        if not sends_range:
            return codes
        return (codes, code_range) if codes_first else (code_range, codes)

    function = run.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    return converter.convert()


@pytest.fixture(scope="module")
def files():
    """Converted files by their arguments: converting takes a second."""
    return {}


@pytest.fixture
def litert_folder(deploy, hand, files):
    """Writes a deployment whose head is a .tflite file alone."""

    def write(
        codes_first=True,
        sends_range=True,
        name="head.tflite",
        **changes,
    ):
        key = codes_first, sends_range, changes.get("takes_point", False)
        if key not in files:
            files[key] = convert(hand.HEAD, *key)
        folder = deploy(sends_range, **changes)
        (folder / "edge" / "head.onnx").unlink()
        (folder / "edge" / name).write_bytes(files[key])
        return folder

    return write


@pytest.mark.parametrize("codes_first", [True, False])
def test_codes_and_range_are_told_apart_in_either_order(
    litert_folder, hand, pixels, codes_first
):
    head = Head.load(litert_folder(codes_first))
    codes, code_range = head.codes(pixels)
    assert head.runtime == "litert"
    np.testing.assert_array_equal(codes, hand.head_codes(pixels))
    assert code_range == hand.head_range(pixels)


def test_coefficients_become_the_codes_of_each_point(
    litert_folder, hand, pixels, qualities
):
    head = Head.load(litert_folder(**qualities))
    for index, value in enumerate((96, 32, 64)):
        codes, _ = head.codes(pixels, index)
        np.testing.assert_array_equal(codes, hand.head_codes(pixels, value))


def test_a_unit_without_a_range_has_codes_alone(litert_folder, hand, pixels):
    head = Head.load(litert_folder(sends_range=False), threads=1)
    codes, code_range = head.codes(pixels)
    np.testing.assert_array_equal(codes, hand.head_codes(pixels))
    assert code_range is None


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_a_smaller_file_is_chosen_by_name_only(litert_folder, kind):
    folder = litert_folder(name=f"head_{kind}.tflite")
    assert Head.load(folder, f"litert_{kind}").runtime == f"litert_{kind}"
    with pytest.raises(FileNotFoundError, match="head.tflite is missing"):
        Head.load(folder)


def test_a_payload_is_the_same_as_on_onnx_runtime(
    litert_folder, deploy, pixels
):
    payload = Head.load(litert_folder()).encode(pixels)
    assert payload == Head.load(deploy(), "onnx").encode(pixels)


def test_an_earlier_result_is_not_overwritten_by_the_next_call(
    litert_folder, pixels
):
    head = Head.load(litert_folder())
    first, _ = head.codes(pixels)
    kept = first.copy()
    head.codes(255 - pixels)
    np.testing.assert_array_equal(first, kept)


def test_the_older_library_is_used_where_the_newer_is_missing(
    litert_folder, hand, pixels, monkeypatch
):
    from ai_edge_litert import interpreter

    folder = litert_folder()
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", interpreter)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", interpreter)
    codes, _ = Head.load(folder, "litert").codes(pixels)
    np.testing.assert_array_equal(codes, hand.head_codes(pixels))


def test_a_missing_library_says_what_to_install(litert_folder, monkeypatch):
    for module in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, f"{module}.interpreter", None)
    with pytest.raises(ImportError, match="ai_edge_litert or tflite_runtime"):
        Head.load(litert_folder())
    with pytest.raises(ImportError, match="pip install ai-edge-litert"):
        Head.load(litert_folder(), "litert")


@pytest.mark.parametrize("data", [b"", b"no network", b"\x1c\0\0\0TFL3"])
def test_a_damaged_file_is_named(tmp_path, data):
    path = tmp_path / "head.tflite"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="LiteRT cannot.*head.tflite"):
        open_engine(path)


def test_a_head_of_another_size_is_refused(litert_folder, hand):
    folder = litert_folder()
    unit = folder / "edge" / "unit.json"
    unit.write_text(
        unit.read_text().replace('"image_size": 8', '"image_size": 6')
    )
    with pytest.raises(ValueError, match=r"an input of shape \(1, 6, 6, 3\)"):
        Head.load(folder)
