"""Files that are the same in every export of a network.

tf2onnx and TensorFlow number names by counters of the process, and order some
elements by hashes of strings, which differ between processes.
"""

import copy
import pathlib
import re

from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2


def order_onnx(graph):
    """Orders nodes and constants by their path from the outputs; names them.

    A node is named by operator and position: of several equal nodes tf2onnx
    keeps any one, with the path of its layer, so that paths differ between
    processes. Inputs and outputs keep their names.

    Args:
        graph: `onnx.GraphProto` without graphs in its nodes, changed in place.
    """
    nodes = _from_outputs(graph)
    constants = {each.name: each for each in graph.initializer}
    used = dict.fromkeys(
        name for node in nodes for name in node.input if name in constants
    )
    names = {each.name: each.name for each in (*graph.input, *graph.output)}
    for i, name in enumerate(used):
        names.setdefault(name, f"constant_{i}")
        constants[name].name = names[name]
    for i, node in enumerate(nodes):
        node.name = f"{node.op_type}_{i}"
        for j, name in enumerate(node.output):
            names.setdefault(name, name and f"{node.name}:{j}")
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    nodes = copy.deepcopy(nodes)
    tensors = copy.deepcopy([constants[name] for name in used])
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)


def _from_outputs(graph):
    """Returns the nodes that the outputs need, in topological order."""
    made = {name: node for node in graph.node for name in node.output}
    nodes, placed = [], set()
    stack = [made[each.name] for each in reversed(graph.output)]
    while stack:
        node = stack[-1]
        waiting = [
            made[name]
            for name in reversed(node.input)
            if name in made and name not in placed
        ]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if node.output[0] not in placed:
            nodes.append(node)
            placed.update(node.output)
    return nodes


def order_saved_model(folder):
    """Renames a SavedModel's functions and leaves its fingerprint out.

    The fingerprint is random; servers and TensorFlow don't need it.
    """
    folder = pathlib.Path(folder)
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta in saved.meta_graphs:
        # In their order of creation, by the counter.
        library = meta.graph_def.library
        functions = copy.deepcopy(
            sorted(library.function, key=lambda f: _count(f.signature.name))
        )
        del library.function[:]
        library.function.extend(functions)
        names = {}
        for i, function in enumerate(functions):
            name = function.signature.name
            names[name] = re.sub(r"_\d+$", "", name) + f"_{i}"
        _rename(meta, lambda text, names=names: _renamed(text, names))
    path.write_bytes(saved.SerializeToString(deterministic=True))
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _count(name):
    digits = re.search(r"_(\d+)$", name)
    return int(digits[1]) if digits else -1, name


def _renamed(text, names):
    """Returns a function's new name, or an argument's that was named by one."""
    start, mark, end = text.partition("___redundant_placeholder")
    if not mark:
        return names.get(text, text)
    for name in names:
        if start.endswith(name):
            return start[: -len(name)] + names[name] + mark + end
    return text


def _rename(message, rename):
    """Renames the strings of a message, keys of maps included."""
    for field, value in message.ListFields():
        if hasattr(value, "items"):
            _rename_map(value, rename)
        elif field.type == field.TYPE_STRING and isinstance(value, str):
            setattr(message, field.name, rename(value))
        elif field.type == field.TYPE_STRING:
            value[:] = [rename(each) for each in value]
        elif isinstance(value, Message):
            _rename(value, rename)
        elif field.message_type is not None:
            for each in value:
                _rename(each, rename)


def _rename_map(found, rename):
    # All at once: a new name may be another's old one.
    items = [(key, copy.deepcopy(value)) for key, value in found.items()]
    found.clear()
    for key, value in items:
        key = rename(key) if isinstance(key, str) else key
        if isinstance(value, Message):
            _rename(value, rename)
            found[key].CopyFrom(value)
        else:
            found[key] = rename(value) if isinstance(value, str) else value
