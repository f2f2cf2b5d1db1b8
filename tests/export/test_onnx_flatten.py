"""Flatten in front of a dense layer, on graphs made by hand."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bottlenet_tf.export.onnx_flatten import flatten_as_laid_out

RANDOM = np.random.RandomState(0)
# Whole numbers: sums are exact in any order.
IMAGES = RANDOM.randint(-9, 9, (5, 2, 3, 4)).astype(np.float32)
WEIGHTS = RANDOM.randint(-9, 9, (24, 7)).astype(np.float32)


def _model(sizes=(-1, 24), also=(), batch=None):
    values = [
        numpy_helper.from_array(np.array(sizes, np.int64), "sizes"),
        numpy_helper.from_array(WEIGHTS, "w"),
    ]
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], "t", perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["t", "sizes"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
        *also,
    ]
    names = ["y", *(node.output[0] for node in also)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, "N234")],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, "ab")
            for n in names
        ],
        values,
    )
    if batch is not None:
        graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    for axis, side in enumerate((2, 3, 4), 1):
        graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    )


def _run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["y"], {"x": IMAGES})[0]


@pytest.mark.parametrize(
    "case", [{}, {"batch": 5}, {"batch": 5, "sizes": (5, 24)}]
)
def test_weights_are_sorted_in_place_of_activations(case):
    model = _model(**case)
    wanted = IMAGES.transpose(0, 2, 3, 1).reshape(5, 24) @ WEIGHTS
    flatten_as_laid_out(model)
    onnx.checker.check_model(model, full_check=True)
    assert [n.op_type for n in model.graph.node] == ["Reshape", "MatMul"]
    assert len(model.graph.initializer) == 2
    np.testing.assert_array_equal(_run(model), wanted)


@pytest.mark.parametrize(
    "case",
    [
        {"sizes": (5, 24)},
        {"also": [helper.make_node("Abs", ["r"], ["z"])]},
        {"also": [helper.make_node("Flatten", ["t"], ["z"])]},
    ],
)
def test_other_uses_keep_the_transpose(case):
    model = _model(**case)
    flatten_as_laid_out(model)
    assert model == _model(**case)
