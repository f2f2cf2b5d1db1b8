"""What a run is: frozen dataclasses that check themselves, and their JSON."""

import dataclasses
import json
import typing

from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.unit_config import (
    UNITS,
    DattaUnitConfig,
    LearnedUnitConfig,
    UnitConfig,
)
from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_fraction,
    check_named,
    check_types,
)

MODES = ("baseline", "cloud", "aware", "naive", "tail", "frozen")
OPTIMIZERS = ("sgd", "adam", "adamw")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("none", "mirrored", "multiworker")
KEPT_EPOCHS = ("last", "best")
MEASURED_PARTS = ("test", "validation")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data set; fields as in `data.load`."""

    dataset: str = "digits"
    data_dir: str | None = None
    manual_dir: str | None = None
    image_size: int | None = None
    resize: int | None = None
    augmentation: str = "auto"
    flip: bool | None = None
    skip_corrupt: bool = False
    split_seed: int = 0
    test_fraction: float = 0.15
    validation_fraction: float = 0.1
    max_train: int | None = None
    max_validation: int | None = None
    max_test: int | None = None
    class_indices: tuple[int, ...] = ()
    num_outputs: int = 1000
    unseen_classes: tuple[str, ...] = ()

    def __post_init__(self):
        # Flags and JSON give lists; equality and hashing need a tuple.
        for name in ("class_indices", "unseen_classes"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_types(self)
        check_named(dataset=self.dataset)
        check_choice(
            "augmentation",
            self.augmentation,
            ("auto", "pad_crop", "resize_crop", "none"),
        )
        sizes = ("image_size", "resize")
        for name in (*sizes, "max_train", "max_validation", "max_test"):
            value = getattr(self, name)
            check(
                value is None or value >= 1,
                f"--{name} must be positive, or unset.",
                **{name: value},
            )
        check_at_least(0, split_seed=self.split_seed)
        check(
            0 < self.test_fraction < 1,
            "--test_fraction must lie strictly between 0 and 1.",
            test_fraction=self.test_fraction,
        )
        check(
            0 <= self.validation_fraction < 1,
            "--validation_fraction must be at least 0 and less than 1.",
            validation_fraction=self.validation_fraction,
        )
        check(
            self.resize is None
            or self.image_size is None
            or self.resize >= self.image_size,
            "--resize must be at least --image_size: crops are cut from it.",
            resize=self.resize,
            image_size=self.image_size,
        )
        check_at_least(2, num_outputs=self.num_outputs)
        check(
            all(0 <= i < self.num_outputs for i in self.class_indices),
            "--class_indices must be outputs of the network, counted from 0: "
            "below --num_outputs.",
            class_indices=self.class_indices,
            num_outputs=self.num_outputs,
        )
        for name in ("class_indices", "unseen_classes"):
            values = getattr(self, name)
            check(
                len(set(values)) == len(values),
                f"--{name} must be different from each other.",
                **{name: values},
            )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training run. `python train.py --help` explains every field."""

    workdir: str = "runs/run"
    mode: str = "aware"
    backbone: str = "cifar_resnet20"
    backbone_weights: str | None = None
    preprocessing: str = "auto"
    split: str = "RB1"
    init_from: str | None = None
    init_partly: bool = False
    freeze_prefix: bool = False
    unit: UnitConfig | LearnedUnitConfig | DattaUnitConfig = UnitConfig()
    data: DataConfig = DataConfig()
    epochs: int = 10
    max_steps: int | None = None
    first_epoch: int = 0
    norm_batches: int = 0
    batch_size: int = 128
    optimizer: str | None = None
    learning_rate: float | None = None
    warmup_epochs: float = 0.5
    weight_decay: float | None = None
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    mixup: float = 0.0
    distillation: float | None = None
    teacher_backbone: str | None = None
    teacher_weights: str | None = None
    temperature: float = 2.0
    feature_weight: float | None = None
    codec_warmup: float = 0.0
    clean_finish: float = 0.0
    feature_cache_gb: float = 4.0
    quality_start: int | None = None
    quality_epochs: float = 0.0
    rate_weight: float = 0.0
    byte_budget: float | None = None
    precision: str = "float32"
    strategy: str = "none"
    seed: int = 0
    evaluate_every: int = 1
    keep: str = "last"
    early_stopping: int | None = None
    measure_on: str = "test"
    image_codec: str | None = None
    image_quality: int | None = None
    image_side: int | None = None
    tuned_rivals: tuple[str, ...] = ()
    tuned_losses: tuple[float, ...] = (3.0, 8.0)
    tuned_epochs: int | None = None
    tuned_learning_rate: float | None = None
    checkpoint_minutes: float = 10.0
    sweep_qualities: tuple[int, ...] = (
        1, 2, 4, 7, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 83, 86, 88, 90, 92,
        95,
    )  # fmt: skip

    def __post_init__(self):
        # Flags and JSON give lists; equality and hashing need a tuple.
        for name in ("sweep_qualities", "tuned_rivals", "tuned_losses"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_types(self)
        for name, value in self.unit.defaults(self.mode).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check_choice("mode", self.mode, MODES)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("keep", self.keep, KEPT_EPOCHS)
        check_choice("measure_on", self.measure_on, MEASURED_PARTS)
        check_named(
            workdir=self.workdir,
            backbone=self.backbone,
            preprocessing=self.preprocessing,
            split=self.split,
        )
        check_at_least(0, epochs=self.epochs, warmup_epochs=self.warmup_epochs)
        check_at_least(1, batch_size=self.batch_size)
        check_at_least(0, weight_decay=self.weight_decay, mixup=self.mixup)
        check_at_least(0, feature_weight=self.feature_weight)
        check_at_least(
            0,
            seed=self.seed,
            first_epoch=self.first_epoch,
            norm_batches=self.norm_batches,
        )
        check(
            self.norm_batches == 0 or self.strategy == "none",
            "--norm_batches is for one device: --strategy=none.",
            norm_batches=self.norm_batches,
            strategy=self.strategy,
        )
        check_at_least(
            0, rate_weight=self.rate_weight, quality_epochs=self.quality_epochs
        )
        check_at_least(
            0,
            checkpoint_minutes=self.checkpoint_minutes,
            feature_cache_gb=self.feature_cache_gb,
        )
        check_at_least(0, evaluate_every=self.evaluate_every)
        check(
            self.learning_rate > 0,
            "--learning_rate must be positive.",
            learning_rate=self.learning_rate,
        )
        check(
            self.temperature > 0,
            "--temperature must be positive.",
            temperature=self.temperature,
        )
        for name in (
            "clip_norm", "byte_budget", "max_steps", "early_stopping",
            "image_side", "tuned_epochs", "tuned_learning_rate",
        ):  # fmt: skip
            value = getattr(self, name)
            check(
                value is None or value > 0,
                f"--{name} must be positive, or unset.",
                **{name: value},
            )
        check_fraction(
            label_smoothing=self.label_smoothing,
            distillation=self.distillation,
            codec_warmup=self.codec_warmup,
            clean_finish=self.clean_finish,
        )
        check(
            self.quality_start is None or 1 <= self.quality_start <= 100,
            "--quality_start must be 1 to 100, or unset.",
            quality_start=self.quality_start,
        )
        check(
            all(1 <= q <= 100 for q in self.sweep_qualities),
            "--sweep_qualities must be 1 to 100.",
            sweep_qualities=self.sweep_qualities,
        )
        self._check_combinations()

    def _check_combinations(self):
        check(
            self.mode != "baseline" or self.distillation == 0,
            "--distillation learns from the unsplit network, which is what "
            "--mode=baseline trains; use another mode, or 0.",
            distillation=self.distillation,
        )
        check(
            self.has_unit or self.feature_weight == 0,
            f"--feature_weight compares what a unit restores, and "
            f"--mode={self.mode} has none; use another mode, or 0.",
            feature_weight=self.feature_weight,
        )
        check(
            self.distillation == 0 or self.starts_trained,
            "--distillation learns from the unsplit network, which must come "
            "trained: set --backbone_weights.",
            distillation=self.distillation,
            backbone_weights=self.backbone_weights,
        )
        check(
            self.teacher_backbone is None or self.distillation > 0,
            "--teacher_backbone is imitated by --distillation, which must be "
            "above 0.",
            teacher_backbone=self.teacher_backbone,
            distillation=self.distillation,
        )
        check(
            is_trained(self.teacher_backbone, self.teacher_weights)
            == (self.teacher_backbone is not None),
            "--teacher_backbone must come trained, with --teacher_weights, "
            "which belong to it alone.",
            teacher_backbone=self.teacher_backbone,
            teacher_weights=self.teacher_weights,
        )
        check(
            self.quality_start is None or self.unit.quality is not None,
            "--quality_start anneals JPEG's quality: --codec=jpeg.",
            unit=self.unit.kind,
        )
        check(
            not (self.mode in ("tail", "frozen") or self.freeze_prefix)
            or self.starts_trained
            or self.init_from is not None,
            "--mode=frozen, --mode=tail and --freeze_prefix leave blocks as "
            "they are, so the network must come trained: set "
            "--backbone_weights or --init_from.",
            mode=self.mode,
            freeze_prefix=self.freeze_prefix,
            backbone_weights=self.backbone_weights,
        )
        check(
            not self.init_partly or self.init_from is not None,
            "--init_partly says what to take from --init_from, which must be "
            "set with it.",
            init_from=self.init_from,
        )
        self._check_classes()
        self._check_learned_unit()
        self._check_datta_unit()
        self._check_validation()
        self._check_image_codec()
        self._check_rivals()
        self._check_codec_in_training()

    def _check_classes(self):
        """Other outputs and unseen classes are those of a trained network."""
        for name in ("class_indices", "unseen_classes"):
            value = getattr(self.data, name)
            check(
                not value or self.starts_trained,
                f"--{name} is for a network that knows the classes already: "
                "set --backbone_weights, or name a .keras file.",
                **{name: value},
                backbone=self.backbone,
                backbone_weights=self.backbone_weights,
            )

    def _check_learned_unit(self):
        """A learned unit fits a network that is there, by steps of its own."""
        if self.unit.kind != "learned" or not self.has_unit:
            return
        check(
            self.mode in ("tail", "frozen"),
            "--unit=learned starts from the statistics of a network whose "
            "first blocks stay as they are: --mode=tail or frozen.",
            mode=self.mode,
        )
        check(
            self.optimizer == "adam",
            "--unit=learned is trained by --optimizer=adam, with a rate for "
            "each of its parts.",
            optimizer=self.optimizer,
        )
        check(
            self.precision != "mixed_float16",
            "--unit=learned scales no loss, which float16 needs: "
            "--precision=float32 or mixed_bfloat16.",
            precision=self.precision,
        )
        check(
            self.keep == "last" and self.early_stopping is None,
            "--unit=learned keeps the average of its last weights, so there "
            "is no epoch to choose: --keep=last, no --early_stopping.",
            keep=self.keep,
            early_stopping=self.early_stopping,
        )
        for name in (
            "weight_decay", "norm_batches", "codec_warmup", "rate_weight",
        ):  # fmt: skip
            value = getattr(self, name)
            check(
                not value,
                f"--{name} has no place in the steps of --unit=learned: leave "
                "it at 0.",
                **{name: value},
            )

    def _check_datta_unit(self):
        """Of --unit=datta, --task_weight alone decides the rate."""
        if self.unit.kind != "datta" or not self.has_unit:
            return
        check(
            self.mode != "naive",
            "--mode=naive leaves an image codec out, and --unit=datta has "
            "none: --mode=frozen (the paper), tail or aware.",
            mode=self.mode,
        )
        for name in ("byte_budget", "rate_weight", "codec_warmup"):
            value = getattr(self, name)
            check(
                not value,
                f"--{name} has no place in the loss of --unit=datta, whose "
                "rate --task_weight decides: leave it unset.",
                **{name: value},
            )
        check(
            not self.init_partly,
            "--init_partly is for --unit=bottlenet.",
            unit=self.unit.kind,
        )

    def _check_validation(self):
        """The best epoch is chosen by its accuracy on validation images."""
        chooses = {
            "keep": self.keep == "best",
            "early_stopping": self.early_stopping is not None,
        }
        for name in (name for name, asked in chooses.items() if asked):
            value = getattr(self, name)
            check(
                self.data.validation_fraction > 0,
                f"--{name} uses the accuracy on validation images: "
                "--validation_fraction must be above 0.",
                **{name: value},
                validation_fraction=self.data.validation_fraction,
            )
            check(
                self.evaluate_every > 0,
                f"--{name} uses the accuracy after each epoch: "
                "--evaluate_every must be positive.",
                **{name: value},
                evaluate_every=self.evaluate_every,
            )
            check(
                self.strategy != "multiworker",
                f"--{name} is for one process, whose figures alone decide: "
                "--strategy=none or mirrored.",
                **{name: value},
                strategy=self.strategy,
            )
        check(
            self.measure_on == "test" or self.data.validation_fraction > 0,
            "--measure_on=validation needs validation images: "
            "--validation_fraction must be above 0.",
            validation_fraction=self.data.validation_fraction,
        )

    def _check_image_codec(self):
        """Flags of --mode=cloud, which tunes the network whole."""
        is_cloud = self.mode == "cloud"
        for name in ("image_codec", "image_quality"):
            value = getattr(self, name)
            check(
                (value is not None) == is_cloud,
                "--image_codec and --image_quality say what the images of "
                "--mode=cloud go through: both must be set there, and nowhere "
                "else.",
                **{name: value},
                mode=self.mode,
            )
        check(
            self.image_side is None or is_cloud,
            "--image_side is for --mode=cloud.",
            image_side=self.image_side,
            mode=self.mode,
        )
        quality = self.image_quality
        check(
            quality is None or 1 <= quality <= 100,
            "--image_quality must be 1 to 100.",
            image_quality=quality,
        )
        check(
            not is_cloud or self.starts_trained,
            "--mode=cloud tunes a trained network: set --backbone_weights.",
            backbone_weights=self.backbone_weights,
        )
        check(
            not (is_cloud and self.freeze_prefix),
            "--freeze_prefix is for a network with a unit; --mode=cloud has "
            "none.",
            mode=self.mode,
        )

    def _check_rivals(self):
        """Flags of the tuned rivals, which a split network has."""
        if not self.tuned_rivals:
            return
        check(
            self.has_unit and self.starts_trained,
            "--tuned_rivals tunes the unsplit network: --mode must have a "
            "unit, and the network must come trained (--backbone_weights or a "
            ".keras backbone).",
            tuned_rivals=self.tuned_rivals,
            mode=self.mode,
        )
        check(
            self.data.validation_fraction > 0,
            "--tuned_rivals are tuned at qualities that are chosen on "
            "validation images: --validation_fraction must be above 0.",
            validation_fraction=self.data.validation_fraction,
        )
        check(
            self.strategy != "multiworker",
            "--tuned_rivals are trained by one process: --strategy=none or "
            "mirrored.",
            strategy=self.strategy,
        )
        check(
            bool(self.tuned_losses) and all(x > 0 for x in self.tuned_losses),
            "--tuned_losses must be positive, at least one.",
            tuned_losses=self.tuned_losses,
        )

    def _check_codec_in_training(self):
        """Flags about bytes and quality need a codec that runs."""
        has_codec = (
            self.mode in ("aware", "tail", "frozen") and self.codec_warmup < 1
        )
        for name in ("byte_budget", "quality_start", "rate_weight"):
            value = getattr(self, name)
            check(
                not value or has_codec,
                f"--{name} needs a codec in training: --mode=aware, tail or "
                "frozen, and --codec_warmup below 1.",
                **{name: value},
                mode=self.mode,
                codec_warmup=self.codec_warmup,
            )
        overhead = overhead_bytes(self.unit.sends_range)
        check(
            self.byte_budget is None or self.byte_budget > overhead + 1,
            f"--byte_budget counts wire bytes, {overhead} of which are header.",
            byte_budget=self.byte_budget,
        )
        check(
            (self.quality_start is None) == (self.quality_epochs == 0),
            "--quality_start and --quality_epochs belong together.",
            quality_start=self.quality_start,
            quality_epochs=self.quality_epochs,
        )
        check(
            self.quality_epochs <= (1 - self.codec_warmup) * self.epochs,
            "--quality_epochs must fit in the epochs that run the codec.",
            quality_epochs=self.quality_epochs,
            epochs=self.epochs,
            codec_warmup=self.codec_warmup,
        )
        check(
            self.warmup_epochs <= self.epochs or self.epochs == 0,
            "--warmup_epochs must not exceed --epochs.",
            warmup_epochs=self.warmup_epochs,
            epochs=self.epochs,
        )

    @property
    def has_unit(self):
        """Whether the network is split; "baseline" and "cloud" are whole."""
        return self.mode not in ("baseline", "cloud")

    @property
    def starts_trained(self):
        """Whether the backbone comes with weights."""
        return is_trained(self.backbone, self.backbone_weights)

    def to_json(self):
        """Returns the run as JSON text; `from_json` is its inverse."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text):
        """Returns the run that `to_json` wrote.

        Raises:
            ValueError: if the text is no JSON object, a field is unknown or
                its value is refused.
            TypeError: if a value has the wrong type.
        """
        return _from_dict(cls, json.loads(text))


def is_trained(backbone, weights):
    """Whether a network comes with weights: given, or in its own file."""
    return weights is not None or (backbone or "").endswith(".keras")


def differing_flags(before, now, free=()):
    """Returns the flags by which two configurations differ.

    Args:
        before, now: Dataclasses of the same type; nested ones are looked into.
        free: Names of fields that may differ.

    Returns:
        List of "name: value there, value here".
    """
    found = []
    for field in dataclasses.fields(now):
        there, here = getattr(before, field.name), getattr(now, field.name)
        if dataclasses.is_dataclass(here):
            found += differing_flags(there, here, free)
        elif there != here and field.name not in free:
            found.append(f"{field.name}: {there} there, {here} here")
    return found


def _from_dict(cls, values):
    """Builds dataclass `cls` from nested dictionaries."""
    check(
        isinstance(values, dict),
        f"{cls.__name__} must be a JSON object.",
        values=values,
    )
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
    check(
        not unknown,
        f"Unknown fields for {cls.__name__}; is it from another version?",
        fields=unknown,
    )
    hints = typing.get_type_hints(cls)
    built = {}
    for name, value in values.items():
        if name == "unit":
            value = _from_dict(_unit_class(value), value)
        elif dataclasses.is_dataclass(hints[name]):
            value = _from_dict(hints[name], value)
        built[name] = value
    return cls(**built)


def _unit_class(values):
    """Returns the unit's dataclass; early files had one kind and no name."""
    kind = UnitConfig.kind
    if isinstance(values, dict):
        kind = values.get("kind", kind)
    check_choice("unit", kind, tuple(UNITS))
    return UNITS[kind]
