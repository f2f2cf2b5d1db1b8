"""A saved `.keras` classifier as a backbone, cut at any layer."""

import re

import keras

from bottlenet_tf.backbones import endings, graph
from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.keras_model import float32_logits
from bottlenet_tf.backbones.new_head import new_head as with_new_head
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.reading import read
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts


def from_file(
    path,
    *,
    image_size,
    num_classes,
    weights,
    preprocessing,
    new_head=None,
):
    """Loads a functional or `Sequential` model from a `.keras` file.

    The model must accept raw RGB 0..255, or grey, unless `preprocessing` says
    otherwise ("auto" adds nothing). A network of one channel gets the luma.
    Nested models are opened so that they can be cut inside; duplicate names are
    prefixed with their model's. A final softmax or sigmoid is removed: the
    network gives logits. Other final activations stay. See `endings`, also for
    a single output.

    Args:
        image_size: Must be the size it was built with, if that is fixed.
        num_classes: Must be its number of outputs, or 2 for a single one.
        weights, preprocessing, new_head: As in `backbones.create`.
    """
    model = _load(path, image_size)
    if weights == "imagenet":
        raise ValueError(
            "A .keras file has its own weights: pass None or a path. Received: "
            "weights='imagenet'"
        )
    if weights is not None:
        pretrained.load_file(model, weights, _only_these_classes)
    channels = model.inputs[0].shape[-1]
    mode = resolve(preprocessing, "none")
    if any(_opens(node.operation) for node in graph.nodes(model)):
        _distinguish(model, {})
        entry = keras.Input((image_size, image_size, channels), dtype="float32")
        model = keras.Model(entry, graph.replay(model, entry, _open))
    model = _in_policy(model, keras.config.dtype_policy().name)
    _give_scopes(model)
    image, scaled = rgb_input(image_size, mode, channels, beside=model)
    if new_head is None:
        output, activation = endings.find(model, _opens)
        logits = graph.replay(model, scaled, endings.without(activation))
    else:
        # The file's labels don't matter; the data set decides on the output.
        logits = with_new_head(model, scaled, num_classes, new_head)
        output = "logits"
    if tuple(logits.shape[1:]) == (1,) and num_classes == 2:
        if output not in ("logits", "sigmoid"):
            raise ValueError(
                "A single output must be a logit or end in a sigmoid to tell "
                "two classes apart; where another ending does so isn't known, "
                "and a softmax of one is always 1. "
                f"Received: name={str(path)!r}, which ends in {output}"
            )
        two_classes = graph.free_name("two_classes", model)
        logits = endings.TwoClasses(name=two_classes)(logits)
        output = "binary"
    name = "".join(c if c.isalnum() else "_" for c in model.name)
    model = float32_logits(keras.Model(image, logits, name=name))
    if len(model.output_shape) != 2 or model.output_shape[-1] != num_classes:
        raise ValueError(
            "The file's model must have an output for each class of the data "
            "set, (batch, classes): --mode=baseline --new_head trains a "
            "classifier for them (then --backbone=WORKDIR/model.keras), "
            "--class_indices names their outputs if there are more. "
            f"Received: num_classes={num_classes}, "
            f"output_shape={model.output_shape}, name={str(path)!r}"
        )
    return Backbone(str(path), model, describe_cuts(model), output)


def sizes(path):
    """Returns the side of a `.keras` file's images and its number of classes.

    The side is None if the file leaves it open. One output is for two classes.
    """
    model = graph.as_functional(read(path))
    return model.inputs[0].shape[1], max(model.outputs[0].shape[-1], 2)


def _load(path, image_size):
    model = read(path)
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, image_size, image_size, 3))
    model = graph.as_functional(model)
    _check_input(tuple(model.inputs[0].shape), image_size)
    return model


def _check_input(shape, image_size):
    """Refuses an input that isn't a square image of this size."""
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise ValueError(
            "The file's model must take RGB or grey images, channels last: "
            "(batch, height, width, 3) or (batch, height, width, 1). "
            f"Received: model input={shape}"
        )
    height, width = shape[1:3]
    if height != width:
        raise ValueError(
            "The file's model must take square images, because every image is "
            "cropped to a square: build it with equal sides, or, if it is "
            "fully convolutional, with both left open. "
            f"Received: height={height}, width={width}"
        )
    if height not in (None, image_size):
        raise ValueError(
            f"`image_size` must be the file's own, --image_size={height}. "
            f"Received: image_size={image_size}, model input={shape}"
        )


def _give_scopes(model):
    """Replaces characters that a TensorFlow name can't have.

    A file from another backend may have names such as "Block 1".
    """
    names = {node.operation.name: node.operation for node in graph.nodes(model)}
    for name, operation in list(names.items()):
        scope = re.sub("[^A-Za-z0-9_.-]", "_", name)
        while names.setdefault(scope, operation) is not operation:
            scope += "_"
        operation.name = scope


def _in_policy(model, policy):
    """Returns a model with all layers under a dtype policy."""
    saved = {
        layer.dtype_policy.name
        for layer in graph.all_layers(model)
        if not isinstance(layer, (keras.Model, keras.layers.InputLayer))
    }
    if any("_from_" in name for name in saved):
        raise ValueError(
            "The network must have its floating-point weights, because it is "
            "trained: save it before model.quantize(). "
            f"Received: dtype policies {', '.join(sorted(saved))}"
        )
    if saved == {policy}:
        return model

    def copy(layer):
        config = layer.get_config()
        is_input = isinstance(layer, keras.layers.InputLayer)
        # Operations such as `h + r` compute in their inputs' type.
        if isinstance(layer, keras.layers.Layer) and not is_input:
            config = {**_with_policy(config, policy), "dtype": policy}
        return layer.__class__.from_config(config)

    copied = keras.models.clone_model(model, clone_function=copy)
    pretrained.set_weights(copied, model.get_weights())
    return copied


def _with_policy(config, policy):
    """Returns a configuration whose inner layers have a policy, too."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_policy(value, policy) for value in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": policy}}
    return {name: _with_policy(value, policy) for name, value in config.items()}


def _only_these_classes(classes):
    raise ValueError(
        "The weights must have as many classes as the .keras file's model. "
        f"Received: classes={classes}"
    )


def _opens(operation):
    is_model = isinstance(operation, keras.Sequential)
    if not is_model and not graph.has_graph(operation):
        return False
    return len(operation.inputs) == len(operation.outputs) == 1


def _open(operation, *args, **kwargs):
    # Transfer learning calls a pretrained network with training=False. Keras
    # forgets it as soon as the model is called with training=True: its batch
    # norms keep their statistics by trainable=False, which layers keep.
    others = [v for name, v in kwargs.items() if name != "training"]
    plain = len(args) == 1 and all(v is None for v in others)
    if _opens(operation) and plain:
        inner = graph.as_functional(operation)
        return graph.replay(inner, args[0], _open)
    return operation(*args, **kwargs)


def _distinguish(model, names, within=""):
    """Gives layers inside nested models names that no other layer has.

    Args:
        model: The outermost one, whose layers keep their names.
        names: `{name: operation}` of earlier ones; it grows.
        within: Prefix for a name that another layer has.
    """
    operations = [n.operation for n in graph.nodes(model) if not n.is_input]
    inner = [operation for operation in operations if _opens(operation)]
    for operation in operations:
        name = operation.name
        while names.setdefault(name, operation) is not operation:
            name = f"{within}{name}" if within else f"{name}_"
        operation.name = name
    for each in inner:
        _distinguish(graph.as_functional(each), names, f"{each.name}_")
