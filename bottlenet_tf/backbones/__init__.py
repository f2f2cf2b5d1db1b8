"""The networks that get split, by name, with their split points."""

import dataclasses
import functools
import pathlib

import keras
import numpy as np

from bottlenet_tf.backbones import (  # noqa: F401 (they register)
    cifar_resnet,
    graph,
    keras_model,
    resnet,
)
from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.keras_file import from_file
from bottlenet_tf.backbones.macs import warn_of_uncounted
from bottlenet_tf.backbones.reading import H5
from bottlenet_tf.backbones.split_points import BACKBONES, Backbone, SplitPoint
from bottlenet_tf.backbones.weights import set_weights
from bottlenet_tf.layers.normalization import BatchNormalization

__all__ = [
    "Backbone",
    "SplitPoint",
    "check_name",
    "create",
    "names",
    "set_weights",
]


def create(
    name,
    *,
    image_size,
    num_classes,
    weights=None,
    preprocessing="auto",
    fresh_classifier=True,
    new_head=None,
):
    """Builds the backbone `name`.

    Args:
        name: One of `names()`, in any case and with or without underscores
            ("mobilenet_v2" is MobileNetV2), or the path of a `.keras` file.
        image_size: Height and width of the image in pixels.
        num_classes: Number of logits.
        weights: None for random ones, "imagenet" where Keras publishes them,
            or the path of a `.weights.h5`, `.h5` or `.keras` file (`.npz` for
            a cifar_resnet). If the file's classifier has another number of
            classes, it is left out and a message is logged.
        preprocessing: "auto" for that of the family, or one of "none",
            "unit", "signed", "tf", "torch", "caffe".
        fresh_classifier: Whether the classifier may be left out.
        new_head: Dropout, 0 to 1, before a new classifier of a `.keras` file;
            None keeps the file's.

    Returns:
        A `Backbone`.

    Raises:
        ValueError: if the name is unknown (the message lists the choices),
            or another argument has a bad value.
        TypeError: if a size or count isn't an integer.
    """
    _check_positive(image_size=image_size, num_classes=num_classes)
    backbone = _factory(str(name))(
        image_size=image_size,
        num_classes=num_classes,
        weights=weights,
        preprocessing=preprocessing,
        **({} if new_head is None else {"new_head": new_head}),
    )
    if not fresh_classifier and hasattr(backbone.model, "fresh_classifier"):
        raise ValueError(
            "`num_classes` must be the weights' own number of classes where "
            "their classifier is needed: for a teacher, --class_indices (with "
            "--num_outputs) and --unseen_classes. "
            f"Received: num_classes={num_classes}, weights={weights!r}"
        )
    model = _fused(backbone.model)
    _check_finite(model, name, weights)
    warn_of_uncounted(model)
    return dataclasses.replace(backbone, model=model)


def _check_finite(model, name, weights):
    """Refuses the file of a training that diverged."""
    for variable, value in zip(model.weights, model.get_weights()):
        if not np.isfinite(value).all():
            raise ValueError(
                "A network's weights must be finite. Received: "
                f"name={name!r}, weights={weights!r}, with a NaN or infinity "
                f"in {variable.path}"
            )


def check_name(name):
    """Raises ValueError, with the choices, if there is no such backbone."""
    _factory(str(name))


_OTHER_FILES = {
    ".h5": H5,
    ".hdf5": H5,
    ".pb": "a SavedModel has no layers to cut; save the network as .keras "
    "where it is built",
    ".tflite": "it has no layers to cut; save the network as .keras where it "
    "is built",
    **dict.fromkeys(
        (".onnx", ".pt", ".pth", ".pkl", ".json"),
        "build the network in Keras and save it as .keras",
    ),
}


def _factory(name):
    if name.endswith(".keras"):
        return functools.partial(from_file, name)
    path = pathlib.Path(name)
    kind = ".pb" if (path / "saved_model.pb").is_file() else path.suffix.lower()
    if kind in _OTHER_FILES:
        raise ValueError(
            "A network from a file must be a .keras file: "
            f"{_OTHER_FILES[kind]}. Received: name={name!r}"
        )
    known = {_plain(choice): choice for choice in names()}
    return BACKBONES.get(known.get(_plain(name), name))


def _fused(model):
    """Returns a copy of `model` with fused batch normalisation."""

    def copy(layer):
        if type(layer) is keras.layers.BatchNormalization:
            return BatchNormalization.from_config(layer.get_config())
        return layer.__class__.from_config(layer.get_config())

    fused = keras.models.clone_model(model, clone_function=copy)
    pretrained.set_weights(fused, model.get_weights())
    return fused


def names():
    """Returns the names of all backbones, sorted."""
    return BACKBONES.names()


def _plain(name):
    return name.lower().replace("_", "").replace("-", "")


def _check_positive(**values):
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(
                f"`{key}` must be an integer. Received: {key}={value!r}"
            )
        if value < 1:
            raise ValueError(
                f"`{key}` must be positive. Received: {key}={value}"
            )
