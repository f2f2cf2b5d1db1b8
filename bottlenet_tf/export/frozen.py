"""Networks as TensorFlow functions without variables, to convert."""

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)


def frozen_head(model):
    """Returns the head for one image as a function with constant weights.

    `image` float32 `(1, S, S, 3)` -> `[codes]`, `(1, h, w, c')`, or, if the
    quantizer sends it, `[codes, range]`, the range `(1, 2)`.

    Converters need it frozen. LiteRT's drops the values of variables without
    a word; tf2onnx makes an input of every tensor that a layer computed when
    it was built, as Keras' `Normalization` does.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    head = model.head
    spec = tf.TensorSpec((1, *head.input_shape[1:]), tf.float32, name="image")

    @tf.function(input_signature=[spec])
    def run(image):
        outputs = head(image, training=False)
        return [outputs[name] for name in ("codes", "range") if name in outputs]

    return convert_variables_to_constants_v2(run.get_concrete_function())


def frozen_tail(model):
    """Returns the tail for N images as a function with constant weights.

    `codes` float32 `(N, h, w, c')` and, if the quantizer sends it, `range`
    float32 `(N, 2)` -> `[logits]`, `(N, classes)`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    tail = model.tail
    shape = tuple(model.unit.code_shape)
    specs = [tf.TensorSpec((None, *shape), tf.float32, name="codes")]
    if model.unit.quantizer.sends_range:
        specs.append(tf.TensorSpec((None, 2), tf.float32, name="range"))

    @tf.function(input_signature=specs)
    def run(codes, *code_range):
        inputs = {"codes": codes}
        if code_range:
            inputs["range"] = code_range[0]
        return [tail(inputs, training=False)]

    return convert_variables_to_constants_v2(run.get_concrete_function())


def frozen_whole(network):
    """Returns an unsplit network as a function with constant weights.

    `image` float32 `(1, S, S, 3)` -> `[logits]`, `(1, classes)`.

    Args:
        network: Keras model, image -> logits, that computes in float32.

    Returns:
        A concrete function that captures nothing.
    """
    shape = (1, *network.input_shape[1:])
    spec = tf.TensorSpec(shape, tf.float32, name="image")

    @tf.function(input_signature=[spec])
    def run(image):
        return [network(image, training=False)]

    return convert_variables_to_constants_v2(run.get_concrete_function())
