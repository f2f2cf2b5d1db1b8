"""Builds what a run trains: backbone, split network, teacher."""

import dataclasses
import pathlib
from typing import NamedTuple

import keras
import numpy as np

from bottlenet_tf import backbones, tasks
from bottlenet_tf.backbones import custom_layers, graph, new_head
from bottlenet_tf.backbones.split_points import separating_tensors
from bottlenet_tf.common import json_file
from bottlenet_tf.common.run_folders import CONFIG_FILE, MODEL_FILE, load_report
from bottlenet_tf.models.bottlenet import BottleNet, build_bottlenet
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.models.split import split_backbone
from bottlenet_tf.training.warm_start import copy_unit

MATCH_BATCHES = 4


class Network(NamedTuple):
    """What a run trains and compares with.

    model: `BottleNet`; the backbone's Keras model for modes "baseline" and
        "cloud".
    untouched: Keras model of the unsplit network as it was given, image ->
        logits; None if it has no trained weights.
    teacher: Callable `(images, feature) -> logits` for distillation or None.
    split_point: `SplitPoint` of the cut; None if there is none.
    output: As `Backbone.output`, or as the run it comes from has it.
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
        """Returns the part of `untouched` behind the cut, a Keras model."""
        whole = self.untouched
        feature = separating_tensors(whole)[self.split_point.layer]
        return keras.Model(feature, whole.outputs[0])


def build_network(config, image_size, num_classes):
    """Builds the `Network` of a `TrainConfig`.

    Args:
        config: `TrainConfig`.
        image_size: Side of the images in pixels.
        num_classes: Number of classes of the data set.

    Raises:
        ValueError: if backbone, weights, split and unit don't fit together;
            the message says which.
    """
    backbone = build_backbone(config, image_size, num_classes)
    if config.train_frozen:
        graph.unfreeze(backbone.model)
    elif config.mode != "frozen":
        _tell_frozen(backbone.model)
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
        untouched = clone(backbone.model)
        untouched.trainable = False
    if config.mode == "cloud":
        if config.init_from is not None:
            _load_into(backbone.model, config.init_from, "init_from")
        teacher = _teacher(
            config,
            image_size,
            num_classes,
            backbone.output,
            itself=lambda: _whole_teacher(untouched),
        )
        return Network(
            backbone.model, untouched, teacher, None, backbone.output
        )
    model = build_bottlenet(
        backbone,
        config.split,
        config.unit,
        tells_tail=config.mode == "tail",
    )
    if config.init_from is not None:
        load = _load_what_fits if config.init_partly else _load_into
        load(model, config.init_from, "init_from")
    model.prefix.trainable = not (
        config.freeze_prefix or config.mode in ("tail", "frozen")
    )
    model.suffix.trainable = config.mode != "frozen"
    teacher = _teacher(
        config,
        image_size,
        num_classes,
        backbone.output,
        itself=lambda: _unsplit(config, backbone, untouched, model.prefix),
    )
    point = backbone.split_point(config.split)
    return Network(model, untouched, teacher, point, backbone.output)


def _tell_frozen(model):
    learned, frozen = graph.learned_weights(model)
    if frozen:
        print(
            f"{len(frozen)} of {len(learned)} weights stay as they are, since "
            "the file declares them not trainable; --train_frozen trains them."
        )


def with_labels_for(output, dataset, config):
    """Returns a data set whose labels are made for a network's outputs.

    Args:
        output: `Network.output`.
        dataset: `data.Dataset`.
        config: `TrainConfig`.

    Raises:
        ValueError: if labels, outputs and --output don't fit together.
    """
    chosen = tasks.choose(config.output, output, dataset.task.output)
    return dataset.for_output(chosen)


def _as_run(backbone, run):
    """Returns a backbone with the outputs of the run it comes from."""
    if backbone.output != "logits":
        return backbone
    try:
        output = load_report(run).get("output", "logits")
    except (OSError, ValueError):
        return backbone  # Of an earlier version, or a model file alone.
    return dataclasses.replace(backbone, output=output)


def _teacher(config, image_size, num_classes, output, itself):
    """Returns whose logits are imitated; None without distillation.

    Args:
        config: `TrainConfig`.
        image_size, num_classes: As in `build_network`.
        output: `Backbone.output` of the network.
        itself: Callable that makes a teacher of the network itself, where no
            --teacher_backbone is named.
    """
    if config.distillation == 0:
        return None
    if config.teacher_backbone is None:
        return itself()
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
    whole = teacher.model
    whole.trainable = False
    return _whole_teacher(whole)


def build_backbone(config, image_size, num_classes):
    """Builds the unsplit network of a `TrainConfig`, with its weights.

    Returns:
        `backbones.Backbone`.

    Raises:
        ValueError: if backbone and weights don't fit together.
    """
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
    """Starts a unit where its frozen network expects the feature to be.

    A network that learns along finds the scale of what the unit restores in
    some steps; a frozen one never does, and if the cut tensor's channels lie
    far from mean 0 and deviation 1, nor does the unit.

    Args:
        model: `BottleNet`, before its first step.
        dataset: `data.Dataset`; some whole training images are read.
        batch_size: Images to read at a time.
    """
    batches = dataset.train_batches(batch_size, epoch=0, augment=False)
    features = [
        model.prefix(keras.ops.cast(images, "float32"), training=False)
        for images, _ in dataset.train.guard(batches.take(MATCH_BATCHES))
    ]
    features = np.concatenate([np.asarray(f, np.float32) for f in features])
    model.unit.match_feature(features.mean((0, 1, 2)), features.std((0, 1, 2)))


def load_model(run):
    """Loads the trained model of a run, as it is deployed: in float32.

    Args:
        run: Work directory, or the path of its model file.

    Raises:
        ValueError: if there is no finished model.
    """
    return in_float32(stored_model(run))


def stored_model(run):
    """Loads what a run's model file holds; see `load_model`.

    The same, but for runs in mixed precision of versions that stored it.
    """
    path = pathlib.Path(run)
    if path.is_dir():
        path = path / MODEL_FILE
    if not path.is_file():
        raise ValueError(
            f"A finished run has a {MODEL_FILE} in its work directory; this "
            f"one has none, so it was not finished or is no run. "
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
            "change between versions. Train it anew, or use the version that "
            f"wrote it. Received: {str(error).strip()[:500]}"
        ) from error


def clone(model):
    """Returns a copy of `model` with weights of its own."""
    copy = keras.models.clone_model(model)
    backbones.set_weights(copy, model.get_weights())
    return copy


def _unsplit(config, backbone, untouched, prefix):
    """The unsplit network's logits; a frozen prefix is not computed twice.

    Unless it came with `init_from` and differs from the unsplit network's.
    """
    whole = backbones.Backbone(backbone.name, untouched, backbone.split_points)
    own, suffix = split_backbone(whole, config.split)
    if not prefix.trainable and _same_weights(own, prefix):
        return lambda images, feature: suffix(feature, training=False)
    return _whole_teacher(untouched)


def _whole_teacher(untouched):
    return lambda images, feature: untouched(
        keras.ops.cast(images, "float32"), training=False
    )


def _same_weights(model, other):
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def _load_into(model, run, flag):
    """Copies the weights of another run of the same architecture."""
    source = load_model(run)
    if isinstance(source, BottleNet) != isinstance(model, BottleNet):
        raise ValueError(
            "--init_from takes a run of the same kind, with or without a "
            "unit; --backbone_weights takes one of --mode=baseline. "
            f"Received: {flag}={str(run)!r}"
        )
    # A codec's parameters aren't learned and may differ between the two runs.
    learned, given = _learned(model), _learned(source)
    if [tuple(v.shape) for v in learned] != [tuple(v.shape) for v in given]:
        raise ValueError(
            f"--{flag} needs a run with the same backbone, classes, split "
            "and unit: the weights' shapes differ. "
            f"Received: {flag}={str(run)!r}"
        )
    for variable, value in zip(learned, given):
        variable.assign(np.asarray(value))


def _load_what_fits(model, run, flag):
    """Copies the weights of a run with another unit at the same split.

    Prefix and suffix whole; of the unit, what `copy_unit` finds.
    """
    source = load_model(run)
    if not isinstance(source, BottleNet):
        raise ValueError(
            "--init_partly takes a run with a unit. "
            f"Received: {flag}={str(run)!r}"
        )
    for half in ("prefix", "suffix"):
        ours = getattr(model, half).variables
        theirs = getattr(source, half).variables
        if [tuple(v.shape) for v in ours] != [tuple(v.shape) for v in theirs]:
            raise ValueError(
                f"--{flag} needs a run with the same backbone, classes and "
                "split, even with --init_partly: only the unit may differ. "
                f"Received: {flag}={str(run)!r}"
            )
        for variable, value in zip(ours, theirs, strict=True):
            variable.assign(np.asarray(value))
    copy_unit(model.unit, source.unit)


def _learned(model):
    if not isinstance(model, BottleNet):
        return model.variables
    codec = model.unit.codec  # None before a unit has tables.
    given = {id(v) for v in codec.variables} if codec else ()
    return [v for v in model.variables if id(v) not in given]
