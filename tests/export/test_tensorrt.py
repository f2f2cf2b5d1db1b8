"""Tests of the TensorRT checker on small graphs: what each target refuses."""

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from bottlenet_tf.export import tensorrt
from bottlenet_tf.export.tensorrt import (
    TARGETS,
    Finding,
    UnsupportedGraphError,
    check_model,
    require_supported,
)
from bottlenet_tf.export.tensorrt_nodes import NodeRules

node = helper.make_node
SINCE_8_5 = TARGETS[1:]
BEFORE_10 = TARGETS[:3]
SINCE_10 = TARGETS[3:]


def value(name, shape=(1, 2, 4, 4), kind=T.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, data, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(data, dtype), name)


def model_of(
    nodes, inputs=None, outputs=None, constants=(), opset=13, ir_version=7
):
    """A model whose output, unless given, is the last node's, as inferred."""
    last = onnx.ValueInfoProto(name=nodes[-1].output[0])
    graph = helper.make_graph(
        nodes, "g", inputs or [value("x")], outputs or [last], constants
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir_version,
    )
    if not outputs:
        inferred = onnx.shape_inference.infer_shapes(model)
        model.graph.output[0].CopyFrom(inferred.graph.output[0])
    return model


def head():
    """A head as exported: float16 in, codes and range out."""
    nodes = [
        node("Cast", ["image"], ["float"], "cast", to=T.FLOAT),
        node("Conv", ["float", "w"], ["conv"], "conv", pads=[1] * 4),
        node("Relu", ["conv"], ["relu"], "relu"),
        node("ReduceMin", ["relu"], ["low"], "min", axes=[1, 2, 3]),
        node("ReduceMax", ["relu"], ["high"], "max", axes=[1, 2, 3]),
        node("Sub", ["high", "low"], ["width"], "width"),
        node("Max", ["width", "eps"], ["safe"], "safe"),
        node("Div", ["full", "safe"], ["scale"], "scale"),
        node("Sub", ["relu", "low"], ["shifted"], "shift"),
        node("Mul", ["shifted", "scale"], ["scaled"], "multiply"),
        node("Round", ["scaled"], ["rounded"], "round"),
        node("Min", ["rounded", "full"], ["below"], "below"),
        node("Clip", ["below", "zero", "full"], ["codes"], "clip"),
    ]
    constants = [
        constant("w", np.ones((2, 3, 3, 3))),
        constant("eps", 1e-6),
        constant("full", 255.0),
        constant("zero", 0.0),
    ]
    return model_of(
        nodes,
        [value("image", (1, 3, 4, 4), T.FLOAT16)],
        [value("codes"), value("low", (1, 1, 1, 1))],
        constants,
    )


def tail():
    """A tail: codes of N images in, logits out."""
    nodes = [
        node("Mul", ["codes", "step"], ["x"]),
        node("ConvTranspose", ["x", "w", "b"], ["up"], strides=[2, 2]),
        node("Relu", ["up"], ["relu"]),
        node("GlobalAveragePool", ["relu"], ["mean"]),
        node("Reshape", ["mean", "shape"], ["flat"]),
        node("Gemm", ["flat", "matrix", "bias"], ["logits"]),
    ]
    constants = [
        constant("step", 0.1),
        constant("w", np.ones((2, 4, 2, 2))),
        constant("b", np.zeros(4)),
        constant("shape", [-1, 4], np.int64),
        constant("matrix", np.ones((4, 10))),
        constant("bias", np.zeros(10)),
    ]
    inputs = [value("codes", ("N", 2, 4, 4))]
    return model_of(nodes, inputs, [value("logits", ("N", 10))], constants)


def refused(model, target):
    return [f for f in check_model(model, target) if f.refused]


def assert_refused(model, targets, match):
    """Asserts that exactly these targets refuse, each with one finding."""
    for target in TARGETS:
        found = refused(model, target)
        if target in targets:
            assert len(found) == 1, (target, found)
            assert match in str(found[0])
        else:
            assert not found, (target, found)


@pytest.mark.parametrize("graph", [head, tail])
@pytest.mark.parametrize("target", TARGETS)
def test_our_graphs_pass_everywhere(graph, target):
    model = graph()
    onnx.checker.check_model(model, full_check=True)
    before = model.SerializeToString()
    require_supported(model, target)
    assert model.SerializeToString() == before


