"""Builds the networks of a run: backbone, split network, teacher."""

import dataclasses
import pathlib
from typing import NamedTuple

import keras
import numpy as np

from bottlenet_tf import backbones, tasks
from bottlenet_tf.backbones import custom_layers, graph, new_head
from bottlenet_tf.backbones.split_points import (
    separating_tensors,
    split_backbone,
)
from bottlenet_tf.common import json_file
from bottlenet_tf.common.run_folders import CONFIG_FILE, MODEL_FILE, load_report
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.training import warm_start

MATCH_BATCHES = 4


class Network(NamedTuple):
    """The network that a run trains, and those it is compared with.

    model: `BottleNet`; the backbone's Keras model for modes "baseline" and
        "cloud".
    untouched: Keras model of the given unsplit network, image -> logits; None
        if it has no trained weights.
    teacher: Callable `(images, feature) -> logits` for distillation or None.
    split_point: `SplitPoint` of the cut; None if there is none.
    output: As `Backbone.output`, or as in the original run.
    """

    model: keras.Model
    untouched: keras.Model | None
    teacher: object
    split_point: object
    output: str = "logits"

    def as_deployed(self):
        """Returns the `Network` in float32, for measuring; no teacher."""
        untouched = self.untouched
        if untouched is not None:
            untouched = in_float32(untouched)
        model = in_float32(self.model)
        return self._replace(model=model, untouched=untouched, teacher=None)

    def unsplit_suffix(self):
        """Returns the part of `untouched` after the cut, a Keras model."""
        whole = self.untouched
        feature = separating_tensors(whole)[self.split_point.layer]
        return keras.Model(feature, whole.outputs[0])


def build_network(config, image_size, num_classes):
    """Builds the `Network` of a `TrainConfig`."""
    backbone = build_backbone(config, image_size, num_classes)
    if config.train_frozen:
        graph.unfreeze(backbone.model)
    elif config.mode != "frozen":
        _print_frozen(backbone.model)
    if config.mode == "baseline":
        if config.new_head and not config.backbone_rate:
            for layer in backbone.model.layers:
                layer.trainable = layer.name == new_head.NAME
        if config.init_from is not None:
            _load_into(backbone.model, config.init_from, "init_from")
            backbone = _as_run(backbone, config.init_from)
        return Network(backbone.model, None, None, None, backbone.output)
    untouched = None
    if config.starts_trained:
        untouched = _clone(backbone.model)
        untouched.trainable = False
    model, point = backbone.model, None
    if config.has_unit:
        model = build_bottlenet(
            backbone,
            config.split,
            config.unit,
            tells_tail=config.mode == "tail",
        )
        point = backbone.split_point(config.split)
    if config.init_from is not None:
        _load_into(model, config.init_from, "init_from")
    if config.has_unit:
        model.prefix.trainable = not (
            config.freeze_prefix or config.mode in ("tail", "frozen")
        )
        model.suffix.trainable = config.mode != "frozen"
    teacher = None
    if config.distillation and config.teacher_backbone is not None:
        teacher = _other_teacher(
            config, image_size, num_classes, backbone.output
        )
    elif config.distillation and config.has_unit:
        teacher = _unsplit(config, backbone, untouched, model.prefix)
    elif config.distillation:
        teacher = _whole_teacher(untouched)
    return Network(model, untouched, teacher, point, backbone.output)


def _print_frozen(model):
    learned, frozen = graph.learned_weights(model)
    if frozen:
        print(
            f"{len(frozen)} of {len(learned)} weights are frozen, since the "
            "file declares them not trainable; --train_frozen trains them."
        )


def with_labels_for(output, dataset, config):
    """Returns a data set with labels for a network's outputs."""
    chosen = tasks.choose(config.output, output, dataset.task.output)
    return dataset.for_output(chosen)


def _as_run(backbone, run):
    """Returns a backbone with the kind of output of the run it comes from."""
    if backbone.output != "logits":
        return backbone
    try:
        output = load_report(run).get("output", "logits")
    except (OSError, ValueError):
        return backbone  # From an earlier version, or only a model file.
    return dataclasses.replace(backbone, output=output)


