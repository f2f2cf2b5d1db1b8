"""A saved `.keras` classifier as a backbone, cut at any layer."""

import collections
import json
import re
import zipfile

import keras

from bottlenet_tf.backbones import graph
from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.keras_model import float32_logits
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts

# What may stand behind a softmax without changing which class wins.
_PASSIVE = ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze")


NEW_HEAD = "new_head"  # Name of the classifier that replaces a file's.


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

    The model is taken as it is: it must accept raw RGB 0..255 unless
    `preprocessing` says otherwise ("auto" adds nothing). Nested models are
    opened so that their layers can be cut, unless names would collide. A
    final softmax is removed: the logits before it have the same argmax. Other
    final activations stay.

    Args:
        path: The file.
        image_size: Must be the size it was built with, if that is fixed.
        num_classes: Must be its number of outputs.
        weights: None keeps the file's own; or the path of another file.
        preprocessing: "auto" or one of `preprocessing.MODES`.
        new_head: Dropout before a new classifier in place of the last `Dense`
            and what follows it; None keeps the file's.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file can't be read, or the model isn't an image
            classifier of this size and number of classes, has no graph, or
            ends in a softmax that can't be removed.
    """
    model = _load(path, image_size)
    if weights == "imagenet":
        raise ValueError(
            "A .keras file brings its own weights: pass None or a path. "
            "Received: weights='imagenet'"
        )
    if weights is not None:
        pretrained.load_file(model, weights, _only_these_classes)
    image, scaled = rgb_input(image_size, resolve(preprocessing, "none"))
    if _names_stay_unique(model):
        entry = keras.Input((image_size, image_size, 3), dtype="float32")
        model = keras.Model(entry, graph.replay(model, entry, _open))
    model = _in_policy(model, keras.config.dtype_policy().name)
    if new_head is None:
        logits = graph.replay(model, scaled, _without(_final_softmax(model)))
    else:
        logits = _with_new_head(model, scaled, num_classes, new_head)
    name = "".join(c if c.isalnum() else "_" for c in model.name)
    model = float32_logits(keras.Model(image, logits, name=name))
    if len(model.output_shape) != 2 or model.output_shape[-1] != num_classes:
        raise ValueError(
            "`num_classes` must be the number of outputs of the file's "
            "model, (batch, classes). "
            f"Received: num_classes={num_classes}, "
            f"output_shape={model.output_shape}"
        )
    return Backbone(str(path), model, describe_cuts(model))


def sizes(path):
    """Returns the side of a `.keras` file's images and how many outputs it has.

    The side is None if the file leaves it open.

    Raises:
        FileNotFoundError, ValueError: as `from_file`.
    """
    model = graph.as_functional(_read(path))
    return model.inputs[0].shape[1], model.outputs[0].shape[-1]


def _read(path):
    path = pretrained.existing_file(path, (".keras",))
    if not zipfile.is_zipfile(path):
        # Keras would say that there is no such file.
        raise _unreadable(path, "it is no zip archive")
    if _version(path).startswith("2"):
        raise _unreadable(
            path,
            "Keras 2 wrote it, whose files Keras 3 can't read; build the "
            "network in Keras 3, take over its weights by get_weights and "
            "set_weights, and save that",
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras lets through what its parts raise.
        raise _unreadable(path, _reason(error)) from error


def _version(path):
    """Returns the version of Keras that wrote a file; empty if unknown."""
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("metadata.json"))
        return str(about["keras_version"])
    except (KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile):
        return ""


def _reason(error):
    """Returns a sentence on what Keras says, with a way out if one is known."""
    text = " ".join(str(error).split())
    unknown = re.search(r"Could not locate (?:class|function) '([^']+)'", text)
    if unknown:
        return (
            f"{unknown[1]!r} isn't one of Keras' own: --import=FILE.py names "
            "the file that defines it"
        )
    if "lambda" in text.lower():
        return (
            "it has a Lambda layer, which is a program within the file; write "
            "it as a layer class, and name its file by --import"
        )
    return text if len(text) <= 200 else text[:200] + " ..."


def _load(path, image_size):
    model = _read(path)
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, image_size, image_size, 3))
    model = graph.as_functional(model)
    shape = tuple(model.inputs[0].shape)
    expected = (None, image_size, image_size, 3)
    fits = len(shape) == 4 and all(
        size in (None, wanted)
        for size, wanted in zip(shape[1:], expected[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            "`image_size` must be what the file's model takes, RGB, NHWC. "
            f"Received: image_size={image_size}, model input={shape}"
        )
    return model


def _unreadable(path, reason):
    return ValueError(
        f"The file must be a whole .keras model that Keras 3 reads: {reason}. "
        f"Received: name={str(path)!r}"
    )


def _in_policy(model, policy):
    """Returns a model whose layers compute by a dtype policy, all of them."""
    if all(
        layer.dtype_policy.name == policy
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ):
        return model

    def copy(layer):
        config = layer.get_config()
        if not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = policy
        return layer.__class__.from_config(config)

    copied = keras.models.clone_model(model, clone_function=copy)
    pretrained.set_weights(copied, model.get_weights())
    return copied


def _only_these_classes(classes):
    raise ValueError(
        "The weights must have as many classes as the .keras file's model. "
        f"Received: classes={classes}"
    )


def _opens(operation):
    return isinstance(operation, keras.Sequential) or graph.has_graph(operation)


def _open(operation, *args, **kwargs):
    # Transfer learning calls a pretrained network with training=False. Keras
    # forgets it as soon as the whole is called with training=True: what keeps
    # its batch norms' statistics is trainable=False, which layers keep.
    told = {name: v for name, v in kwargs.items() if name != "training"}
    plain = len(args) == 1 and not any(v is not None for v in told.values())
    if _opens(operation) and plain:
        inner = graph.as_functional(operation)
        return graph.replay(inner, args[0], _open)
    return operation(*args, **kwargs)


def _names_stay_unique(model):
    """Returns whether opening nested models gives each layer its own name."""

    def collect(model, found):
        for node in graph.nodes(graph.as_functional(model)):
            if _opens(node.operation):
                collect(node.operation, found)
            elif not node.is_input:
                found[id(node.operation)] = node.operation.name
        return found

    if not any(_opens(node.operation) for node in graph.nodes(model)):
        return False
    names = collections.Counter(collect(model, {}).values())
    return max(names.values()) == 1


def _with_new_head(model, image, num_classes, dropout):
    """Returns the logits of a new classifier on a model's last features."""
    nodes = graph.nodes(model)
    last = next(
        (
            n
            for n in reversed(nodes)
            if isinstance(n.operation, keras.layers.Dense)
        ),
        None,
    )
    if last is None or len(last.input_tensors[0].shape) != 2:
        raise ValueError(
            "--new_head replaces a file's last Dense layer, on features "
            "(batch, channels); this network has none. "
            f"Received: layers={[n.operation.name for n in nodes[-4:]]}"
        )
    features = keras.Model(model.inputs[0], last.input_tensors[0])
    x = graph.replay(features, image)
    if dropout:
        x = keras.layers.Dropout(dropout, name=f"{NEW_HEAD}_dropout")(x)
    return keras.layers.Dense(num_classes, name=NEW_HEAD)(x)


