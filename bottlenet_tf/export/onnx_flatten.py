"""Flatten between convolutions and dense layers, as one Reshape in ONNX."""

import math

import numpy as np
from onnx import numpy_helper
from tf2onnx import utils

from bottlenet_tf.export import onnx_passes


def fix_reshapes(graph, nodes):
    """Replaces the computed shape of a Reshape by a constant, with a -1.

    Keras' Flatten reads the number of images, which isn't fixed. tf2onnx calls
    this as a `custom_rewriter`, on TensorFlow's operators.
    """
    for node in nodes:
        if node.type != "Reshape" or node.inputs[1].is_const():
            continue
        shape = graph.get_shape(node.output[0])
        if shape and shape.count(-1) == 1:
            name = utils.make_name(f"{node.name}_shape")
            sizes = graph.make_const(name, np.array(shape, np.int64))
            graph.replace_input(node, node.input[1], sizes.output[0], 1)
    return graph.get_nodes()


def flatten_as_laid_out(model):
    """Sorts the weights after a Flatten instead of its input.

    ```
    x -> Transpose -> Reshape (N, k) -> MatMul(w)
    x -> Reshape (N, k) -> MatMul(w, its rows in the order of x)
    ```
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    shapes = onnx_passes.inferred_shapes(model)
    for transpose in graph.node:
        order = onnx_passes.order_of(transpose)
        reshape = _only_user(graph, transpose, "Reshape")
        matmul = reshape and _only_user(graph, reshape, "MatMul")
        # () is a scalar's shape, or one that ONNX can't infer.
        batch, *sides = shapes.get(transpose.output[0]) or (None,)
        known = len(sides) == len(order) - 1 and None not in sides
        if not matmul or order[:1] != (0,) or not known:
            continue
        weights = constants.get(matmul.input[1])
        sizes = constants.get(reshape.input[1])
        count = math.prod(sides)
        if (
            weights is None
            or sizes is None
            or numpy_helper.to_array(sizes).tolist()
            not in ([-1, count], [batch, count])
        ):
            continue
        rows = np.arange(count).reshape((1, *sides))
        rows = rows.transpose(onnx_passes.inverse(order)).ravel()
        name = f"{weights.name}_{transpose.name}"
        values = numpy_helper.to_array(weights)[rows]
        graph.initializer.append(numpy_helper.from_array(values, name))
        reshape.input[0] = transpose.input[0]
        matmul.input[1] = name
    onnx_passes.remove_unused(graph)


def _only_user(graph, node, operator):
    """Returns the only reader of a node's output, if of this kind, or None."""
    name = node.output[0]
    users = [n for n in graph.node if name in n.input]
    is_output = any(name == value.name for value in graph.output)
    if len(users) != 1 or is_output or users[0].op_type != operator:
        return None
    return users[0] if users[0].input[0] == name else None
