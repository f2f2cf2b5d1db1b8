"""Every cut of a network: its cost, and its obstacles to an export."""

import dataclasses
import zlib

import keras
import numpy as np

from bottlenet_tf.backbones import custom_layers, graph, keras_file
from bottlenet_tf.backbones.macs import count_macs
from bottlenet_tf.backbones.split_points import (
    describe_cuts,
    separating_tensors,
)
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.markdown import aligned, cell
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.evaluation.accuracy import network_accuracy
from bottlenet_tf.export import problems
from bottlenet_tf.training.chance import better_scaling
from bottlenet_tf.training.network import build_backbone, with_labels_for
from bottlenet_tf.training.runner import load_data

_BATCH = 4
_SIZE, _CLASSES = 224, 1000


@dataclasses.dataclass(frozen=True)
class Cut:
    """One place to cut.

    Attributes:
        shape: `(height, width, channels)` of the feature.
        bytes: Size of the feature in 8 bits.
        deflated_bytes: The same deflated (zlib level 9), mean of some images;
            None without images.
    """

    name: str
    layer: str
    shape: tuple
    mac_share: float
    bytes: int
    deflated_bytes: float | None
    head: list
    tail: list


@dataclasses.dataclass(frozen=True)
class Look:
    """A network before training.

    Attributes:
        frozen: Of these, those that the file declares not trainable.
        output: Kind of its outputs: softmax, sigmoid, binary (one output), or
            logits if the file doesn't say.
        accuracy: In percent; None without images.
    """

    macs: int
    parameters: int
    frozen: int
    output: str
    accuracy: float | None
    problems: list
    cuts: list


def look(config):
    """Returns the `Look` at a network; nothing is trained."""
    custom_layers.import_all(config.imports)
    settings = TrainConfig(
        mode="baseline",
        backbone=config.backbone,
        imports=config.imports,
        backbone_weights=config.backbone_weights,
        preprocessing=config.preprocessing,
        data=config.data or TrainConfig().data,
    )
    dataset = load_data(settings) if config.data is not None else None
    size, classes = _sizes(config, dataset)
    backbone = build_backbone(settings, size, classes)
    model, deflated, accuracy = backbone.model, {}, None
    found = problems.find(model, config.target)
    if dataset is not None:
        deflated = _deflated(model, dataset.development.limit(config.images))
        accuracy = _accuracy(backbone, classes, dataset, settings)
    learned, frozen = (
        sum(int(np.prod(weight.shape)) for weight in weights)
        for weights in graph.learned_weights(model)
    )
    return Look(
        count_macs(model),
        learned,
        frozen,
        backbone.output,
        accuracy,
        found,
        _cuts(backbone, found, deflated),
    )


def _sizes(config, dataset):
    """Returns the image's side and the number of classes."""
    is_file = config.backbone.endswith(".keras")
    size, classes = config.image_size, config.num_classes
    if dataset is not None:
        size, classes = dataset.image_size, dataset.num_classes
        if is_file:
            _, classes = keras_file.sizes(config.backbone)
        return size, classes
    if is_file and None in (size, classes):
        file_size, file_classes = keras_file.sizes(config.backbone)
        return size or file_size or _SIZE, classes or file_classes
    return size or _SIZE, classes or _CLASSES


def _cuts(backbone, found, deflated):
    """Returns the network's `Cut`s, given its problems and deflated sizes."""
    declared = {point.layer: point.name for point in backbone.split_points}
    layers = [node.operation.name for node in graph.nodes(backbone.model)]
    last = {layer: i for i, layer in enumerate(layers)}
    # A layer that is called twice may be in both halves.
    first = {layer: layers.index(layer) for layer in last}
    cuts = []
    for point in describe_cuts(backbone.model):
        # If the layer is unknown, both halves have the problem.
        at = last[point.layer]
        head = [p for p in found if not p.layer or first[p.layer] <= at]
        tail = [p for p in found if not p.layer or last[p.layer] > at]
        cuts.append(
            Cut(
                declared.get(point.layer, point.name),
                point.layer,
                point.shape,
                point.mac_share,
                int(np.prod(point.shape)),
                deflated.get(point.layer),
                head,
                tail,
            )
        )
    return cuts


def _accuracy(backbone, classes, dataset, settings):
    """Returns a trained network's accuracy, or None; prints hints."""
    model, name = backbone.model, settings.backbone
    if classes != dataset.num_classes:
        print(
            f"It has {classes} outputs, the data set {dataset.num_classes} "
            "classes: --new_head of train.py gives it a classifier for them."
        )
        return None
    if not settings.starts_trained or hasattr(model, "fresh_classifier"):
        return None
    labelled = with_labels_for(backbone.output, dataset, settings)
    part = labelled.development
    accuracy = network_accuracy(model, part)
    if settings.preprocessing == "auto" and name.endswith(".keras"):
        mode, scaled = better_scaling(model, part, accuracy)
        if mode is not None:
            print(f"--preprocessing={mode} gives {scaled:.2f} % accuracy.")
    return accuracy


def write(found, path):
    """Writes a `Look` to a JSON file."""
    write_json(path, dataclasses.asdict(found))


def table(found):
    """Returns a `Look` as Markdown."""
    header = ["cut", "feature", "device MACs", "8 bit B", "deflated B"]
    rows = [
        [
            _named(cut),
            "x".join(map(str, cut.shape)),
            f"{100 * cut.mac_share:.1f} %",
            f"{cut.bytes:,}",
            cell(cut.deflated_bytes, ",.0f"),
            _refused(cut.head),
            _refused(cut.tail),
        ]
        for cut in found.cuts
    ]
    lines = aligned([*header, "head", "tail"], rows, left=2)
    frozen = ""
    if found.frozen:
        frozen = f", of which the file freezes {found.frozen:,}"
    about = (
        f"{found.macs / 1e6:,.1f} million multiply-accumulates per image, "
        f"{found.parameters:,} parameters{frozen}. Output: {found.output}."
    )
    if found.accuracy is not None:
        about += f" Accuracy without a split: {found.accuracy:.2f} %."
    refused = problems.described(found.problems)
    if refused:
        refused = ["", "An export would refuse:", *refused]
    return "\n".join([about, "", *lines, *refused])


def _named(cut):
    return cut.name if cut.name == cut.layer else f"{cut.name} ({cut.layer})"


def _refused(problems_of_half):
    runtimes = {each.runtime for each in problems_of_half}
    return ", ".join(sorted(runtimes)) or "exports"


def _deflated(model, part):
    """Returns `{layer: mean bytes}` of 8-bit features, deflated."""
    tensors = separating_tensors(model)
    features = keras.Model(model.inputs[0], list(tensors.values()))
    totals, count = np.zeros(len(tensors)), 0
    for images, _ in part.guard(part.batches(_BATCH)):
        found = features(keras.ops.cast(images, "float32"), training=False)
        for i, feature in enumerate(found):
            totals[i] += sum(map(_deflated_bytes, np.asarray(feature)))
        count += len(images)
    return dict(zip(tensors, totals / count, strict=True))


def _deflated_bytes(feature):
    low, high = feature.min(), feature.max()
    codes = np.rint((feature - low) * (255 / max(high - low, 1e-12)))
    return len(zlib.compress(codes.astype(np.uint8).tobytes(), 9))