def _final_softmax(model):
    """Returns the operation whose softmax ends the network, or None."""
    tensor = model.outputs[0]
    while True:
        node = graph.producer(model, tensor)
        operation = node.operation
        kind = type(operation).__name__
        if kind == "Softmax" or _activation(operation) == "softmax":
            calls = [n for n in graph.nodes(model) if n.operation is operation]
            if len(calls) == 1:
                return operation
            raise _stuck(operation, "it is called more than once")
        if _opens(operation):
            if _final_softmax(graph.as_functional(operation)) is not None:
                raise _stuck(operation, "the nested model can't be opened")
            return None
        passive = kind in _PASSIVE or (
            kind == "Activation" and _activation(operation) == "linear"
        )
        if node.is_input or not passive:
            return None
        tensor = node.input_tensors[0]


def _stuck(operation, reason):
    return ValueError(
        "The final softmax must be removable, because a backbone gives "
        f"logits; {reason}. Received: layer={operation.name!r}"
    )


def _activation(operation):
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _without(softmax):
    """Returns a `replay` call that leaves out this softmax."""

    def call(operation, *args, **kwargs):
        if operation is not softmax:
            return operation(*args, **kwargs)
        if type(operation).__name__ in ("Softmax", "Activation"):
            return args[0]
        # Dense or Conv2D: same weights, linear from now on.
        operation.activation = keras.activations.linear
        return operation(*args, **kwargs)

    return call
