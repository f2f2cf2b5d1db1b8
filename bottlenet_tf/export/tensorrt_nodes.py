"""The rules of TensorRT's operator tables, for one node at a time."""

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

# Names of ONNX's types in the tables, where they differ.
_TYPE_NAMES = {
    "FLOAT": "FP32",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    "FLOAT8E4M3FN": "FP8",
    "FLOAT4E2M1": "FP4",
}
# The type variables of an operator's list of types, if not the first input's.
# Bodies of control flow are checked on their own.
_TYPE_VARIABLES = {
    "Cast": ("T1", "T2"),
    "CastLike": ("T1", "T2"),
    "ConstantOfShape": ("T2",),
    "EyeLike": ("T2",),
    "OneHot": ("T3",),
    "Where": ("T",),
    **dict.fromkeys(("If", "Loop", "Scan"), ()),
}


def _type_name(elem_type):
    name = onnx.TensorProto.DataType.Name(elem_type)
    return _TYPE_NAMES.get(name, name)


class Tensors:
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


def node_texts(node, tensors, opset, table):
    """Yields rule, reason and received value, for a node."""
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
    checked = NodeRules(node, schema, tensors)
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


class NodeRules:
    """A node with its schema; a method for each kind of rule in the tables.

    Each returns None, or the rule and the received value.
    """

    def __init__(self, node, schema, tensors):
        self.node = node
        self.schema = schema
        self.tensors = tensors

    def names_of(self, type_variables):
        """Yields the tensors whose type is one of the variables."""
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
