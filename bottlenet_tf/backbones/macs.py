"""Multiply-accumulates of a network, in total or up to a split point.

Only products with weights count: convolutions, dense layers and any layer with
a method `macs(input_shape)`, which takes the shape with the batch axis (a list
of shapes for several inputs) and returns the count for one image as a value for
`int()`. Biases, normalisation, activations, pooling, resizing, attention
products and bare `keras.ops` calls count 0, the usual convention of published
figures. A layer of an unknown kind counts 0 too, and a warning names it if it
has a weight matrix.
"""

import logging
import math
import weakref

import keras

from bottlenet_tf.backbones import graph

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_COUNTED = (
    *_SEPARABLE,
    *_TRANSPOSED,
    *_CONVOLUTIONS,
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.SpectralNormalization,
)
# Their weights may have several axes, but no product with them counts.
_FREE = (
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.Normalization,
    keras.layers.PReLU,
)
_warned = weakref.WeakSet()  # layers that a warning has named


def count_macs(model):
    """Returns the multiply-accumulates for one image.

    Shared layers count once per call. Dilation changes nothing: the same
    number of taps is used.

    Args:
        model: Functional or `Sequential` model with fixed spatial sizes, or
            a `BottleNet`.
    """
    if hasattr(model, "macs") and not _nests(model):
        return int(model.macs(None))  # No call, so no shape.
    model = graph.with_graph(model)
    warn_of_uncounted(model)
    return sum(map(node_macs, graph.nodes(model)))


def node_macs(node):
    """Returns the multiply-accumulates of one call in a model's graph."""
    if node.is_input:
        return 0
    shapes = [tuple(tensor.shape) for tensor in node.input_tensors]
    input_shape = shapes[0] if len(shapes) == 1 else shapes
    output_shape = tuple(node.outputs[0].shape)
    return layer_macs(node.operation, input_shape, output_shape)


def layer_macs(layer, input_shape, output_shape):
    """Returns the multiply-accumulates of one layer call for one image.

    Shapes have the batch axis; a layer with several inputs has a list.
    """
    if hasattr(layer, "macs"):
        return int(layer.macs(input_shape))
    if _nests(layer):
        return sum(map(node_macs, graph.nodes(_resized(layer, input_shape))))
    # A kernel of kh x kw x cin/groups x cout has one product per output
    # position (input position if transposed) and element.
    if isinstance(layer, _SEPARABLE):
        kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
        return _positions(layer, output_shape) * sum(map(_size, kernels))
    if isinstance(layer, _TRANSPOSED):
        return _positions(layer, input_shape) * _size(layer.kernel)
    if isinstance(layer, _CONVOLUTIONS):
        return _positions(layer, output_shape) * _size(layer.kernel)
    if isinstance(layer, keras.layers.Dense):
        return _product(layer, input_shape[1:-1]) * _size(layer.kernel)
    if isinstance(layer, keras.layers.EinsumDense):
        return _einsum_macs(layer, input_shape)
    if isinstance(layer, keras.layers.SpectralNormalization):
        return layer_macs(layer.layer, input_shape, output_shape)
    return 0


def warn_of_uncounted(model):
    """Logs, once per layer, the layers that count 0 despite a weight matrix.

    Such a layer, e.g. `MultiHeadAttention` or one of the user's own, can report
    its count by a method `macs(input_shape)`.
    """
    fresh = [layer for layer in _uncounted(model) if layer not in _warned]
    if fresh:
        _warned.update(fresh)
        logging.getLogger(__name__).warning(
            "Multiply-accumulates of unknown layers count 0, so MAC shares are "
            "wrong; give the layers a method `macs(input_shape)`. Model %s, "
            "layers: %s.",
            model.name,
            ", ".join(layer.name for layer in fresh),
        )


def _uncounted(model):
    found = {}  # a dict keeps the order and drops repeated calls
    for node in graph.nodes(graph.with_graph(model)):
        layer = node.operation
        if _nests(layer) and not hasattr(layer, "macs"):
            found.update(dict.fromkeys(_uncounted(layer)))
        elif not isinstance(layer, _COUNTED + _FREE) and _has_matrix(layer):
            found[layer] = None
    return list(found)


def _has_matrix(layer):
    return not hasattr(layer, "macs") and any(
        len(weight.shape) > 1 for weight in getattr(layer, "weights", ())
    )


def _nests(layer):
    return isinstance(layer, keras.Sequential) or graph.has_graph(layer)


def _einsum_macs(layer, input_shape):
    # Every input element meets every kernel index that it doesn't share.
    inputs, kernel = layer.equation.split("->")[0].split(",")
    fresh = [
        size
        for label, size in zip(kernel.strip(), layer.kernel.shape, strict=True)
        if label not in inputs
    ]
    return _product(layer, input_shape[1:]) * math.prod(fresh)


def _positions(layer, shape):
    channels_first = layer.data_format == "channels_first"
    return _product(layer, shape[2:] if channels_first else shape[1:-1])


def _size(kernel):
    return math.prod(kernel.shape)


def _product(layer, sizes):
    if None in sizes:
        raise ValueError(
            "Counting multiply-accumulates needs fixed spatial sizes; build "
            "the model with a fixed image size. "
            f"Received: layer={layer.name!r}, sizes={tuple(sizes)}"
        )
    return math.prod(sizes)


def _resized(model, input_shape):
    # A nested model counts at the size it is called with, not built with.
    model = graph.with_graph(model)
    called = input_shape if isinstance(input_shape, list) else [input_shape]
    built = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if built == [tuple(shape[1:]) for shape in called]:
        return model
    model = graph.as_functional(model)
    image = keras.Input(input_shape[1:])
    return keras.Model(image, graph.replay(model, image))
