"""How a classifier's file ends, and its logits without that ending.

```
logits ─ softmax           softmax:  one class per image
logits ─ sigmoid           sigmoid:  each class separately
logit  ─ sigmoid, or none  binary:   softmax([0, logit]) is the same
logits                     logits:   any of these
logits ─ tanh, relu, ...   by the activation's name; it is kept
```
"""

import keras

from bottlenet_tf.backbones import graph

# May follow an activation without changing its meaning.
_PASSIVE = ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze")
_REMOVED = ("softmax", "sigmoid")
_ACTIVATIONS = {name.replace("_", "") for name in dir(keras.activations)}


def find(model, opens):
    """Returns `(how the network ends, the operation of that activation)`.

    The operation is None where nothing is to be removed. `opens` says of an
    operation whether it is a nested model that is opened.
    """
    tensor = model.outputs[0]
    while True:
        node = graph.producer(model, tensor)
        operation = node.operation
        kind = type(operation).__name__
        activation = _activation(operation)
        if activation == "logsoftmax":  # Its softmax is the same.
            return "softmax", None
        if activation in _REMOVED:
            calls = [n for n in graph.nodes(model) if n.operation is operation]
            if len(calls) == 1:
                return activation, operation
            raise _stuck(operation, activation, "it is called more than once")
        if opens(operation):
            ending, removed = find(graph.as_functional(operation), opens)
            if removed is not None:
                reason = "the nested model can't be opened"
                raise _stuck(removed, ending, reason)
            return ending, None
        passive = kind in _PASSIVE or (
            kind == "Activation" and activation == "linear"
        )
        if node.is_input or not passive:
            is_free = activation in (None, "linear")
            return "logits" if is_free else activation, None
        tensor = node.input_tensors[0]


def without(removed):
    """Returns a `graph.replay` call that leaves out this activation."""

    def call(operation, *args, **kwargs):
        if operation is not removed:
            return operation(*args, **kwargs)
        if type(operation).__name__ in ("Softmax", "Sigmoid", "Activation"):
            return args[0]
        # Dense or Conv2D: same weights, linear from now on.
        operation.activation = keras.activations.linear
        return operation(*args, **kwargs)

    return call


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class TwoClasses(keras.layers.Layer):
    """The logits [0, logit] of a single output's two classes.

    Always computes in float32. A product with a constant, which any runtime
    supports.

    Call arguments:
        logit: Tensor `(batch, 1)`.

    Returns:
        float32 tensor `(batch, 2)`.
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, logit):
        pair = keras.ops.convert_to_tensor([[0.0, 1.0]], "float32")
        return keras.ops.matmul(keras.ops.cast(logit, "float32"), pair)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)


def _activation(operation):
    """Returns an operation's activation as "hardsigmoid"; None without one."""
    found = getattr(operation, "activation", None)
    if found is None:
        found = type(operation)
    name = getattr(found, "__name__", type(found).__name__)
    name = name.replace("_", "").lower()
    return name if name in _ACTIVATIONS else None


def _stuck(operation, activation, reason):
    return ValueError(
        f"The final {activation} must be removable, because a backbone gives "
        f"logits; {reason}. Received: layer={operation.name!r}"
    )
