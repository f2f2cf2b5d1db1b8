"""Networks as TensorFlow functions without variables, to convert."""

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from bottlenet_tf.layers import UnitHead


def frozen_head(model):
    """Returns the head for one image as a function with constant weights.

    `image` float32 `(1, S, S, 3)` -> what `head_outputs` names, codes or
    coefficients `(1, *code_shape)` and the range `(1, 2)`.

    Converters need it frozen. LiteRT's drops the values of variables without
    a word; tf2onnx makes an input of every tensor that a layer computed when
    it was built, as Keras' `Normalization` does.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    shape = (1, *model.prefix.input_shape[1:])
    return _frozen_outputs(model.head, shape, "image", head_outputs(model))


def frozen_encoder(model):
    """Returns the head without its prefix, for one feature.

    `feature` float32 `(1, H, W, C)` -> as `frozen_head`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    shape = (1, *model.prefix.output_shape[1:])
    feature = keras.Input(batch_shape=shape, name="feature")
    outputs = UnitHead(model.unit, name="unit_head")(feature)
    encoder = keras.Model(feature, outputs, name="encoder")
    return _frozen_outputs(encoder, shape, "feature", head_outputs(model))


def _frozen_outputs(network, shape, name, outputs):
    spec = tf.TensorSpec(shape, tf.float32, name=name)

    @tf.function(input_signature=[spec])
    def run(tensor):
        found = network(tensor, training=False)
        return [found[output] for output in outputs]

    return convert_variables_to_constants_v2(run.get_concrete_function())


def head_outputs(model):
    """Returns the names of the head's outputs, in the order of `frozen_head`.

    Coefficients, which become codes on the device by `gains.Gains`, if the
    unit takes the operating point.
    """
    values = "coefficients" if model.unit.takes_point else "codes"
    return [values, "range"] if model.unit.sends_range else [values]


def frozen_tail(model):
    """Returns the tail for N images as a function with constant weights.

    `codes` float32 `(N, *code_shape)`, if the unit sends it, `range` float32
    `(N, 2)`, and, if the unit takes it, `point` float32 `(N,)` -> `[logits]`,
    `(N, classes)`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    tail = model.tail
    shapes = {name: tensor.shape[1:] for name, tensor in tail.input.items()}
    names = tail_inputs(model)
    specs = [
        tf.TensorSpec((None, *shapes[name]), tf.float32, name=name)
        for name in names
    ]

    @tf.function(input_signature=specs)
    def run(*inputs):
        return [tail(dict(zip(names, inputs)), training=False)]

    return convert_variables_to_constants_v2(run.get_concrete_function())


def tail_inputs(model):
    """Returns the names of the tail's inputs, in the order of `frozen_tail`."""
    unit = model.unit
    is_there = {"range": unit.sends_range, "point": unit.takes_point}
    return ["codes", *(name for name in is_there if is_there[name])]


def frozen_whole(network):
    """Returns an unsplit network as a function with constant weights.

    `image` float32 `(1, S, S, 3)` -> `[logits]`, `(1, classes)`; or a part of
    one, `(1, *input)` -> `[feature]`.

    Args:
        network: Keras model of one input and one output that computes in
            float32.

    Returns:
        A concrete function that captures nothing.
    """
    shape = (1, *network.input_shape[1:])
    spec = tf.TensorSpec(shape, tf.float32, name="image")

    @tf.function(input_signature=[spec])
    def run(image):
        return [network(image, training=False)]

    return convert_variables_to_constants_v2(run.get_concrete_function())
