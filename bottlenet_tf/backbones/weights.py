"""Pretrained weights into a backbone, from Keras' servers or from a file."""

import collections
import logging
import pathlib
import zipfile
import zlib

import h5py
import keras

from bottlenet_tf.backbones import graph
from bottlenet_tf.common.validation import first_of

_SUFFIXES = (".h5", ".keras")
# Parts of a saved training run that aren't the network's weights.
_OTHER_STATE = ("optimizer", "metrics", "seed_generator", "compile")
# Raised by h5py, zipfile and zlib for damaged bytes.
DAMAGE = (
    OSError,
    KeyError,
    ValueError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


def load_file(model, path, build):
    """Loads a Keras weights file; another class count keeps the features.

    If the file's classifier has another number of classes than `model`, all
    weights but the classifier's are loaded and a message is logged.

    Args:
        path: `.weights.h5`, `.h5` or `.keras` file of the same architecture.
        build: `build(num_classes)`, which returns another model like it.
    """
    path = existing_file(path, _SUFFIXES)
    wanted = _shapes(tuple(weight.shape) for weight in model.weights)
    try:
        stored = _shapes(_stored_shapes(path))
    except DAMAGE as error:
        raise ValueError(
            "The file must be a complete weights file of Keras; reading it "
            f"failed: {error}. Received: weights={str(path)!r}"
        ) from error
    missing, extra = wanted - stored, stored - wanted
    if not missing and not extra:
        _load(model, path)
        return
    classes = _other_classes(model, missing, extra)
    if classes is None:
        raise ValueError(
            "The file's arrays must fit the network. Missing shapes: "
            f"{_brief(missing)}; superfluous shapes: {_brief(extra)}. "
            f"Received: weights={str(path)!r}, model={model.name!r}"
        )
    donor = build(classes)
    _load(donor, path)
    copy_weights(donor, model, skip_classifier=True)
    log_fresh_classifier(path, classes, model)


def load_imagenet(model, fetch):
    """Copies Keras' published ImageNet weights into `model`.

    A model of other than 1000 classes keeps its fresh classifier. `fetch()`
    returns the published model.
    """
    try:
        donor = fetch()
    except ValueError:
        raise
    except Exception as error:  # Keras raises plain `Exception` here.
        raise ConnectionError(
            "The ImageNet weights could not be downloaded. Download them on a "
            "machine with a network and pass the file's path as `weights`. "
            f"Received: weights='imagenet', model={model.name!r}, "
            f"reason={str(error)!r}"
        ) from error
    same = donor.output_shape[-1] == model.output_shape[-1]
    copy_weights(donor, model, skip_classifier=not same)
    if not same:
        log_fresh_classifier("imagenet", donor.output_shape[-1], model)


def copy_weights(donor, model, skip_classifier):
    """Copies weights layer by layer, in order, to a network of equal layers."""
    sources = [layer for layer in donor.layers if layer.weights]
    targets = [layer for layer in model.layers if layer.weights]
    if skip_classifier:
        sources, targets = sources[:-1], targets[:-1]
    if len(sources) != len(targets):
        raise ValueError(
            "The two networks must have as many layers with weights. "
            f"Received: donor={len(sources)}, model={len(targets)}"
        )
    for source, target in zip(sources, targets, strict=True):
        theirs = [tuple(weight.shape) for weight in source.weights]
        ours = [tuple(weight.shape) for weight in target.weights]
        if theirs != ours:
            raise ValueError(
                "The weights must fit the layer; dense layers behind a "
                "Flatten fix the image size. "
                f"Received: layer={target.name!r}, weights={theirs}, "
                f"expected={ours}"
            )
        set_weights(target, source.get_weights())


def set_weights(layer, arrays):
    """Sets the weights of a layer or model, `Normalization` included.

    That layer computes with copies of its weights, which only `finalize_state`
    updates: without it, a model keeps mean 0 and variance 1.
    """
    layer.set_weights(arrays)
    for part in graph.all_layers(layer):
        if isinstance(part, keras.layers.Normalization):
            part.finalize_state()


def existing_file(path, suffixes):
    """Returns `path` as a `Path` after checking that it can be loaded."""
    path = pathlib.Path(path)
    if not path.name.endswith(tuple(suffixes)):
        raise ValueError(
            "`weights` must be None, 'imagenet' where published, or a path "
            f"that ends in {' or '.join(suffixes)}. "
            f"Received: weights={str(path)!r}"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no such weights file. Received: weights={str(path)!r}"
        )
    return path


def log_fresh_classifier(source, classes, model):
    """Logs, and notes on the model, that only feature weights were taken."""
    model.fresh_classifier = True
    logging.getLogger(__name__).warning(
        "%s has %d classes, %s has %d: feature weights kept, classifier fresh.",
        source,
        classes,
        model.name,
        model.output_shape[-1],
    )


def _load(model, path):
    try:
        model.load_weights(str(path))
    except DAMAGE as error:
        raise ValueError(
            f"The file can't be loaded into the network: {error} "
            f"Received: weights={str(path)!r}, model={model.name!r}"
        ) from error


def _stored_shapes(path):
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            with archive.open("model.weights.h5") as stream:
                return _h5_shapes(stream)
    return _h5_shapes(path)


def _h5_shapes(source):
    shapes = []

    def visit(name, item):
        is_weight = not any(word in name for word in _OTHER_STATE)
        if isinstance(item, h5py.Dataset) and is_weight:
            shapes.append(tuple(item.shape))

    with h5py.File(source) as file:
        file.visititems(visit)
    return shapes


def _shapes(shapes):
    return collections.Counter(shape for shape in shapes if shape)


def _other_classes(model, missing, extra):
    """Returns the file's class count if only the classifier differs."""
    classifier = [layer for layer in model.layers if layer.weights][-1]
    ours = [tuple(weight.shape) for weight in classifier.weights]
    if _shapes(ours) != missing:
        return None
    for classes in {shape[-1] for shape in extra}:
        if _shapes((*shape[:-1], classes) for shape in ours) == extra:
            return classes
    return None


def _brief(counter):
    return first_of(map(str, counter.elements()), 4)