def test_the_targets_are_the_five_in_order():
    assert TARGETS == ("trt8.2", "trt8.5", "trt8.6", "trt10", "trt11")


@pytest.mark.parametrize("target", TARGETS)
def test_a_random_operator_put_in_is_always_refused(target):
    rng = random.Random(target)
    operators = tensorrt._TABLES[target]["operators"]
    missing = [name for name, entry in operators.items() if entry is None]
    for name in (*missing, "NoSuchOperator"):
        model = head()
        changed = rng.choice(model.graph.node)
        changed.op_type = name
        with pytest.raises(UnsupportedGraphError) as caught:
            require_supported(model, target)
        assert f"node={changed.name!r} ({name})" in str(caught.value)


@pytest.mark.parametrize("target", TARGETS)
def test_every_rule_in_the_table_is_known(target):
    table = tensorrt._TABLES[target]
    rules = [r for e in table["operators"].values() if e for r in e["rules"]]
    rules += [r for rules in table["importer_rules"].values() for r in rules]
    kinds = {rule.partition(":")[0] for rule in rules} - {"unchecked"}
    assert all(callable(getattr(NodeRules, kind)) for kind in kinds)
    assert len(kinds) > 2


@pytest.mark.parametrize(
    "target, opset", zip(TARGETS, [13, 17, 17, 20, 24], strict=True)
)
def test_opsets_end_where_the_table_says(target, opset):
    relu = [node("Relu", ["x"], ["y"])]
    assert not refused(model_of(relu, opset=opset), target)
    (finding,) = refused(model_of(relu, opset=opset + 1), target)
    assert finding.received == f"opset={opset + 1}"


def test_opsets_begin_at_7_before_10_and_at_9_since():
    model = model_of([node("Relu", ["x"], ["y"])], opset=8)
    assert_refused(model, SINCE_10, "opset must be 9 to")


def test_a_model_without_an_opset_is_refused():
    model = head()
    del model.opset_import[:]
    assert_refused(model, TARGETS, "Received: opset=None")


@pytest.mark.parametrize(
    "target, version", zip(TARGETS, [7, 8, 8, 10, 13], strict=True)
)
def test_ir_versions_end_with_the_onnx_of_the_parser(target, version):
    relu = [node("Relu", ["x"], ["y"])]
    assert not refused(model_of(relu, ir_version=version), target)
    (finding,) = refused(model_of(relu, ir_version=version + 1), target)
    assert finding.received == f"ir_version={version + 1}"


def test_functions_are_refused():
    model = head()
    opsets = [helper.make_opsetid("", 13)]
    body = [node("Relu", ["a"], ["b"])]
    model.functions.append(
        helper.make_function("own", "twice", ["a"], ["b"], body, opsets)
    )
    assert_refused(model, TARGETS, "functions=['twice']")


def test_operators_of_another_domain_are_refused_by_name():
    model = model_of(
        [node("Relu", ["x"], ["y"], "mine", domain="com.own")],
        outputs=[value("y")],
    )
    model.opset_import.append(helper.make_opsetid("com.own", 1))
    assert_refused(model, TARGETS, "node='mine' (Relu), domain='com.own'")


def test_an_unused_domain_is_no_offence():
    model = head()  # tf2onnx imports ai.onnx.ml always.
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 2))
    assert_refused(model, (), "")


def test_a_model_that_lacks_a_domain_can_t_be_checked():
    nodes = [
        node("Relu", ["x"], ["y"], "first"),
        node("Relu", ["y"], ["z"], domain="com.own"),
    ]
    model = model_of(nodes, outputs=[value("z")])
    whole, first, foreign = refused(model, "trt8.2")
    assert "Types must be inferable" in str(whole)
    assert first.node == "first" and first.received == "output='y'"
    assert foreign.received == "domain='com.own'"


def test_mod_is_missing_in_8_2_alone():
    model = model_of([node("Mod", ["x", "x"], ["y"], "mod", fmod=1)])
    assert_refused(model, ["trt8.2"], "node='mod' (Mod), opset=13")


def test_an_operator_of_a_later_opset_is_refused():
    model = model_of(
        [node("HardSwish", ["x"], ["y"])], outputs=[value("y")], opset=13
    )
    for target in SINCE_8_5:
        messages = [str(f) for f in refused(model, target)]
        assert any("of the model's opset" in m for m in messages)


