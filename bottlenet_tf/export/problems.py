"""What keeps a network from being exported, before it is trained."""

import collections
from typing import NamedTuple

from bottlenet_tf.backbones import graph
from bottlenet_tf.export import litert, onnx_graphs, tensorrt

_WAYS_OUT = (
    ({"onnx"}, "export.py --noonnx does without ONNX: LiteRT and TF Serving."),
    (
        set(tensorrt.TARGETS),
        "export.py --target=none does without TensorRT: ONNX Runtime, LiteRT "
        "and the servers.",
    ),
    ({"litert"}, "export.py --litert= does without LiteRT."),
)


class Problem(NamedTuple):
    """One thing that an export would refuse.

    Attributes:
        runtime: "onnx", a TensorRT of `tensorrt.TARGETS`, or "litert".
        layer: Name of the network's layer that is to blame; None if unknown.
        text: What is refused, and why.
    """

    runtime: str
    layer: str | None
    text: str


def find(network, target, with_litert=True):
    """Returns the `Problem`s of a network, or of a part of one.

    Head and tail of a split are parts of it, and a unit adds what every
    target takes.

    Args:
        network: Keras model of one input and one output, in float32.
        target: One of `tensorrt.TARGETS`, or "none".
        with_litert: Whether to try LiteRT, which takes longer.
    """
    layers = [node.operation.name for node in graph.nodes(network)]
    found = []
    try:
        model = onnx_graphs.whole_graph(network)
    except onnx_graphs.UntranslatedError as error:
        found += [
            Problem("onnx", layer_of(node, layers), f"{operator} isn't in ONNX")
            for node, operator in error.nodes
        ]
    except Exception as error:  # tf2onnx lets through what its parts raise.
        found.append(Problem("onnx", None, _line(error)))
    else:
        if target != "none":
            found += [
                Problem(target, layer_of(each.node, layers), str(each))
                for each in tensorrt.check_model(model, target)
                if each.refused
            ]
    if with_litert:
        try:
            litert.whole_file(network, "float32")
        except Exception as error:  # The converter's, of many kinds.
            found.append(Problem("litert", None, _line(error)))
    return found


def told(problems):
    """Returns a line for each kind of problem, and ways out.

    A kind is told with the first layer that has it.
    """
    first, counts = {}, collections.Counter()
    for each in problems:
        kind = (each.runtime, each.text.partition("Received:")[0])
        counts[kind] += 1
        first.setdefault(kind, each)
    lines = []
    for kind, each in first.items():
        more = f" ({counts[kind]} times)" if counts[kind] > 1 else ""
        where = each.layer or "the network"
        lines.append(f"- {each.runtime}, {where}{more}: {each.text}")
    runtimes = {each.runtime for each in problems}
    return lines + [way for it, way in _WAYS_OUT if runtimes & it]


def layer_of(node, layers):
    """Returns the layer whose name a node's path holds; None if none is.

    TensorFlow numbers what it has met before: layer "gelu" may be "gelu_1".
    """
    known = set(layers)
    for part in node.split("/"):
        if part in known:
            return part
        stem, _, number = part.rpartition("_")
        if number.isdigit() and stem in known:
            return stem
    return None


def in_part(problem, layers, cut):
    """Returns whether head and tail, of a cut, have a problem: two booleans.

    Args:
        problem: `Problem`; of an unknown layer, both have it.
        layers: Names of the network's layers, in topological order.
        cut: Name of the layer after which it is cut.
    """
    if problem.layer is None:
        return True, True
    in_head = layers.index(problem.layer) <= layers.index(cut)
    return in_head, not in_head


def _line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " ..."
