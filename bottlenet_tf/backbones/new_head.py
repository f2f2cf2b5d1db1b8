"""A classifier for other classes in place of a network's own."""

import keras

from bottlenet_tf.backbones import graph

NAME = "new_head"
_ENDS = ("linear", "softmax", "sigmoid", "log_softmax")


def new_head(model, image, num_classes, dropout):
    """Returns the logits of a new classifier on a network's last features.

    The old one is the last `Dense` or 1x1 `Conv2D`, with the dropout before it
    and all operations after it. A network that ends in features keeps all
    layers.

    Args:
        image: `KerasTensor` that replaces the model's input.
    """
    features = _features(model)
    if len(features.shape) not in (2, 4):
        raise ValueError(
            "--new_head needs features (batch, channels) or (batch, height, "
            "width, channels) before the classifier, or at the end of a file "
            f"without one. Received: shape={tuple(features.shape)}"
        )
    x = graph.replay(keras.Model(model.inputs[0], features), image)
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D(name=f"{NAME}_pool")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{NAME}_dropout")(x)
    return keras.layers.Dense(num_classes, name=NAME)(x)


def _features(model):
    """Returns the classifier's input; the output if there is none."""
    tensor = model.outputs[0]
    found = False
    while not found:
        node = graph.producer(model, tensor)
        found = _is_classifier(node.operation)
        learns = not found and getattr(node.operation, "weights", [])
        if learns or len(node.input_tensors) != 1:
            return model.outputs[0]
        tensor = node.input_tensors[0]
    node = graph.producer(model, tensor)
    if isinstance(node.operation, keras.layers.Dropout):
        return node.input_tensors[0]
    return tensor


def _is_classifier(operation):
    is_linear = isinstance(operation, keras.layers.Dense) or (
        isinstance(operation, keras.layers.Conv2D)
        and operation.kernel_size == (1, 1)
    )
    return is_linear and operation.activation.__name__ in _ENDS