@pytest.mark.parametrize(
    "kind, targets",
    [
        (T.FLOAT, []),
        (T.FLOAT16, []),
        (T.DOUBLE, []),
        (T.INT32, BEFORE_10),
        (T.INT64, BEFORE_10),
        (T.BFLOAT16, BEFORE_10),
    ],
)
def test_reductions_take_their_table_s_types(kind, targets):
    # Opset 13: BF16 is a type of ONNX's ReduceMax there.
    model = model_of(
        [node("ReduceMax", ["x"], ["y"], axes=[1])], [value("x", kind=kind)]
    )
    for target in TARGETS:
        assert bool(refused(model, target)) == (target in targets)


@pytest.mark.parametrize(
    "nodes, constants, targets",
    [
        # Not the condition, but what it selects from.
        ([node("Where", ["c", "a", "a"], ["y"])], {"a": np.int8(1)}, TARGETS),
        ([node("Where", ["c", "a", "a"], ["y"])], {"a": np.float32(1)}, ()),
        # Not the input, but what becomes of it.
        ([node("EyeLike", ["m"], ["y"], dtype=T.INT8)], {}, TARGETS),
        ([node("EyeLike", ["m"], ["y"], dtype=T.FLOAT)], {}, ()),
        (
            [
                node(
                    "ConstantOfShape",
                    ["s"],
                    ["y"],
                    value=constant("", [1], np.int64),
                )
            ],
            {"s": np.array([2])},
            BEFORE_10,
        ),
        ([node("ConstantOfShape", ["s"], ["y"])], {"s": np.array([2])}, ()),
        (
            [node("OneHot", ["i", "depth", "v"], ["y"])],
            {
                "i": np.array([1]),
                "depth": np.array(3),
                "v": np.array([0, 1], np.int8),
            },
            TARGETS,
        ),
        (
            [node("OneHot", ["i", "depth", "v"], ["y"])],
            {
                "i": np.array([1]),
                "depth": np.array(3),
                "v": np.array([0, 1], np.float32),
            },
            ["trt8.2"],
        ),
    ],
)
def test_types_are_those_of_the_data(nodes, constants, targets):
    model = model_of(
        nodes,
        [value("c", (2, 2), T.BOOL), value("m", (2, 2))],
        constants=[constant(k, v, v.dtype) for k, v in constants.items()],
    )
    for target in TARGETS:
        assert bool(refused(model, target)) == (target in targets), target


def test_an_operator_s_types_are_named_in_the_error():
    model = model_of([node("Relu", ["x"], ["y"])], [value("x", kind=T.BOOL)])
    found = refused(model, "trt8.2")
    assert len(found) == 2
    assert str(found[0]) == (
        "Tensors must be of FP32, FP16, INT8: TensorRT 8.2 has the operator "
        "for no others. Received: node='y' (Relu), tensor='x', type=BOOL"
    )


def test_shape_inputs_are_not_an_operator_s_data():
    # Reshape takes no double on any target, but its shape is int64 always.
    model = model_of(
        [node("Reshape", ["x", "shape"], ["y"])],
        constants=[constant("shape", [2, -1], np.int64)],
    )
    assert_refused(model, (), "")


@pytest.mark.parametrize(
    "dtype, kind, targets, became",
    [
        (np.int64, "INT64", BEFORE_10, "INT32"),
        (np.float64, "DOUBLE", TARGETS, "FP32"),
    ],
)
def test_types_cast_down_are_a_note(dtype, kind, targets, became):
    model = model_of(
        [
            node("Cast", ["c"], ["d"], to=T.FLOAT),
            node("Add", ["x", "d"], ["y"]),
        ],
        constants=[constant("c", 1, dtype)],
    )
    for target in TARGETS:
        notes = check_model(model, target)
        assert len(notes) == (target in targets)
        for note in notes:
            assert not note.refused
            assert str(note).startswith(f"{kind} becomes {became}: clamped")
            assert "1 tensors, the first is 'c'" in str(note)


def test_uint8_is_nowhere_in_8_2():
    cast = node("Cast", ["x"], ["y"], "cast", to=T.UINT8)
    to_input = model_of(
        [node("Cast", ["u"], ["y"], to=T.FLOAT)],
        [value("u", kind=T.UINT8)],
    )
    for model in (model_of([cast]), to_input):
        messages = [str(f) for f in refused(model, "trt8.2")]
        assert any("type=UINT8" in m and "(Cast)" in m for m in messages)
        assert any("TensorRT 8.2 has no UINT8" in m for m in messages)
        for target in SINCE_8_5:
            assert not refused(model, target)


