"""Makes a network's tail depend on the operating point."""

import functools

import keras

from bottlenet_tf.backbones import graph
from bottlenet_tf.layers.learned.modulation import Modulation, PointEmbedding

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def conditioned(suffix):
    """Returns a suffix that scales and shifts its channels by the point.

    A `Modulation` follows every batch normalisation or, in a network without
    one, every convolution. All begin as the identity, and the layers are
    shared with `suffix`.

    Args:
        suffix: Functional model, feature -> logits.

    Returns:
        Functional model, [feature, t `(batch,)`] -> logits; `suffix` itself
        if it has neither layer.
    """
    operations = {node.operation for node in graph.nodes(suffix)}
    kinds = keras.layers.BatchNormalization
    if not any(isinstance(each, kinds) for each in operations):
        kinds = _CONVOLUTIONS
    if not any(isinstance(each, kinds) for each in operations):
        return suffix
    free = functools.partial(graph.free_name, model=suffix)
    feature = keras.Input(suffix.input_shape[1:], name=free("restored_feature"))
    point = keras.Input((), name=free("tail_point"))
    embedded = PointEmbedding(name=free("tail_embedding"))(point)
    calls = {}

    def call(operation, *args, **kwargs):
        result = operation(*args, **kwargs)
        if not isinstance(operation, kinds):
            return result
        number = calls[operation.name] = calls.get(operation.name, 0) + 1
        name = f"{operation.name}_modulation"
        if number > 1:  # A layer that is called twice.
            name += f"_{number}"
        return Modulation(name=free(name))(result, embedded)

    logits = graph.replay(suffix, feature, call)
    return keras.Model([feature, point], logits, name=suffix.name)