def _other_teacher(config, image_size, num_classes, output):
    """Returns the teacher of --teacher_backbone, of the same kind of output."""
    teacher = _build(
        config.teacher_backbone,
        config.teacher_weights,
        "teacher_weights",
        image_size=image_size,
        num_classes=num_classes,
        fresh_classifier=False,
    )
    kinds = {output, teacher.output}
    if kinds > {"sigmoid"} and "logits" not in kinds:
        raise ValueError(
            "--teacher_backbone must have outputs of the same kind as the "
            f"network's. Received: {teacher.output}, the network {output}"
        )
    teacher.model.trainable = False
    return _whole_teacher(teacher.model)


def build_backbone(config, image_size, num_classes):
    """Builds the unsplit network of a `TrainConfig`, with its weights."""
    custom_layers.import_all(config.imports)
    knows_classes = config.data.class_indices or config.data.unseen_classes
    return _build(
        config.backbone,
        config.backbone_weights,
        "backbone_weights",
        image_size=image_size,
        num_classes=num_classes,
        preprocessing=config.preprocessing,
        fresh_classifier=not knows_classes,
        new_head=config.head_dropout if config.new_head else None,
    )


def _build(name, weights, flag, **options):
    """Returns a `backbones.Backbone` whose weights may be a run's."""
    is_run = (
        weights not in (None, "imagenet") and pathlib.Path(weights).is_dir()
    )
    if is_run:
        backbone = backbones.create(name, **options)
        _load_into(backbone.model, weights, flag)
        return _as_run(backbone, weights)
    return backbones.create(name, weights=weights, **options)


def match_feature(model, dataset, batch_size):
    """Initializes a unit with the feature's mean and deviation.

    A network that is trained, too, learns the scale of the restored feature in
    a few steps. A frozen one can't, nor can the unit if the channels'
    statistics are far from 0 and 1. Reads some unaugmented training images.
    """
    batches = dataset.train_batches(batch_size, epoch=0, augment=False)
    features = [
        model.prefix(keras.ops.cast(images, "float32"), training=False)
        for images, _ in dataset.train.guard(batches.take(MATCH_BATCHES))
    ]
    features = np.concatenate([np.asarray(f, np.float32) for f in features])
    model.unit.match_feature(features.mean((0, 1, 2)), features.std((0, 1, 2)))


def load_model(run):
    """Loads the trained model of a run, in float32 as deployed.

    Args:
        run: Work directory, or the path of its model file.
    """
    return in_float32(stored_model(run))


def stored_model(run):
    """As `load_model`, but in mixed precision if an old version stored that."""
    path = pathlib.Path(run)
    if path.is_dir():
        path = path / MODEL_FILE
    if not path.is_file():
        raise ValueError(
            f"A finished run has a {MODEL_FILE} in its work directory; this "
            "one has none, so it was not finished or isn't a run. "
            f"Received: {str(run)!r}"
        )
    config = path.with_name(CONFIG_FILE)
    if config.is_file():
        custom_layers.import_all(json_file.load(config).get("imports", ()))
    try:
        return keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a network that this version can read; layers "
            "change between versions. Retrain it, or use the version that "
            f"wrote it. Received: {str(error).strip()[:500]}"
        ) from error


def _clone(model):
    """Returns a copy of `model` with its own weights."""
    copy = keras.models.clone_model(model)
    backbones.set_weights(copy, model.get_weights())
    return copy


def _unsplit(config, backbone, untouched, prefix):
    """The unsplit network as a teacher; a frozen prefix isn't computed twice.

    Unless it came with `init_from` and differs from the unsplit network's.
    """
    whole = backbones.Backbone(backbone.name, untouched, backbone.split_points)
    own, suffix = split_backbone(whole, config.split)
    if not prefix.trainable and _same_weights(own, prefix):
        return lambda images, feature: suffix(feature, training=False)
    return _whole_teacher(untouched)


def _whole_teacher(model):
    return lambda images, feature: model(
        keras.ops.cast(images, "float32"), training=False
    )


def _same_weights(model, other):
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def _load_into(model, run, flag):
    """Copies the weights of a run, named by a flag."""
    warm_start.copy_network(model, load_model(run), flag, run)