def test_uint8_between_nodes_is_refused_everywhere():
    nodes = [
        node("Cast", ["x"], ["u"], to=T.UINT8),
        node("Cast", ["u"], ["y"], to=T.FLOAT),
    ]
    for target in TARGETS:
        found = refused(model_of(nodes), target)
        assert any(f.received == "tensor='u', type=UINT8" for f in found)


def test_a_uint8_initializer_is_refused_everywhere():
    model = model_of(
        [
            node("Cast", ["u"], ["f"], to=T.FLOAT),
            node("Add", ["x", "f"], ["y"]),
        ],
        constants=[constant("u", 3, np.uint8)],
    )
    also_input = model_of(
        model.graph.node,
        [value("x"), value("u", (), T.UINT8)],
        constants=model.graph.initializer,
    )
    for target in TARGETS:
        for graph in (model, also_input):
            found = refused(graph, target)
            assert any(f.received == "tensor='u', type=UINT8" for f in found)


@pytest.mark.parametrize("operator", ["Transpose", "Identity"])
def test_layouts_take_no_uint8_on_any_target(operator):
    model = model_of(
        [node(operator, ["u"], ["y"], "layout")], [value("u", kind=T.UINT8)]
    )
    for target in TARGETS:
        messages = [str(f) for f in refused(model, target)]
        assert any(f"node='layout' ({operator})" in m for m in messages)


def test_strings_are_refused_everywhere():
    model = model_of(
        [node("Identity", ["s"], ["y"])], [value("s", (1,), T.STRING)]
    )
    for target in TARGETS:
        found = refused(model, target)
        assert any(f.received == "tensor='s', type=STRING" for f in found)


def test_sequences_are_refused_everywhere():
    kind = helper.make_sequence_type_proto(
        helper.make_tensor_type_proto(T.FLOAT, (1,))
    )
    model = model_of([node("Relu", ["x"], ["y"])])
    model.graph.input.append(helper.make_value_info("s", kind))
    for target in TARGETS:
        found = refused(model, target)
        assert any("type=SEQUENCE_TYPE" in f.received for f in found)


def test_sparse_initializers_are_refused_everywhere():
    model = model_of([node("Relu", ["x"], ["y"])])
    sparse = helper.make_sparse_tensor(
        constant("values", [1.0]), constant("at", [0], np.int64), [3]
    )
    model.graph.sparse_initializer.append(sparse)
    assert_refused(model, TARGETS, "tensor='values', type=SPARSE")


@pytest.mark.parametrize(
    "shape", [("M", 2, 4, 4), ("N", "N", 4, 4), (1, 2, 4, "W"), (0, 2), (None,)]
)
def test_dimensions_are_fixed_but_for_a_batch_named_n(shape):
    model = model_of(
        [node("Relu", ["x"], ["y"])], [value("x", shape)], [value("y", (1,))]
    )
    found = refused(model, "trt8.2")
    assert found[0].node == "x"
    assert f"shape={list(shape)}" in str(found[0])


def test_an_output_of_unknown_shape_is_refused():
    nodes = [node("NonZero", ["x"], ["y"])]
    model = model_of(nodes, outputs=[value("y", (4, "unk__1"), T.INT64)])
    for target in SINCE_8_5:
        assert "unk__1" in str(refused(model, target)[0])


def test_an_input_without_a_shape_is_refused():
    model = model_of(
        [node("Relu", ["x"], ["y"])], [value("x", None)], [value("y", (1,))]
    )
    assert_refused(model, TARGETS, "tensor='x', shape=None")


def test_an_initializer_among_the_inputs_is_a_constant():
    model = head()
    model.graph.input.append(value("w", ("any", 3, 3, 3)))
    assert_refused(model, (), "")


def reads_input(operator, index, constants, **attributes):
    """A node one of whose inputs is the graph's, the rest constant."""
    names = ["x", *constants]
    names[index] = "given"
    inputs = [value("x")]
    data = constants.get(list(constants)[index - 1])
    inputs.append(
        value("given", data.shape, helper.np_dtype_to_tensor_dtype(data.dtype))
    )
    return model_of(
        [node(operator, names, ["y"], "n", **attributes)],
        inputs,
        [value("y", (1,))],
        [constant(k, v, v.dtype) for k, v in constants.items()],
    )


