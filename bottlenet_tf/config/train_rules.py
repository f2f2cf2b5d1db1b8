"""Which settings of a training run contradict each other, and why."""

from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.config.network import is_trained


def of(config):
    """Yields `(whether it holds, rule)` for a `TrainConfig`."""
    for rules in (_network, _unit, _validation, _rivals, _codec, _schedule):
        yield from rules(config)


def _network(config):
    """Rules on the network, its weights and its teacher."""
    comes_trained, teacher = config.starts_trained, config.teacher_backbone
    yield (
        config.mode != "baseline" or config.distillation == 0,
        "--distillation learns from the unsplit network, which is what "
        "--mode=baseline trains; use another mode, or 0.",
    )
    yield (
        not config.new_head
        or (config.mode == "baseline" and config.backbone.endswith(".keras")),
        "--new_head is for --mode=baseline of a .keras file, which comes with "
        "a classifier; other networks get a new one where the weights' own "
        "doesn't fit.",
    )
    yield (
        not (config.new_head and config.precision == "mixed_float16"),
        "--new_head has two learning rates, which --precision=mixed_float16 "
        "can't scale together; mixed_bfloat16 needs no scaling.",
    )
    yield (
        config.distillation == 0 or comes_trained,
        "--distillation learns from the unsplit network, which must come "
        "trained: set --backbone_weights.",
    )
    yield (
        teacher is None or config.distillation > 0,
        "--teacher_backbone is imitated by --distillation, which must be above "
        "0.",
    )
    yield (
        is_trained(teacher, config.teacher_weights) == (teacher is not None),
        "--teacher_backbone must come trained, with --teacher_weights, which "
        "belong to it alone.",
    )
    yield (
        not (config.mode in ("tail", "frozen") or config.freeze_prefix)
        or comes_trained
        or config.init_from is not None,
        "--mode=frozen, --mode=tail and --freeze_prefix leave blocks as they "
        "are, so the network must come trained: set --backbone_weights or "
        "--init_from.",
    )
    for name in ("class_indices", "unseen_classes"):
        yield (
            comes_trained or not getattr(config.data, name),
            f"--{name} is for a network that knows the classes already: set "
            "--backbone_weights, or --backbone to a .keras file.",
        )
    yield (
        config.norm_batches == 0 or config.strategy == "none",
        "--norm_batches is for one device: --strategy=none.",
    )


def _unit(config):
    """Rules that follow from the unit's kind."""
    unit = config.unit
    yield (
        config.has_unit or config.feature_weight == 0,
        "--feature_weight compares restored features, and "
        f"--mode={config.mode} has none; use another mode, or 0.",
    )
    yield (
        config.quality_start is None or unit.quality is not None,
        "--quality_start anneals JPEG's quality: --codec=jpeg.",
    )
    if config.has_unit and unit.kind == "learned":
        yield from _learned_unit(config)
    if config.has_unit and unit.kind == "datta":
        yield from _datta_unit(config)


def _learned_unit(config):
    """A learned unit is fitted to a trained network, by its own steps."""
    yield (
        config.mode in ("tail", "frozen"),
        "--unit=learned starts from the statistics of a network whose first "
        "blocks are frozen: --mode=tail or frozen.",
    )
    yield (
        config.optimizer == "adam",
        "--unit=learned is trained by --optimizer=adam, with a rate for each "
        "of its parts.",
    )
    yield (
        config.precision != "mixed_float16",
        "--unit=learned scales no loss, which float16 needs: "
        "--precision=float32 or mixed_bfloat16.",
    )
    yield (
        config.keep == "last" and config.early_stopping is None,
        "--unit=learned keeps the average of its last weights, so there is no "
        "epoch to choose: --keep=last, no --early_stopping.",
    )
    for name in ("weight_decay", "norm_batches", "codec_warmup", "rate_weight"):
        yield (
            not getattr(config, name),
            f"--{name} does not apply to the steps of --unit=learned: leave it "
            "at 0.",
        )


