"""The passes over ONNX graphs, on graphs made by hand."""

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


def _transpose(name, source, order):
    return helper.make_node("Transpose", [source], [name], name, perm=order)


TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def test_inverse_transposes_around_elementwise_nodes_go():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Mul", ["a", "two"], ["b"]),
            helper.make_node("Round", ["b"], ["c"]),
            _transpose("y", "c", TO_FIRST),
        ],
        [helper.make_tensor("two", TensorProto.FLOAT, (), [2.0])],
    )
    onnx_passes.cancel_transposes(model)
    onnx.checker.check_model(model, full_check=True)
    assert [n.op_type for n in model.graph.node] == ["Mul", "Round"]
    assert model.graph.node[0].input[0] == "x"
    assert model.graph.node[1].output[0] == "y"


def test_one_value_for_each_image_has_no_layout():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Sub", ["a", "low"], ["b"]),
            _transpose("y", "b", TO_FIRST),
        ],
        [helper.make_tensor("low", TensorProto.FLOAT, (3, 1, 1, 1), [1, 2, 3])],
    )
    onnx_passes.cancel_transposes(model)
    assert [n.op_type for n in model.graph.node] == ["Sub"]


@pytest.mark.parametrize("shape", [(4,), (1, 1, 1, 2)])
def test_a_vector_keeps_the_transposes(shape):
    values = [1.0] * max(shape)
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Mul", ["a", "v"], ["b"]),
            _transpose("y", "b", TO_FIRST),
        ],
        [helper.make_tensor("v", TensorProto.FLOAT, shape, values)],
    )
    onnx_passes.cancel_transposes(model)
    assert [n.op_type for n in model.graph.node].count("Transpose") == 2


def test_transposes_that_are_no_inverses_stay():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Round", ["a"], ["b"]),
            _transpose("y", "b", TO_LAST),
        ]
    )
    onnx_passes.cancel_transposes(model)
    assert len(model.graph.node) == 3


def test_a_tensor_with_two_users_keeps_its_layout():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Round", ["a"], ["b"]),
            _transpose("c", "b", TO_FIRST),
            helper.make_node("Flatten", ["b"], ["d"]),
            helper.make_node("Flatten", ["c"], ["e"]),
            helper.make_node("Add", ["d", "e"], ["y"]),
        ]
    )
    onnx_passes.cancel_transposes(model)
    assert len(model.graph.node) == 6


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