KERNEL = {"w": np.ones((2, 2, 3, 3), np.float32)}
WITH_BIAS = {**KERNEL, "b": np.ones(2, np.float32)}
AXES = {"axes": np.array([1])}
SLICE = {"starts": np.array([0]), "ends": np.array([1]), **AXES}
RESIZE = {"roi": np.ones(0, np.float32), "scales": np.ones(4, np.float32)}


@pytest.mark.parametrize(
    "operator, index, constants, targets",
    [
        ("Conv", 1, KERNEL, ["trt8.2"]),
        ("Conv", 2, WITH_BIAS, ["trt8.2"]),
        ("ConvTranspose", 1, KERNEL, ["trt8.2"]),
        ("ConvTranspose", 2, WITH_BIAS, ["trt8.2"]),
        ("ReduceSum", 1, AXES, TARGETS),
        ("Unsqueeze", 1, AXES, TARGETS),
        ("Squeeze", 1, AXES, TARGETS),
        ("Slice", 3, SLICE, TARGETS[:4]),
        ("Resize", 2, RESIZE, ["trt8.2"]),
        ("CumSum", 1, {"axis": np.array(1)}, TARGETS),
    ],
)
def test_what_the_parser_reads_must_be_constant(
    operator, index, constants, targets
):
    if operator == "Squeeze":  # Needs a dimension of one: the first.
        constants = {"axes": np.array([0])}
    model = reads_input(operator, index, constants)
    assert_refused(model, targets, "='given'")
    names = ["x", *constants]
    held = model_of(
        [node(operator, names, ["y"])],
        outputs=[value("y", (1,))],
        constants=[constant(k, v, v.dtype) for k, v in constants.items()],
    )
    assert_refused(held, (), "")


def test_a_constant_node_is_as_good_as_an_initializer():
    nodes = [
        node("Constant", [], ["w"], value=constant("", KERNEL["w"])),
        node("Constant", [], ["axes"], value_ints=[1]),
        node("Conv", ["x", "w"], ["c"]),
        node("ReduceSum", ["c", "axes"], ["y"]),
    ]
    assert_refused(model_of(nodes), (), "")


def test_computed_weights_are_not_constant_in_8_2():
    nodes = [node("Neg", ["w"], ["v"]), node("Conv", ["x", "v"], ["y"], "c")]
    model = model_of(nodes, constants=[constant("w", KERNEL["w"])])
    assert_refused(model, ["trt8.2"], "node='c' (Conv), W='v'")


@pytest.mark.parametrize("rank, ok", [(3, False), (4, True), (5, True)])
def test_convolutions_of_8_2_are_2d_or_3d(rank, ok):
    shape = [1, 2, *[4] * (rank - 2)]
    model = model_of(
        [node("Conv", ["x", "w"], ["y"])],
        [value("x", shape)],
        constants=[constant("w", np.ones([2, 2, *[3] * (rank - 2)]))],
    )
    assert_refused(model, [] if ok else ["trt8.2"], f"rank={rank}")


def test_clip_s_bounds_in_8_2_are_float32():
    model = model_of(
        [node("Clip", ["x", "low", "high"], ["y"], "clip")],
        [value("x", kind=T.FLOAT16)],
        constants=[constant("low", 0, "f2"), constant("high", 9, "f2")],
    )
    (low, high) = refused(model, "trt8.2")
    assert "min=FP16" in str(low) and "max=FP16" in str(high)
    for target in SINCE_8_5:
        assert not refused(model, target)


def test_clip_without_a_lower_bound_passes():
    model = model_of(
        [node("Clip", ["x", "", "high"], ["y"])],
        constants=[constant("high", 9)],
    )
    assert_refused(model, (), "")


def test_a_fill_value_in_8_2_is_float32():
    def padded(kind, dtype):
        return model_of(
            [node("Pad", ["x", "pads", "fill"], ["y"])],
            [value("x", kind=kind)],
            constants=[
                constant("pads", [0] * 8, np.int64),
                constant("fill", 1, dtype),
            ],
        )

    assert_refused(padded(T.FLOAT, "f4"), (), "")
    assert_refused(padded(T.FLOAT16, "f2"), ["trt8.2"], "constant_value=FP16")