def _datta_unit(config):
    """With --unit=datta, --task_weight alone decides the rate."""
    yield (
        config.mode != "naive",
        "--mode=naive leaves an image codec out, and --unit=datta has none: "
        "--mode=frozen (the paper), tail or aware.",
    )
    for name in ("byte_budget", "rate_weight", "codec_warmup"):
        yield (
            not getattr(config, name),
            f"--{name} does not apply to the loss of --unit=datta, whose rate "
            "--task_weight decides: leave it unset.",
        )


def _validation(config):
    """The best epoch is chosen by its accuracy on validation images."""
    has_validation = config.data.validation_fraction > 0
    chooses = {
        "keep": config.keep == "best",
        "early_stopping": config.early_stopping is not None,
    }
    for name in (name for name, asked in chooses.items() if asked):
        yield (
            has_validation,
            f"--{name} uses the accuracy on validation images: "
            "--validation_fraction must be above 0.",
        )
        yield (
            config.evaluate_every > 0,
            f"--{name} uses the accuracy after each epoch: --evaluate_every "
            "must be positive.",
        )
        yield (
            config.strategy != "multiworker",
            f"--{name} is for one process, whose figures alone decide: "
            "--strategy=none or mirrored.",
        )
    yield (
        config.measure_on == "test" or has_validation,
        "--measure_on=validation needs validation images: "
        "--validation_fraction must be above 0.",
    )


def _rivals(config):
    """Cloud-only: a separate run, or tuned next to a split network."""
    is_cloud = config.mode == "cloud"
    codec, quality = config.image_codec, config.image_quality
    yield (
        (codec is not None) == (quality is not None) == is_cloud,
        "--image_codec and --image_quality set the compression of the "
        "images of --mode=cloud: set both there, and nowhere else.",
    )
    yield (
        config.image_side is None or is_cloud,
        "--image_side is for --mode=cloud.",
    )
    yield (
        not is_cloud or config.starts_trained,
        "--mode=cloud tunes a trained network: set --backbone_weights.",
    )
    yield (
        not (is_cloud and config.freeze_prefix),
        "--freeze_prefix is for a network with a unit; --mode=cloud has none.",
    )
    if not config.tuned_rivals:
        return
    yield (
        config.has_unit and config.starts_trained,
        "--tuned_rivals tunes the unsplit network: --mode must have a unit, "
        "and the network must come trained (--backbone_weights or a .keras "
        "backbone).",
    )
    yield (
        config.data.validation_fraction > 0,
        "--tuned_rivals are tuned at qualities that are chosen on validation "
        "images: --validation_fraction must be above 0.",
    )
    yield (
        config.strategy != "multiworker",
        "--tuned_rivals are trained by one process: --strategy=none or "
        "mirrored.",
    )
    yield bool(config.tuned_losses), "--tuned_losses must name at least one."


def _codec(config):
    """Settings of bytes and quality need a codec that runs."""
    has_codec = (
        config.mode in ("aware", "tail", "frozen") and config.codec_warmup < 1
    )
    for name in ("byte_budget", "quality_start", "rate_weight"):
        yield (
            has_codec or not getattr(config, name),
            f"--{name} needs a codec in training: --mode=aware, tail or "
            "frozen, and --codec_warmup below 1.",
        )
    overhead = overhead_bytes(config.unit.sends_range)
    yield (
        config.byte_budget is None or config.byte_budget > overhead + 1,
        f"--byte_budget counts wire bytes, {overhead} of which are header.",
    )


def _schedule(config):
    """Durations in epochs must fit in the run."""
    yield (
        (config.quality_start is None) == (config.quality_epochs == 0),
        "--quality_start and --quality_epochs belong together.",
    )
    yield (
        config.quality_epochs <= (1 - config.codec_warmup) * config.epochs,
        "--quality_epochs must fit in the --epochs that run the codec: the "
        "share that --codec_warmup leaves.",
    )
    yield (
        config.warmup_epochs <= config.epochs or config.epochs == 0,
        "--warmup_epochs must not exceed --epochs.",
    )
