"""Checks an ONNX graph against the rules of TensorRT's parser, without it.

It knows the parser's operator table and source (`tensorrt_operators.json`):
opsets, operators, types, inputs that must be constant. It doesn't know the
builder: whether it makes an engine of the network, how fast that is, how FP16
changes its results.
"""

import json
import pathlib
from typing import NamedTuple

import onnx
from onnx import shape_inference

from bottlenet_tf.export.tensorrt_nodes import Tensors, node_texts

BATCH_NAME = "N"
_TABLES = json.loads(
    pathlib.Path(__file__).with_name("tensorrt_operators.json").read_text()
)
TARGETS = tuple(_TABLES)


class Finding(NamedTuple):
    """Something in a graph that a target refuses or, as a note, changes.

    Attributes:
        node: Name of the node, or of the tensor; empty for the whole model.
        operator: The node's operator; empty without a node.
        received: The graph's value, as `name=value`.
        refused: False for a note.
    """

    node: str
    operator: str
    rule: str
    why: str
    received: str
    refused: bool = True

    def __str__(self):
        node = (
            f"node={self.node!r} ({self.operator}), " if self.operator else ""
        )
        return f"{self.rule}: {self.why}. Received: {node}{self.received}"


class UnsupportedGraphError(ValueError):
    """A graph that a target refuses; `target` and `findings` say why."""

    def __init__(self, target, findings):
        self.target = target
        self.findings = findings
        lines = "\n".join(f"- {finding}" for finding in findings)
        table = _TABLES[target]
        source = table["source"]
        super().__init__(
            f"{target} refuses this graph:\n{lines}\n"
            f"By the table of TensorRT {table['tensorrt']}: "
            f"{source['repository']}, {source['at']} ({source['commit'][:8]}), "
            f"{source['path']}. --target=none exports it for ONNX Runtime and "
            "LiteRT, a later target may take it."
        )


def require_supported(model, target):
    """Raises `UnsupportedGraphError` unless `target` takes the graph."""
    refused = [each for each in check_model(model, target) if each.refused]
    if refused:
        raise UnsupportedGraphError(target, refused)


def check_model(model, target):
    """Returns the `Finding`s of a model for `target`.

    Without refusals, the parser should accept it.

    Args:
        model: `onnx.ModelProto`; not changed.
        target: One of `TARGETS`.

    Raises:
        ValueError: for an unknown target.
        TypeError: if `model` is not an `onnx.ModelProto`.
    """
    if target not in TARGETS:
        raise ValueError(
            f"`target` must be one of {', '.join(TARGETS)}. "
            f"Received: target={target!r}"
        )
    table = _TABLES[target]
    if not isinstance(model, onnx.ModelProto):
        raise TypeError(
            "`model` must be an onnx.ModelProto. "
            f"Received: type={type(model).__name__}"
        )
    opsets = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    opset = opsets.get("ai.onnx")
    findings = [
        Finding("", "", *texts) for texts in _model_texts(model, opset, table)
    ]
    if opset is None:
        return findings
    try:
        graph = shape_inference.infer_shapes(model).graph
    except shape_inference.InferenceError as error:
        texts = ("Types must be inferable", "they are checked", f"{error=}")
        findings.append(Finding("", "", *texts))
        graph = model.graph
    findings += _dimension_findings(graph)
    return findings + _graph_findings(graph, None, opset, table)


def _model_texts(model, opset, table):
    """Yields rule, reason and received value, for the complete model."""
    release = f"TensorRT {table['tensorrt']}"
    low, high = table["lowest_opset"], table["highest_opset"]
    if opset is None or not low <= opset <= high:
        rule = f"The default domain's opset must be {low} to {high}"
        yield rule, f"{release} knows no others", f"opset={opset}"
    version = table["highest_ir_version"]
    if model.ir_version > version:
        why = f"{release} is built with ONNX {table['onnx']}"
        received = f"ir_version={model.ir_version}"
        yield f"`ir_version` must be at most {version}", why, received
    if model.functions:
        received = f"functions={[f.name for f in model.functions]}"
        why = "not every parser looks into them"
        yield "A model must have no functions", why, received


def _dimension_findings(graph):
    """Yields inputs and outputs of unknown shape."""
    constants = {tensor.name for tensor in graph.initializer}
    for info in (*graph.input, *graph.output):
        shape = _shape(info.type.tensor_type)
        sizes = [None] if shape is None else shape
        sizes = sizes[1:] if sizes[:1] == [BATCH_NAME] else sizes
        fixed = all(isinstance(size, int) and size > 0 for size in sizes)
        if not fixed and info.name not in constants:
            rule = "Dimensions must be fixed, except a first one named "
            why = "a profile ranges only over the batch"
            received = f"tensor={info.name!r}, shape={shape}"
            yield Finding(info.name, "", rule + BATCH_NAME, why, received)


def _shape(tensor_type):
    """Returns sizes, names and None for unknown ones; None for no shape."""
    if not tensor_type.HasField("shape"):
        return None
    return [
        d.dim_value if d.HasField("dim_value") else d.dim_param or None
        for d in tensor_type.shape.dim
    ]


def _graph_findings(graph, outer, opset, table):
    """Returns the findings of a graph's tensors, nodes and subgraphs."""
    tensors = Tensors(graph, outer)
    findings = list(_tensor_findings(graph, tensors, outer is None, table))
    for node in graph.node:
        name = node.name or node.output[0]
        findings += [
            Finding(name, node.op_type, *texts)
            for texts in node_texts(node, tensors, opset, table)
        ]
        for attribute in node.attribute:
            bodies = [*attribute.graphs]
            bodies += [attribute.g] if attribute.HasField("g") else []
            for body in bodies:
                findings += _graph_findings(body, tensors, opset, table)
    return findings


def _tensor_findings(graph, tensors, is_main, table):
    """Yields the tensors of types that the target lacks, or casts down."""
    release = f"TensorRT {table['tensorrt']}"
    constants = [tensor.name for tensor in graph.initializer]
    names = [info.name for info in graph.input] + constants
    names += [tensor.values.name for tensor in graph.sparse_initializer]
    names += [name for node in graph.node for name in node.output]
    ends = {info.name for info in (*graph.input, *graph.output) if is_main}
    cast = {}
    for name in dict.fromkeys(names):
        kind = tensors.types.get(name)
        if kind is None or kind in table["data_types"]:
            continue
        if kind in table["cast_down"]:
            cast.setdefault(kind, []).append(name)
        elif kind not in table["io_types"]:
            rule = f"Tensors must be of {', '.join(table['data_types'])}"
            why = f"{release} has no {kind}"
            yield Finding(name, "", rule, why, f"tensor={name!r}, type={kind}")
        elif name not in ends - {*constants}:
            rule = f"{kind} must be of the network's inputs and outputs only"
            why = f"{release} has no such tensors inside"
            yield Finding(name, "", rule, why, f"tensor={name!r}, type={kind}")
    for kind, found in cast.items():
        rule = f"{kind} becomes {table['cast_down'][kind]}"
        received = f"{len(found)} tensors, the first is {found[0]!r}"
        why = "clamped to its range"
        yield Finding(found[0], "", rule, why, received, refused=False)
