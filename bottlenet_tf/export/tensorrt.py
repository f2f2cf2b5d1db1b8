"""Checks an ONNX graph against what TensorRT's parser takes, without it.

Stands between the export and trtexec. It knows what the parser's operator
table and source say (`tensorrt_operators.json`): opsets, operators, types,
what must be constant. It doesn't know what the builder makes of the network:
whether an engine comes out, how fast it is, how FP16 changes its results.
"""

import json
import pathlib
from typing import NamedTuple

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference

BATCH_NAME = "N"
_TABLES = json.loads(
    pathlib.Path(__file__).with_name("tensorrt_operators.json").read_text()
)
TARGETS = tuple(_TABLES)

# Names of ONNX's types in the tables, where they differ.
_TYPE_NAMES = {
    "FLOAT": "FP32",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    "FLOAT8E4M3FN": "FP8",
    "FLOAT4E2M1": "FP4",
}
# The type variables that an operator's list of types is about, where that is
# not the first input's. Bodies of control flow are checked by themselves.
_TYPE_VARIABLES = {
    "Cast": ("T1", "T2"),
    "CastLike": ("T1", "T2"),
    "ConstantOfShape": ("T2",),
    "EyeLike": ("T2",),
    "OneHot": ("T3",),
    "Where": ("T",),
    **dict.fromkeys(("If", "Loop", "Scan"), ()),
}


class Finding(NamedTuple):
    """One thing in a graph that a target refuses or, as a note, changes.

    Attributes:
        node: Name of the node, or of the tensor; empty for the whole model.
        operator: The node's operator; empty if no node is to blame.
        rule: What the target asks for.
        why: The reason.
        received: What the graph has instead, as `name=value`.
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
        super().__init__(
            f"{target} refuses this graph:\n{lines}\n"
            f"By the table of {table_source(target)}."
        )


def table_source(target):
    """Returns where the table of `target` comes from, as one line."""
    table = _table(target)
    source = table["source"]
    return (
        f"TensorRT {table['tensorrt']}: {source['repository']}, "
        f"{source['at']} ({source['commit'][:8]}), {source['path']}"
    )


def highest_opset(target):
    """Returns the highest opset of the default domain that `target` takes."""
    return _table(target)["highest_opset"]


def require_supported(model, target):
    """Raises unless `target` takes the graph; returns the notes.

    Raises:
        UnsupportedGraphError: naming each offending node, and why.
        ValueError: for an unknown target.
        TypeError: if `model` is no `onnx.ModelProto`.
    """
    findings = check_model(model, target)
    refused = [finding for finding in findings if finding.refused]
    if refused:
        raise UnsupportedGraphError(target, refused)
    return findings


def check_model(model, target):
    """Returns what `target` refuses or changes in a model.

    Args:
        model: `onnx.ModelProto`; not changed.
        target: One of `TARGETS`.

    Returns:
        A list of `Finding`; without refusals, the parser should take it.

    Raises:
        ValueError: for an unknown target.
        TypeError: if `model` is no `onnx.ModelProto`.
    """
    table = _table(target)
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


def _table(target):
    if target not in TARGETS:
        raise ValueError(
            f"`target` must be one of {', '.join(TARGETS)}. "
            f"Received: target={target!r}"
        )
    return _TABLES[target]


def _model_texts(model, opset, table):
    """Yields rule, reason and what was received, of the model as a whole."""
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
    """Yields inputs and outputs whose shape only a run would tell."""
    constants = {tensor.name for tensor in graph.initializer}
    for info in (*graph.input, *graph.output):
        shape = _shape(info.type.tensor_type)
        sizes = [None] if shape is None else shape
        sizes = sizes[1:] if sizes[:1] == [BATCH_NAME] else sizes
        fixed = all(isinstance(size, int) and size > 0 for size in sizes)
        if not fixed and info.name not in constants:
            rule = "Dimensions must be fixed, but for a first one named "
            why = "a profile ranges over the batch alone"
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


def _type_name(elem_type):
    name = onnx.TensorProto.DataType.Name(elem_type)
    return _TYPE_NAMES.get(name, name)


class _Tensors:
    """Types, ranks and constants that the nodes of a graph can see."""

    def __init__(self, graph, outer):
        self.types = dict(outer.types) if outer else {}
        self.ranks = dict(outer.ranks) if outer else {}
        self.constants = dict(outer.constants) if outer else {}
        for tensor in graph.initializer:
            self._add_constant(tensor.name, tensor)
        for tensor in graph.sparse_initializer:
            self.types[tensor.values.name] = "SPARSE"
        for node in graph.node:
            for a in node.attribute if node.op_type == "Constant" else ():
                value = helper.get_attribute_value(a)
                if a.name.startswith(("value_f", "value_i")):
                    value = numpy_helper.from_array(np.asarray(value))
                if isinstance(value, onnx.TensorProto):
                    self._add_constant(node.output[0], value)
        for info in (*graph.value_info, *graph.input, *graph.output):
            kind = info.type.WhichOneof("value")
            if kind != "tensor_type":
                self.types[info.name] = str(kind).upper()
                continue
            tensor = info.type.tensor_type
            if tensor.elem_type:
                self.types[info.name] = _type_name(tensor.elem_type)
            if tensor.HasField("shape"):
                self.ranks[info.name] = len(tensor.shape.dim)

    def _add_constant(self, name, tensor):
        self.constants[name] = tensor
        self.types[name] = _type_name(tensor.data_type)
        self.ranks[name] = len(tensor.dims)


def _graph_findings(graph, outer, opset, table):
    """Returns the findings of a graph's tensors, nodes and subgraphs."""
    tensors = _Tensors(graph, outer)
    findings = list(_tensor_findings(graph, tensors, outer is None, table))
    for node in graph.node:
        name = node.name or node.output[0]
        findings += [
            Finding(name, node.op_type, *texts)
            for texts in _node_texts(node, tensors, opset, table)
        ]
        for attribute in node.attribute:
            bodies = [*attribute.graphs]
            bodies += [attribute.g] if attribute.HasField("g") else []
            for body in bodies:
                findings += _graph_findings(body, tensors, opset, table)
    return findings


