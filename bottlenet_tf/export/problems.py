"""Obstacles to an export of a network, found before it is trained."""

import collections
import dataclasses

from bottlenet_tf.backbones import graph
from bottlenet_tf.export import frozen, litert, onnx_graphs, tensorrt

_WAYS_OUT = (
    ({"onnx"}, "export.py --noonnx works without ONNX: LiteRT and TF Serving."),
    (
        set(tensorrt.TARGETS),
        "export.py --target=none works without TensorRT: ONNX Runtime, LiteRT "
        "and the servers.",
    ),
    ({"litert"}, "export.py --litert= works without LiteRT."),
)


@dataclasses.dataclass(frozen=True)
class Problem:
    """One obstacle to an export.

    Attributes:
        runtime: "onnx", a TensorRT of `tensorrt.TARGETS`, or "litert".
        layer: Name of the network's layer that causes it; None if unknown.
    """

    runtime: str
    layer: str | None
    text: str


def find(network, target, with_litert=True):
    """Returns the `Problem`s of a network, or of a part of one.

    Every target takes the operators of a unit.

    Args:
        network: Keras model of one input and one output, in float32.
    """
    layers = [node.operation.name for node in graph.nodes(network)]
    try:
        part = frozen.network(network)
    except Exception as error:  # A layer's own error.
        runtimes = ("onnx", "litert") if with_litert else ("onnx",)
        return [Problem(name, None, _line(error)) for name in runtimes]
    found = []
    try:
        model = onnx_graphs.convert(part)
    except onnx_graphs.UntranslatedError as error:
        found += [
            Problem("onnx", layer_of(node, layers), f"{operator} isn't in ONNX")
            for node, operator in error.nodes
        ]
    except Exception as error:  # tf2onnx raises many kinds.
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
            litert.convert(part, "float32")
        except Exception as error:  # The converter raises many kinds.
            found.append(Problem("litert", None, _line(error)))
    return found


def described(problems):
    """Returns a line for each kind of problem, and remedies.

    Each line names the first layer that has the problem.
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
    """Returns the layer whose name is in a node's path, or None.

    TensorFlow numbers equal names: layer "gelu" may be "gelu_1".
    """
    known = set(layers)
    for part in node.split("/"):
        if part in known:
            return part
        stem, _, number = part.rpartition("_")
        if number.isdigit() and stem in known:
            return stem
    return None


def _line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " ..."