def test_pad_s_wrap_mode_comes_with_10():
    model = model_of(
        [node("Pad", ["x", "pads"], ["y"], mode="wrap")],
        constants=[constant("pads", [0] * 8, np.int64)],
        opset=19,
    )
    for target in TARGETS[1:3]:
        assert any("mode=wrap" in str(f) for f in refused(model, target))
    for target in SINCE_10:
        assert not refused(model, target)


@pytest.mark.parametrize(
    "attributes, received",
    [
        ({"mode": "cubic"}, "mode=cubic"),
        (
            {"coordinate_transformation_mode": "tf_crop_and_resize"},
            "coordinate_transformation_mode=tf_crop_and_resize",
        ),
    ],
)
def test_resize_s_other_modes_are_refused(attributes, received):
    model = model_of(
        [node("Resize", ["x", "roi", "scales"], ["y"], **attributes)],
        outputs=[value("y")],
        constants=[constant(k, v) for k, v in RESIZE.items()],
    )
    assert_refused(model, TARGETS, received)


def test_resize_s_other_nearest_modes_are_refused():
    # No opset has another one yet; the checker doesn't look at ONNX's list.
    model = model_of(
        [node("Resize", ["x", "", "s"], ["y"], nearest_mode="up")],
        outputs=[value("y")],
        constants=[constant("s", np.ones(4))],
    )
    assert_refused(model, TARGETS, "nearest_mode=up")


def test_antialiasing_is_refused():
    model = model_of(
        [node("Resize", ["x", "", "s"], ["y"], antialias=1, mode="linear")],
        outputs=[value("y")],
        constants=[constant("s", np.ones(4))],
        opset=18,
    )
    for target in SINCE_10:
        assert [f.received for f in refused(model, target)] == ["antialias=1"]


@pytest.mark.parametrize("operator", ["ReduceMin", "ReduceMax", "ReduceMean"])
def test_axes_that_are_inputs_are_constant_since_10(operator):
    model = model_of(
        [node(operator, ["x", "axes"], ["y"])],
        [value("x"), value("axes", (1,), T.INT64)],
        [value("y", (1,))],
        opset=18,
    )
    for target in SINCE_10:
        assert [f.received for f in refused(model, target)] == ["axes='axes'"]


def test_pad_s_axes_are_constant_in_10():
    model = model_of(
        [node("Pad", ["x", "pads", "", "axes"], ["y"])],
        [value("x"), value("axes", (1,), T.INT64)],
        [value("y")],
        [constant("pads", [0, 0], np.int64)],
        opset=18,
    )
    assert [f.received for f in refused(model, "trt10")] == ["axes='axes'"]
    assert not refused(model, "trt11")


def test_top_k_s_k_is_constant_before_8_6():
    model = model_of(
        [node("TopK", ["x", "k"], ["y", "at"])],
        [value("x"), value("k", (1,), T.INT64)],
        [value("y")],
    )
    assert_refused(model, TARGETS[:2], "K='k'")


def test_batch_normalization_is_not_trained():
    names = ["scale", "b", "mean", "var"]
    inputs, outputs = ["x", *names], ["y", "m", "v"]
    model = model_of(
        [node("BatchNormalization", inputs, outputs, training_mode=1)],
        outputs=[value("y")],
        constants=[constant(name, np.ones(2)) for name in names],
        opset=15,
    )
    for target in TARGETS[1:4]:
        (finding,) = refused(model, target)
        assert finding.received == "training_mode=1"


def test_dropout_is_not_trained_since_10():
    model = model_of(
        [node("Dropout", ["x", "ratio", "on"], ["y"])],
        constants=[constant("ratio", 0.5), constant("on", True, bool)],
    )
    assert_refused(model, SINCE_10, "training_mode='on'")


@pytest.mark.parametrize("operator", ["AveragePool", "MaxPool"])
def test_pooling_is_2d_or_3d(operator):
    model = model_of(
        [node(operator, ["x"], ["y"], kernel_shape=[2])],
        [value("x", (1, 2, 4))],
    )
    assert_refused(model, TARGETS, "rank=3")


