"""Where a backbone can be cut, and the cost of each cut on the device."""

import dataclasses
import math

import keras

from bottlenet_tf.backbones import graph
from bottlenet_tf.backbones.macs import node_macs
from bottlenet_tf.common.registry import Registry

# A factory takes `image_size`, `num_classes`, `weights` and `preprocessing` as
# keywords and returns a `Backbone`.
BACKBONES = Registry("backbone")

# Share of the multiply-accumulates; EfficientNet-Lite0's blocks have 2 to 8 %.
_LITTLE = 0.025


@dataclasses.dataclass(frozen=True)
class SplitPoint:
    """One tensor that separates a backbone into head and tail.

    Attributes:
        name: "RB3" or the layer's name.
        layer: Name of the layer whose output is the feature.
        shape: `(height, width, channels)` of the feature.
        stride: Image height over feature height, rounded. Where sizes are
            odd, the layers' own strides may multiply to more: 5 pixels,
            halved to 3 and to 2, have 2, not 4.
        mac_share: Multiply-accumulates up to and including this layer, as a
            share of the whole network's, 0 to 1.
    """

    name: str
    layer: str
    shape: tuple[int, int, int]
    stride: int
    mac_share: float


@dataclasses.dataclass(frozen=True, eq=False)
class Backbone:
    """A classifier and its declared split points.

    Attributes:
        name: Name it was created by.
        model: Functional `keras.Model`, raw RGB 0..255 float32
            `(batch, height, width, 3)` to float32 logits `(batch, classes)`.
        split_points: Declared `SplitPoint`s, from input to output.
        output: Its ending, as `endings.find` returns it, or "binary".
    """

    name: str
    model: keras.Model
    split_points: tuple[SplitPoint, ...]
    output: str = "logits"

    def split_point(self, name):
        """Returns the split point of this name.

        Args:
            name: A declared name in any case ("RB3", "rb3"), or the name of
                any top-level layer whose output separates the network.
        """
        for point in self.split_points:
            if point.layer == name or point.name.lower() == str(name).lower():
                return point
        cuts = separating_tensors(self.model)
        if name in cuts:
            return describe_cuts(self.model, {name: name})[0]
        declared = [point.name for point in self.split_points]
        known = {point.layer for point in self.split_points}
        others = [cut for cut in cuts if cut not in known]
        closed = [
            node.operation.name
            for node in graph.nodes(self.model)
            if graph.has_graph(node.operation)
        ]
        nested = (
            "Nested models that stay closed, because they have several inputs "
            f"or outputs: {', '.join(closed)}. "
        )
        raise ValueError(
            "A split point is a declared name or a layer whose single 4-D "
            "output is on every path from image to logits. Declared: "
            f"{', '.join(declared) or 'none'}. Other layers: "
            f"{', '.join(others) or 'none'}. "
            f"{nested if closed else ''}Received: name={name!r}, "
            f"backbone={self.name!r}"
        )


def separating_tensors(model):
    """Returns `{layer name: feature tensor}` of all valid cuts, in order.

    A model can be cut after a layer that is called once and has one 4-D
    output tensor, through which every path from the input to the output
    passes. An operation (`h + r`, `keras.ops`) counts as a layer. The input
    and the final output don't.
    """
    return {name: tensor for name, tensor, _ in _cuts(model)}


def split_backbone(backbone, split_name):
    """Cuts a backbone after a split point.

    suffix(prefix(image)) equals the network, bit for bit. Both halves and the
    backbone share their layers: training or freezing one changes the others,
    batch statistics included.

    Args:
        backbone: `Backbone`.
        split_name: Name of a split point, "RB3", or of any layer that
            separates the network.

    Returns:
        `(prefix, suffix)`, two functional models: image
        `(batch, image, image, 3)` to feature `(batch, height, width,
        channels)`, and feature to float32 logits `(batch, classes)`.
    """
    point = backbone.split_point(split_name)
    model = backbone.model
    feature = separating_tensors(model)[point.layer]
    prefix = keras.Model(model.inputs[0], feature, name=f"{model.name}_prefix")
    suffix = keras.Model(feature, model.outputs[0], name=f"{model.name}_suffix")
    return prefix, suffix


def describe_cuts(model, names=None):
    """Returns the `SplitPoint`s of a model's cuts, from input to output.

    `names` is `{layer name: split point name}`; None for all valid cuts under
    their layers' names.
    """
    cuts = {name: (tensor, position) for name, tensor, position in _cuts(model)}
    if names is None:
        names = {name: name for name in cuts}
    image_size = model.inputs[0].shape[1]
    # All calls before a separating one in topological order are its ancestors,
    # so running sums are the device's share.
    running, total = [], 0
    for node in graph.nodes(model):
        total += node_macs(node)
        running.append(total)
    points = []
    for layer, name in names.items():
        if layer not in cuts:
            raise ValueError(
                "The layer's output must separate the network. "
                f"Received: layer={layer!r}, name={name!r}"
            )
        tensor, position = cuts[layer]
        shape = tuple(tensor.shape[1:])
        share = running[position] / total if total else 0.0
        stride = round(image_size / shape[0])
        points.append(SplitPoint(name, layer, shape, stride, share))
    return tuple(points)


def worth_comparing(points):
    """Returns the `SplitPoint`s that a search compares by default.

    All, if they are named blocks. If every layer is a cut, those within
    `_LITTLE` of the network's multiply-accumulates form a group, of which the
    cut with the fewest values is taken, the last one of equals. Cuts before
    any multiply-accumulate are left out: the image itself is smaller.
    """
    if any(point.name != point.layer for point in points):
        return tuple(points)
    groups = []
    for point in points:
        if not point.mac_share:
            continue
        if groups and point.mac_share - groups[-1][0].mac_share < _LITTLE:
            groups[-1].append(point)
        else:
            groups.append([point])
    return tuple(
        min(reversed(group), key=lambda point: math.prod(point.shape))
        for group in groups
    )


def _cuts(model):
    model = graph.as_functional(model)
    ordered = graph.nodes(model)
    calls = {}
    for node in ordered:
        calls[id(node.operation)] = calls.get(id(node.operation), 0) + 1
    final = model.outputs[0]
    for position, node in graph.separating_nodes(model):
        if (
            not node.is_input
            and calls[id(node.operation)] == 1
            and len(node.outputs) == 1
            and node.outputs[0] is not final
            and len(node.outputs[0].shape) == 4
        ):
            yield node.operation.name, node.outputs[0], position
