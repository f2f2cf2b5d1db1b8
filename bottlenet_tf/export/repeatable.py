"""Files that are the same whenever one network is exported.

tf2onnx and TensorFlow number what they name by counters of the process, and
order some of it by hashes of strings, which are others in each process.
"""

import copy
import pathlib
import re

from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

_COUNTED = re.compile(r"__\d+(?=$|[:_/])")


def order_onnx(graph):
    """Orders and renames nodes and constants by their way from the outputs.

    Inputs and outputs keep their names, nodes theirs but for counters.

    Args:
        graph: `onnx.GraphProto` without graphs in its nodes, changed in place.
    """
    made = {name: node for node in graph.node for name in node.output}
    constants = {each.name: each for each in graph.initializer}
    kept = {each.name: each.name for each in (*graph.input, *graph.output)}
    nodes, used, done = [], [], set()
    stack = [made[each.name] for each in reversed(graph.output)]
    while stack:
        node = stack[-1]
        if id(node) in done:
            stack.pop()
            continue
        waiting = [
            made[name]
            for name in reversed(node.input)
            if name in made and id(made[name]) not in done
        ]
        if waiting:
            stack += waiting
            continue
        done.add(id(stack.pop()))
        nodes.append(node)
        used += [name for name in node.input if name in constants]
    names = dict(kept)
    for i, name in enumerate(dict.fromkeys(used)):
        names.setdefault(name, f"constant_{i}")
    for i, node in enumerate(nodes):
        node.name = f"{_COUNTED.sub('', node.name or node.op_type)}__{i}"
        for j, name in enumerate(node.output):
            names.setdefault(name, name and f"{node.name}:{j}")
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    nodes = copy.deepcopy(nodes)
    tensors = [constants[name] for name in dict.fromkeys(used)]
    for tensor in tensors:
        tensor.name = names[tensor.name]
    tensors = copy.deepcopy(tensors)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)


def number_onnx(graph):
    """Names an ordered graph's nodes by operator and place alone.

    Of several equal nodes tf2onnx keeps any one, with the path of its layer,
    so that paths are others in another process. Until a graph is checked they
    are worth having: problems are told by them.

    Args:
        graph: `onnx.GraphProto` as `order_onnx` leaves it, changed in place.
    """
    names = {each.name: each.name for each in (*graph.input, *graph.output)}
    for i, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{i}"
        for j, name in enumerate(node.output):
            names.setdefault(name, name and f"{node.name}:{j}")
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]


def order_saved_model(folder):
    """Renames a SavedModel's functions and leaves its fingerprint out.

    The fingerprint is random; servers and TensorFlow do without.

    Args:
        folder: With `saved_model.pb`.
    """
    folder = pathlib.Path(folder)
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta in saved.meta_graphs:
        # In the order of their making, which the counter tells.
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
    """Renames the strings of a message, keys of maps among them."""
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
