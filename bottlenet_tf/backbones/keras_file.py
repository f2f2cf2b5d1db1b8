"""A saved `.keras` classifier as a backbone, cut at any layer."""

import collections
import json
import re
import zipfile

import keras

from bottlenet_tf.backbones import endings, graph
from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.keras_model import float32_logits
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts

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

    The model is taken as it is: it must accept raw RGB 0..255, or grey, unless
    `preprocessing` says otherwise ("auto" adds nothing). A network of one
    channel gets the luma. Nested models are
    opened so that their layers can be cut, unless names would collide. A
    final softmax or sigmoid is removed: the network gives logits. Other final
    activations stay. See `endings`, also for a single output.

    Args:
        path: The file.
        image_size: Must be the size it was built with, if that is fixed.
        num_classes: Must be its number of outputs, or 2 for a single one.
        weights: None keeps the file's own; or the path of another file.
        preprocessing: "auto" or one of `preprocessing.MODES`.
        new_head: Dropout before a new classifier in place of the last `Dense`
            and what follows it; None keeps the file's.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file can't be read, or the model isn't an image
            classifier of this size and number of classes, has no graph, or
            ends in a softmax or sigmoid that can't be removed.
    """
    model = _load(path, image_size)
    if weights == "imagenet":
        raise ValueError(
            "A .keras file brings its own weights: pass None or a path. "
            "Received: weights='imagenet'"
        )
    if weights is not None:
        pretrained.load_file(model, weights, _only_these_classes)
    channels = model.inputs[0].shape[-1]
    mode = resolve(preprocessing, "none")
    image, scaled = rgb_input(image_size, mode, channels)
    if _names_stay_unique(model):
        entry = keras.Input((image_size, image_size, channels), dtype="float32")
        model = keras.Model(entry, graph.replay(model, entry, _open))
    model = _in_policy(model, keras.config.dtype_policy().name)
    if new_head is None:
        output, activation = endings.find(model, _opens)
        logits = graph.replay(model, scaled, endings.without(activation))
    else:
        # The file's labels are others; what they are like, the data set says.
        logits = _with_new_head(model, scaled, num_classes, new_head)
        output = "logits"
    if tuple(logits.shape[1:]) == (1,) and num_classes == 2:
        if output == "softmax":
            raise ValueError(
                "A softmax needs two outputs at least: that of one is 1 for "
                f"any image. Received: name={str(path)!r}"
            )
        logits, output = (
            endings.TwoClasses(name="two_classes")(logits),
            "binary",
        )
    name = "".join(c if c.isalnum() else "_" for c in model.name)
    model = float32_logits(keras.Model(image, logits, name=name))
    if len(model.output_shape) != 2 or model.output_shape[-1] != num_classes:
        raise ValueError(
            "`num_classes` must be the number of outputs of the file's "
            "model, (batch, classes), or 2 where it has one. "
            f"Received: num_classes={num_classes}, "
            f"output_shape={model.output_shape}"
        )
    return Backbone(str(path), model, describe_cuts(model), output)


def sizes(path):
    """Returns the side of a `.keras` file's images and how many classes it has.

    The side is None if the file leaves it open. One output tells two classes.

    Raises:
        FileNotFoundError, ValueError: as `from_file`.
    """
    model = graph.as_functional(_read(path))
    return model.inputs[0].shape[1], max(model.outputs[0].shape[-1], 2)


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
    _check_input(tuple(model.inputs[0].shape), image_size)
    return model


def _check_input(shape, image_size):
    """Raises ValueError, by its own name, for an image that isn't taken."""
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
            "`image_size` must be what the file's model takes, "
            f"--image_size={height}. Received: image_size={image_size}, "
            f"model input={shape}"
        )


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