def _tensor_findings(graph, tensors, is_main, table):
    """Yields the tensors of types that the target has not, or casts down."""
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


def _node_texts(node, tensors, opset, table):
    """Yields rule, reason and what was received, of a node."""
    release = f"TensorRT {table['tensorrt']}"
    if node.domain not in ("", "ai.onnx"):
        rule = "Operators must come from ONNX's default domain"
        yield rule, "others need a plugin", f"domain={node.domain!r}"
        return
    entry = table["operators"].get(node.op_type)
    if entry is None:
        rule = "Operators must be in the parser's table"
        yield rule, f"{release} has no others", f"opset={opset}"
        return
    try:
        schema = defs.get_schema(node.op_type, opset)
    except defs.SchemaError:
        rule = "Operators must be of the model's opset"
        yield rule, "their types are unknown otherwise", f"opset={opset}"
        return
    checked = _Node(node, schema, tensors)
    first = (*schema.inputs, *schema.outputs)[0].type_str
    variables = _TYPE_VARIABLES.get(node.op_type, (first,))
    for name in dict.fromkeys(checked.names_of(variables)):
        kind = tensors.types.get(name)
        if kind and table["cast_down"].get(kind, kind) not in entry["types"]:
            rule = f"Tensors must be of {', '.join(entry['types'])}"
            why = f"{release} has the operator for no others"
            yield rule, why, f"tensor={name!r}, type={kind}"
    for rule in entry["rules"] + table["importer_rules"].get(node.op_type, []):
        kind, _, argument = rule.partition(":")
        if kind != "unchecked":
            found = getattr(checked, kind)(*argument.split("="))
            if found:
                yield found[0], f"{release} takes no other", found[1]
    known = all(name in tensors.types for name in node.input if name)
    for name in node.output if known else ():
        if name and name not in tensors.types:
            rule = "An output's type must follow from the inputs'"
            yield rule, "it can't be checked otherwise", f"output={name!r}"


class _Node:
    """A node under its schema; a method for each kind of rule in the tables.

    Those return None, or what was asked for and what was received.
    """

    def __init__(self, node, schema, tensors):
        self.node = node
        self.schema = schema
        self.tensors = tensors

    def names_of(self, type_variables):
        """Yields the tensors whose type one of the variables stands for."""
        for names, formals in (
            (self.node.input, self.schema.inputs),
            (self.node.output, self.schema.outputs),
        ):
            for i, name in enumerate(names):
                formal = formals[min(i, len(formals) - 1)]  # The last repeats.
                if name and formal.type_str in type_variables:
                    yield name

    def _input(self, formal):
        """Returns the name of the tensor at an input; empty if not given."""
        for name, parameter in zip(self.node.input, self.schema.inputs):
            if parameter.name == formal:
                return name
        return ""

    def constant(self, formal):
        name = self._input(formal)
        if name and name not in self.tensors.constants:
            rule = f"Input `{formal}` must be an initializer or Constant"
            return rule, f"{formal}={name!r}"

    def zero(self, formal):
        name = self._input(formal)
        tensor = self.tensors.constants.get(name)
        if name and (tensor is None or numpy_helper.to_array(tensor).any()):
            return (
                f"Input `{formal}` must be a constant 0",
                f"{formal}={name!r}",
            )

    def given(self, formal):
        if not self._input(formal):
            return f"Input `{formal}` must be given", f"{formal}=None"

    def type(self, formal, choices):
        kind = self.tensors.types.get(self._input(formal))
        if kind and kind not in choices.split("|"):
            return f"Input `{formal}` must be of {choices}", f"{formal}={kind}"

    def rank(self, bounds):
        rank = self.tensors.ranks.get(self.node.input[0])
        low, high = map(int, bounds.split("-"))
        if rank is not None and not low <= rank <= high:
            return f"The first input's rank must be {bounds}", f"rank={rank}"

    def outputs(self, count):
        names = [name for name in self.node.output if name]
        if len(names) > int(count):
            return f"Outputs must be at most {count}", f"outputs={names}"

    def attribute(self, name, choices):
        found = [a for a in self.node.attribute if a.name == name]
        value = helper.get_attribute_value(found[0]) if found else []
        for item in value if isinstance(value, list) else [value]:
            text = item.decode() if isinstance(item, bytes) else str(item)
            if text not in choices.split("|"):
                return f"Attribute `{name}` must be {choices}", f"{name}={text}"
