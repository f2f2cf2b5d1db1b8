"""Corrections of graphs that tf2onnx translates."""

import numpy as np
import onnx
from onnx import TensorProto, helper
from tf2onnx import utils


def inline_compiled(definition):
    """Allows inlining functions that TensorFlow would compile by XLA.

    Keras puts convolutions of several groups into such a function. Changes a
    `tf.compat.v1.GraphDef` in place.
    """
    functions = definition.library.function
    nodes = [node for function in functions for node in function.node_def]
    for part in (*definition.node, *functions, *nodes):
        if part.attr.pop("_XlaMustCompile", None) is not None:
            part.attr.pop("_noinline", None)


def erfc(graph, node, name, args):
    """Writes Erfc, of Keras' gelu, as 1 - Erf, since ONNX has no Erfc.

    tf2onnx calls this and `rsqrt` as `custom_op_handlers`.
    """
    node.type = "Erf"
    _from_one(graph, node, "Sub")


def rsqrt(graph, node, name, args):
    """Writes Rsqrt as 1 / Sqrt: TensorRT 8.2 has no Reciprocal."""
    node.type = "Sqrt"
    _from_one(graph, node, "Div")


def _from_one(graph, node, operator):
    one = graph.make_const(utils.make_name("one"), np.ones(1, np.float32))
    (output,) = node.output
    graph.insert_new_node_on_output(
        operator, output, inputs=[one.output[0], output]
    )


def scalars_to_vectors(graph, nodes):
    """Gives scalars that are added to a tensor the shape (1,).

    tf2onnx's optimizer of Transposes fails on a scalar after a convolution, as
    in MobileNetV3's hard sigmoid, and would then keep all of them. tf2onnx
    calls this as a `custom_rewriter`, on TensorFlow's operators.
    """
    for node in nodes:
        shapes = [graph.get_shape(name) for name in node.input]
        if node.type not in ("Add", "AddV2") or not any(shapes):
            continue
        for i, source in enumerate(node.inputs):
            if shapes[i] == [] and source.is_const():
                value = source.get_tensor_value(as_list=False).reshape(1)
                name = utils.make_name(source.name)
                vector = graph.make_const(name, value)
                graph.replace_input(node, node.input[i], vector.output[0], i)
    return graph.get_nodes()


def restore_float16(model, name):
    """Rounds the output `name` to float16, and everything computed from it.

    tf2onnx drops one of two Casts to float16 and back; the other one, to
    float32, does nothing.
    """
    nodes = model.graph.node
    place = [name in node.output for node in nodes].index(True)
    cast = nodes[place]
    if cast.op_type != "Cast":
        raise ValueError(
            f"The graph's output {name!r} must come from the Cast that ends "
            "the rounding to float16, or codes would be computed with another "
            f"range than the one sent. Received: {cast.op_type}"
        )
    half = f"{name}_float16"
    first = helper.make_node(
        "Cast", [cast.input[0]], [half], name=half, to=TensorProto.FLOAT16
    )
    cast.input[0] = half
    nodes.insert(place, first)


def remove_unused(graph):
    """Removes nodes and constants that no output of the graph needs."""
    needed = {value.name for value in graph.output}
    for i in reversed(range(len(graph.node))):
        if needed.intersection(graph.node[i].output):
            needed.update(graph.node[i].input)
        else:
            del graph.node[i]
    for i in reversed(range(len(graph.initializer))):
        if graph.initializer[i].name not in needed:
            del graph.initializer[i]


def inferred_shapes(model):
    """Returns `{tensor: dims}`; a dimension that isn't fixed is None."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(
            d.dim_value if d.HasField("dim_value") else None
            for d in value.type.tensor_type.shape.dim
        )
    return shapes


def order_of(node):
    """Returns a Transpose's permutation; () for other nodes."""
    if node.op_type != "Transpose" or not node.attribute:
        return ()
    return tuple(node.attribute[0].ints)


def inverse(order):
    """Returns the permutation that undoes another."""
    return tuple(order.index(axis) for axis in range(len(order)))
