"""The lost cast and leftovers, on graphs made by hand."""

import onnx
import pytest
from onnx import TensorProto, helper

from bottlenet_tf.export import onnx_passes


def _model(nodes, initializers=(), output="y"):
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2, 4, 4))
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, "abcd")
    graph = helper.make_graph(nodes, "g", [image], [out], list(initializers))
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    )


def test_a_lost_cast_comes_back_before_all_users():
    model = _model(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("Cast", ["r"], ["y"], to=TensorProto.FLOAT),
        ]
    )
    onnx_passes.restore_float16(model, "y")
    onnx.checker.check_model(model, full_check=True)
    casts = [n for n in model.graph.node if n.op_type == "Cast"]
    kinds = [onnx.helper.get_attribute_value(n.attribute[0]) for n in casts]
    assert kinds == [TensorProto.FLOAT16, TensorProto.FLOAT]


def test_a_range_that_no_cast_yields_is_refused():
    model = _model([helper.make_node("Relu", ["x"], ["y"])])
    with pytest.raises(ValueError, match="Received: Relu"):
        onnx_passes.restore_float16(model, "y")


def test_what_no_output_needs_goes():
    model = _model(
        [
            helper.make_node("Relu", ["x"], ["y"]),
            helper.make_node("Abs", ["x"], ["a"]),
            helper.make_node("Add", ["a", "v"], ["b"]),
        ],
        [helper.make_tensor("v", TensorProto.FLOAT, (1,), [1.0])],
    )
    onnx_passes.remove_unused(model.graph)
    assert [n.op_type for n in model.graph.node] == ["Relu"]
    assert not model.graph.initializer
