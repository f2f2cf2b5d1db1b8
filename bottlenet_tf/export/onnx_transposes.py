"""Removes avoidable Transposes from an ONNX graph, exactly."""

import numpy as np
from onnx import helper, numpy_helper

from bottlenet_tf.export.onnx_passes import (
    inferred_shapes,
    inverse,
    order_of,
    remove_unused,
)

# Nodes that compute the same in every layout, except for constants and axes.
_ELEMENTWISE = frozenset(
    "Abs Add Cast Clip Div Elu Erf Exp HardSigmoid LeakyRelu Max Min Mul Neg "
    "Relu Round Sigmoid Sqrt Sub Tanh".split()
)
_WITH_AXIS = frozenset(("Concat", "Split"))


def cancel_transposes(model):
    """Removes pairs of Transposes that undo each other.

    ```
    x -> Transpose -> Split, Concat, Sub(v) -> inverse Transpose -> y
    x -> Split, Concat, Sub(v laid out as x) -> y
    ```

    tf2onnx moves Transposes through most operators, but not through Split,
    Div and Round, so that a quantizer or an exchange of channels is left
    between two of them.
    """
    del model.graph.value_info[:]  # Wrong as soon as a layout changes.
    while _cancel_first(model):
        pass


def _cancel_first(model):
    """Changes the first possible region; returns whether there was one."""
    graph = model.graph
    shapes = inferred_shapes(model)
    for node in graph.node:
        if order_of(node):
            region = _Region(graph, node, shapes)
            if region.can_change_layout():
                region.change_layout()
                return True
    return False


class _Region:
    """The nodes that depend on one Transpose, up to its inverses."""

    def __init__(self, graph, first, shapes):
        self._graph = graph
        self._order = order_of(first)
        self._shapes = shapes
        self._constants = {t.name: t for t in graph.initializer}
        self._tensors = {first.output[0]}
        self._nodes, self._exits = [], []
        self._is_closed = self._grow()
        # Tensor in the region's layout -> the Transpose's input.
        self._sources = {
            node.output[0]: node.input[0]
            for node in graph.node
            if order_of(node) == self._order and node not in self._exits
        }

    def _grow(self):
        """Collects nodes; returns whether inverses are the only way out."""
        # Nodes are in topological order: one visit of each is enough.
        for node in self._graph.node:
            if not self._tensors.intersection(node.input):
                continue
            if order_of(node) == inverse(self._order):
                self._exits.append(node)
            elif node.op_type in _ELEMENTWISE | _WITH_AXIS:
                self._nodes.append(node)
                self._tensors.update(node.output)
            else:
                return False
        outputs = {value.name for value in self._graph.output}
        return bool(self._exits) and not self._tensors & outputs

    def can_change_layout(self):
        """Whether all inputs of the region are available in its new layout."""
        return self._is_closed and all(
            name in self._tensors
            or name in self._sources
            or self._has_no_layout(name)
            or self._is_constant(name)
            for node in self._nodes
            for name in _data_inputs(node)
            if name  # Optional inputs may be left out.
        )

    def _has_no_layout(self, name):
        """Whether a tensor broadcasts the same before and after."""
        shape = self._shapes.get(name)
        rank = len(self._order)
        if shape is None or len(shape) > rank:
            return False
        if len(shape) == rank and self._order[0] == 0:
            shape = shape[1:]  # One value for each image.
        return all(side == 1 for side in shape)

    def _is_constant(self, name):
        """Whether a tensor is a constant, whose layout can be changed."""
        tensor = self._constants.get(name)
        return tensor is not None and len(tensor.dims) <= len(self._order)

    def change_layout(self):
        """Changes the region to the layout of its source."""
        for node in (*self._nodes, *self._exits):
            for i, name in enumerate(_data_inputs(node)):
                if name in self._sources:
                    node.input[i] = self._sources[name]
                elif name not in self._tensors and self._is_constant(name):
                    node.input[i] = self._laid_out(name)
            for attribute in node.attribute:
                if attribute.name == "axis":
                    attribute.i = self._order[attribute.i]
        for node in self._exits:
            _bypass(self._graph, node)
        remove_unused(self._graph)

    def _laid_out(self, name):
        """Returns the name of a constant in the layout of the source."""
        if self._has_no_layout(name):
            return name
        values = numpy_helper.to_array(self._constants[name])
        missing = len(self._order) - values.ndim
        values = values.reshape((1,) * missing + values.shape)
        values = values.transpose(inverse(self._order))
        name = f"{name}_{''.join(map(str, self._order))}"
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(
                np.ascontiguousarray(values), name
            )
            self._graph.initializer.append(self._constants[name])
        return name


def _data_inputs(node):
    """Returns the inputs with a layout; Split's others are sizes."""
    return node.input[:1] if node.op_type == "Split" else [*node.input]


def _bypass(graph, node):
    """Removes a node whose output is its input."""
    (source,), (name,) = node.input, node.output
    outputs = {value.name for value in graph.output}
    producers = [n for n in graph.node if source in n.output]
    if name not in outputs:
        _replace_inputs(graph, name, source)
        graph.node.remove(node)
    elif producers and source not in outputs:
        graph.node.remove(node)
        place = list(producers[0].output).index(source)
        producers[0].output[place] = name
        _replace_inputs(graph, source, name)
    else:  # A graph's output can't be its input, or have two names.
        identity = helper.make_node("Identity", [source], [name], node.name)
        node.CopyFrom(identity)


def _replace_inputs(graph, old, new):
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new