@pytest.mark.parametrize("zero_point, ok", [(0, True), (3, False)])
def test_quantizers_have_a_zero_point_of_zero(zero_point, ok):
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"], "q"),
        node("DequantizeLinear", ["q", "s", "z"], ["y"], "dq"),
    ]
    model = model_of(
        nodes,
        constants=[constant("s", 0.1), constant("z", zero_point, np.int8)],
    )
    for target in TARGETS:
        found = [f.node for f in refused(model, target)]
        assert found == ([] if ok else ["q", "dq"])


def test_a_computed_zero_point_is_refused():
    nodes = [
        node("Identity", ["z"], ["zero"]),
        node("DequantizeLinear", ["x", "s", "zero"], ["y"]),
    ]
    inputs = [value("x", kind=T.INT8)]
    constants = [constant("s", 0.1), constant("z", 0, np.int8)]
    model = model_of(nodes, inputs, constants=constants)
    for target in TARGETS:
        found = refused(model, target)
        assert found[-1].received == "x_zero_point='zero'"


def test_quantizers_need_a_zero_point_before_10():
    nodes = [node("DequantizeLinear", ["x", "s"], ["y"], "dq")]
    inputs = [value("x", kind=T.INT8)]
    model = model_of(nodes, inputs, constants=[constant("s", 0.1)])
    assert_refused(model, BEFORE_10, "x_zero_point=None")


def test_max_pooling_gives_no_indices():
    model = model_of(
        [node("MaxPool", ["x"], ["y", "at"], kernel_shape=[2, 2])],
        outputs=[value("y", (1, 2, 3, 3))],
    )
    assert_refused(model, TARGETS, "outputs=['y', 'at']")


def test_pooling_is_not_dilated_since_10():
    model = model_of(
        [node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[1, 2])]
    )
    assert_refused(model, SINCE_10, "dilations=2")


def test_matrix_products_with_a_constant_need_a_bias_in_8_2():
    model = model_of(
        [node("Gemm", ["x", "m"], ["y"])],
        [value("x", (1, 3))],
        constants=[constant("m", np.ones((3, 2)))],
    )
    assert_refused(model, ["trt8.2"], "C=None")


def branches(body):
    """An If whose branches are `body` and a copy of it."""
    graphs = {
        f"{name}_branch": helper.make_graph(
            [node(*body, ["x"], [name], f"in_{name}")],
            name,
            [],
            [value(name)],
        )
        for name in ("then", "else")
    }
    return model_of(
        [node("If", ["c"], ["y"], "if", **graphs)],
        [value("x"), value("c", (), T.BOOL)],
        [value("y")],
    )


def test_bodies_of_control_flow_are_checked():
    assert_refused(branches(["Relu"]), (), "")
    for target in TARGETS:
        found = refused(branches(["Det"]), target)
        assert {f.node for f in found} == {"in_then", "in_else"}


def test_types_in_bodies_are_checked():
    model = branches(["Relu"])
    model.graph.input[0].type.tensor_type.elem_type = T.BOOL
    nodes = {f.node for f in refused(model, "trt8.2")}
    assert {"in_then", "in_else"} <= nodes


def test_the_error_names_target_nodes_reasons_and_source():
    model = head()
    model.graph.node[10].op_type = "Det"
    with pytest.raises(UnsupportedGraphError) as caught:
        require_supported(model, "trt8.2")
    error = caught.value
    assert isinstance(error, ValueError) and error.target == "trt8.2"
    assert error.findings[0].node == "round"
    message = str(error)
    assert message.startswith("trt8.2 refuses this graph:\n- Operators must")
    assert "Received: node='round' (Det), opset=13" in message
    assert "onnx/onnx-tensorrt, tag release/8.2-GA (85e79f62)" in message


def test_a_finding_reads_as_rule_reason_and_received():
    finding = Finding("conv", "Conv", "Do this", "that is why", "W='w'")
    assert str(finding) == (
        "Do this: that is why. Received: node='conv' (Conv), W='w'"
    )


def test_an_unknown_target_lists_the_choices():
    with pytest.raises(ValueError, match="trt8.2, .*Received: target='trt7'"):
        check_model(head(), "trt7")


@pytest.mark.parametrize("model", [None, b"", head().graph])
def test_what_is_no_model_is_refused_by_its_type(model):
    kind = type(model).__name__
    with pytest.raises(TypeError, match=f"Received: type={kind}"):
        check_model(model, "trt10")
