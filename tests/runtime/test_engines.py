"""Tests of the engines' common call, on ONNX Runtime."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from bottlenet_tf.runtime.engines import fits, open_engine


@pytest.fixture
def head_path(tmp_path, hand):
    path = tmp_path / "head.onnx"
    hand.save_head(path, sends_range=True)
    return path


def test_inputs_and_outputs_are_listed_with_their_shapes(head_path):
    engine = open_engine(head_path)
    assert engine.inputs == {"image": (1, 3, 8, 8)}
    assert engine.outputs == {"codes": (1, 2, 4, 4), "range": (1, 2)}


def test_an_open_dimension_is_none(tmp_path, hand):
    hand.save_tail(tmp_path / "tail.onnx", sends_range=False)
    engine = open_engine(tmp_path / "tail.onnx")
    assert engine.inputs == {"codes": (None, 2, 4, 4)}
    assert engine.outputs == {"logits": (None, 3)}


def test_a_call_maps_arrays_to_arrays_by_name(head_path):
    image = np.zeros((1, 3, 8, 8), np.float32)
    image[0, 0] = 100
    outputs = open_engine(head_path)({"image": image})
    assert set(outputs) == {"codes", "range"}
    # 0.5 and 1.5 times the red of 100.
    assert outputs["codes"].tolist()[0][0][0] == [50.0] * 4
    assert outputs["range"].tolist() == [[50.0, 150.0]]


def test_a_missing_library_says_what_to_install(head_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        open_engine(head_path)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    path = tmp_path / "head.pt"
    with pytest.raises(ValueError, match=".engine, .onnx, .plan, .tflite"):
        open_engine(path)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".engine", ".plan"])
def test_a_missing_file_is_named_before_a_library_is_asked_for(
    tmp_path, suffix, monkeypatch
):
    for module in ("onnxruntime", "ai_edge_litert", "tensorrt"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FileNotFoundError, match=f"gone{suffix}"):
        open_engine(tmp_path / f"gone{suffix}")


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_must_be_a_positive_integer(head_path, threads):
    with pytest.raises(ValueError, match="Received: threads="):
        open_engine(head_path, threads)


def test_threads_reach_the_library(head_path, monkeypatch):
    seen = []
    session = onnxruntime.InferenceSession

    def recording(path, options, providers):
        seen.append((options.intra_op_num_threads, providers))
        return session(path, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", recording)
    open_engine(head_path, threads=3)
    assert seen == [(3, ["CPUExecutionProvider"])]


def test_an_unknown_device_lists_the_choices(head_path):
    with pytest.raises(ValueError, match="cpu, cuda, tensorrt"):
        open_engine(head_path, device="tpu")


def test_only_onnx_files_take_a_device(tmp_path):
    (tmp_path / "head.tflite").touch()
    with pytest.raises(ValueError, match="device='cuda'"):
        open_engine(tmp_path / "head.tflite", device="cuda")


def test_a_device_that_the_library_was_built_without_is_named(head_path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(ValueError, match="onnxruntime-gpu.*CPUExecution"):
        open_engine(head_path, device="cuda")


def test_a_device_that_fails_to_start_is_not_passed_over(
    head_path, monkeypatch
):
    session = onnxruntime.InferenceSession

    def without_cuda(path, options, providers):
        return session(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_cuda)
    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    with pytest.raises(ValueError, match="failed to load"):
        open_engine(head_path, device="cuda")


@pytest.mark.parametrize("data", [b"", b"no network", b"\x08\x07"])
def test_a_damaged_file_is_named(tmp_path, data):
    path = tmp_path / "head.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="ONNX Runtime cannot.*head.onnx"):
        open_engine(path)


def test_tensors_of_another_type_are_refused(tmp_path):
    path = tmp_path / "head.onnx"
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, (1, 3))
    codes = helper.make_tensor_value_info("codes", TensorProto.UINT8, (1, 3))
    node = helper.make_node("Identity", ["image"], ["codes"])
    graph = helper.make_graph([node], "tiny", [image], [codes])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(
        helper.make_model(graph, opset_imports=opset, ir_version=7), str(path)
    )
    with pytest.raises(ValueError, match="float32.*tensor='image'"):
        open_engine(path)


@pytest.mark.parametrize(
    "received, fit",
    [
        ((1, 2), True),
        ((None, 2), True),
        ((2, 1), False),
        ((1,), False),
        ((1, 2, 1), False),
    ],
)
def test_an_open_dimension_fits_any_size(received, fit):
    assert fits(received, (1, 2)) is fit
