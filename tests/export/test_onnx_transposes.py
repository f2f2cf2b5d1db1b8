"""Transposes that can go and that can't, on graphs made by hand."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bottlenet_tf.export.onnx_transposes import cancel_transposes

IMAGE = np.random.RandomState(1).uniform(-9, 9, (1, 2, 4, 4))


def _model(nodes, initializers=(), output="y"):
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2, 4, 4))
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, "abcd")
    graph = helper.make_graph(nodes, "g", [image], [out], list(initializers))
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    )


def _run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": IMAGE.astype(np.float32)})[0]


def _check_result(model, operators):
    """Checks that the same is computed, and by which operators, if given."""
    before = _run(model)
    cancel_transposes(model)
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(_run(model), before)
    if operators:
        assert [node.op_type for node in model.graph.node] == operators


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
    cancel_transposes(model)
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
    cancel_transposes(model)
    assert [n.op_type for n in model.graph.node] == ["Sub"]


@pytest.mark.parametrize("shape", [(2,), (1, 1, 1, 2), (4, 4, 2)])
def test_a_constant_is_laid_out_anew(shape):
    values = np.random.RandomState(0).rand(*shape).astype(np.float32)
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Sub", ["v", "a"], ["b"]),
            _transpose("y", "b", TO_FIRST),
        ],
        [numpy_helper.from_array(values, "v")],
    )
    _check_result(model, ["Sub"])
    assert len(model.graph.initializer) == 1


def test_a_vector_that_is_computed_keeps_the_transposes():
    model = _model(
        [
            helper.make_node("ReduceMax", ["x"], ["w"], axes=[0, 2, 3]),
            _transpose("a", "x", TO_LAST),
            helper.make_node("Reshape", ["w", "two"], ["z"]),
            helper.make_node("Mul", ["a", "z"], ["b"]),
            _transpose("y", "b", TO_FIRST),
        ],
        [helper.make_tensor("two", TensorProto.INT64, (1,), [2])],
    )
    cancel_transposes(model)
    assert [n.op_type for n in model.graph.node].count("Transpose") == 2


@pytest.mark.parametrize("axis", [3, -1])
def test_an_exchange_of_channels_moves_to_their_axis(axis):
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Split", ["a", "one"], ["r", "b"], axis=axis),
            helper.make_node("Concat", ["b", "r"], ["c"], axis=axis),
            helper.make_node("Sub", ["c", "mean"], ["d"]),
            _transpose("y", "d", TO_FIRST),
        ],
        [
            helper.make_tensor("one", TensorProto.INT64, (2,), [1, 1]),
            helper.make_tensor("mean", TensorProto.FLOAT, (2,), [5, 9]),
        ],
    )
    _check_result(model, ["Split", "Concat", "Sub"])


def test_an_input_that_is_left_out_stays_so():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Clip", ["a", "", "half"], ["b"]),
            _transpose("y", "b", TO_FIRST),
        ],
        [helper.make_tensor("half", TensorProto.FLOAT, (), [0.5])],
    )
    _check_result(model, ["Clip"])


def test_branches_that_are_transposed_alike_meet():
    model = _model(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            _transpose("a", "x", TO_LAST),
            _transpose("b", "r", TO_LAST),
            helper.make_node("Round", ["a"], ["c"]),
            helper.make_node("Add", ["c", "b"], ["d"]),
            _transpose("y", "d", TO_FIRST),
        ]
    )
    _check_result(model, ["Relu", "Round", "Add"])


def test_pairs_that_follow_each_other_go():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Round", ["a"], ["b"]),
            _transpose("c", "b", TO_FIRST),
            helper.make_node("Relu", ["c"], ["d"]),
            _transpose("y", "d", TO_LAST),
        ]
    )
    _check_result(model, ["Round", "Relu", "Transpose"])


def test_a_pair_right_behind_the_input_goes():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            _transpose("b", "a", TO_FIRST),
            helper.make_node("Relu", ["b"], ["y"]),
        ]
    )
    _check_result(model, ["Relu"])


def test_a_pair_right_before_the_output_goes():
    model = _model(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            _transpose("a", "r", TO_LAST),
            _transpose("y", "a", TO_FIRST),
        ]
    )
    _check_result(model, ["Relu"])


def test_a_pair_that_is_all_becomes_an_identity():
    model = _model(
        [_transpose("a", "x", TO_LAST), _transpose("y", "a", TO_FIRST)]
    )
    _check_result(model, ["Identity"])


def test_an_order_that_is_its_own_inverse_is_no_source_of_itself():
    swap = [0, 1, 3, 2]
    model = _model(
        [
            _transpose("a", "x", swap),
            helper.make_node("Round", ["a"], ["b"]),
            _transpose("c", "b", swap),
            helper.make_node("Add", ["a", "c"], ["d"]),
            _transpose("y", "d", swap),
        ]
    )
    _check_result(model, None)


def test_transposes_that_are_no_inverses_stay():
    model = _model(
        [
            _transpose("a", "x", TO_LAST),
            helper.make_node("Round", ["a"], ["b"]),
            _transpose("y", "b", TO_LAST),
        ]
    )
    cancel_transposes(model)
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
    cancel_transposes(model)
    assert len(model.graph.node) == 6
