"""What tf2onnx leaves to do in a graph: layouts, a lost cast, names."""

import onnx
from onnx import TensorProto, helper

# Element-wise: their output is laid out as their only large input.
_THROUGH = frozenset(
    ("Add", "Cast", "Clip", "Div", "Max", "Min", "Mul", "Relu", "Round", "Sub")
)


def cancel_transposes(model):
    """Removes pairs of inverse Transposes with element-wise nodes between.

    tf2onnx moves Transposes through most operators, but not through Div and
    Round, so that a quantizer is left standing between two of them.

    Args:
        model: `onnx.ModelProto`, changed in place.
    """
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = _shapes(graph)
    graph = model.graph
    for first in [n for n in graph.node if n.op_type == "Transpose"]:
        second = _matching_transpose(graph, first, shapes)
        if second is None:
            continue
        _replace_inputs(graph, first.output[0], first.input[0])
        last = next(n for n in graph.node if second.input[0] in n.output)
        _rename_output(graph, last, second.output[0])
        graph.node.remove(first)
        graph.node.remove(second)


def restore_float16(model, name):
    """Rounds the output `name` to float16, and all that is computed from it.

    tf2onnx takes a Cast to float16 and back for a detour and drops one; what
    is left is a Cast to float32 that does nothing.

    Args:
        model: `onnx.ModelProto`, changed in place.
        name: A graph output that a Cast to float32 yields.

    Raises:
        ValueError: if no such Cast yields it.
    """
    graph = model.graph
    (place, cast) = next(
        ((i, n) for i, n in enumerate(graph.node) if name in n.output),
        (None, None),
    )
    if cast is None or cast.op_type != "Cast":
        raise ValueError(
            f"The graph's output {name!r} must come from the Cast that ends "
            "the rounding to float16, or codes would be computed with another "
            f"range than travels. Received: "
            f"{cast.op_type if cast else 'no node'}"
        )
    half = f"{name}_float16"
    graph.node.insert(
        place,
        helper.make_node(
            "Cast", [cast.input[0]], [half], name=half, to=TensorProto.FLOAT16
        ),
    )
    cast.input[0] = half


def _shapes(graph):
    """Returns `{tensor: dims}`; a dimension that isn't fixed is None."""
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(
            d.dim_value if d.HasField("dim_value") else None
            for d in value.type.tensor_type.shape.dim
        )
    return shapes


def _matching_transpose(graph, first, shapes):
    """Returns the inverse of Transpose `first` further down, or None."""
    order = list(first.attribute[0].ints)
    name = first.output[0]
    while True:
        users = [n for n in graph.node if name in n.input]
        is_output = any(name == o.name for o in graph.output)
        if len(users) != 1 or is_output:
            return None
        node = users[0]
        if node.op_type == "Transpose":
            back = list(node.attribute[0].ints)
            undone = [order[i] for i in back] == sorted(order)
            return node if undone else None
        others = [i for i in node.input if i and i != name]
        if node.op_type not in _THROUGH or not all(
            _has_no_layout(shapes.get(other), len(order), order)
            for other in others
        ):
            return None
        name = node.output[0]


def _has_no_layout(shape, rank, order):
    """Whether a tensor broadcasts alike before and after the Transpose."""
    if shape is None:
        return False
    if len(shape) == rank and order[0] == 0:
        shape = shape[1:]  # One value for each image.
    return all(side == 1 for side in shape)


def _replace_inputs(graph, old, new):
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new


def _rename_output(graph, node, new):
    old = node.output[0]
    node.output[0] = new
    _replace_inputs(graph, old, new)
