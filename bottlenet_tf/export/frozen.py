"""Parts of networks as TensorFlow functions without variables, to convert.

Converters need them frozen. LiteRT's silently drops the values of variables;
tf2onnx makes an input of every tensor that a layer computed when it was built,
as Keras' `Normalization` does.
"""

from typing import NamedTuple

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from bottlenet_tf.common import graphs
from bottlenet_tf.layers import UnitHead


class Part(NamedTuple):
    """A part of a network that computes in float32.

    Attributes:
        function: Concrete function that captures nothing.
    """

    function: object
    inputs: list
    outputs: list


def head(model):
    """Returns the head of a `BottleNet`, for one image.

    `image` `(1, S, S, 3)`, raw RGB 0..255 -> `codes` `(1, *code_shape)`, whole
    numbers, and, if the unit sends it, `range` `(1, 2)`. A unit that takes the
    operating point has `coefficients` in place of codes, from which
    `gains.Gains` computes codes on the device.
    """
    shape = (1, *model.prefix.input_shape[1:])
    return _encoding(model, model.head, "image", shape)


def encoder(model):
    """Returns the head without its prefix, for one feature.

    `feature` `(1, H, W, C)` -> as `head`.
    """
    shape = (1, *model.prefix.output_shape[1:])
    feature = keras.Input(batch_shape=shape, name="feature")
    outputs = UnitHead(model.unit, name="unit_head")(feature)
    half = keras.Model(feature, outputs, name="encoder")
    return _encoding(model, half, "feature", shape)


def _encoding(model, half, name, shape):
    outputs = ["coefficients" if model.unit.takes_point else "codes"]
    if model.unit.sends_range:
        outputs.append("range")

    def call(tensor):
        found = half(tensor, training=False)
        return [found[output] for output in outputs]

    return Part(_frozen(call, {name: shape}), [name], outputs)


def tail(model):
    """Returns the tail of a `BottleNet`, for N images.

    `codes` `(N, *code_shape)`, if the unit sends it, `range` `(N, 2)`, and, if
    the unit takes it, `point` `(N,)` -> `logits` `(N, classes)`.
    """
    half, unit = model.tail, model.unit
    names = ["codes"]
    names += ["range"] if unit.sends_range else []
    names += ["point"] if unit.takes_point else []
    shapes = {name: (None, *half.input[name].shape[1:]) for name in names}

    def call(*inputs):
        return [half(dict(zip(names, inputs)), training=False)]

    return Part(_frozen(call, shapes), names, ["logits"])


def network(model, source="image", result="logits"):
    """Returns a network of one input and one output, for one image."""
    shape = (1, *model.input_shape[1:])
    function = _frozen(
        lambda image: [model(image, training=False)], {"image": shape}
    )
    return Part(function, [source], [result])


def _frozen(call, shapes):
    """Returns a concrete function of constant weights."""
    specs = [
        tf.TensorSpec(shape, tf.float32, name=name)
        for name, shape in shapes.items()
    ]

    @graphs.function(input_signature=specs)
    def run(*inputs):
        return call(*inputs)

    return convert_variables_to_constants_v2(run.get_concrete_function())
