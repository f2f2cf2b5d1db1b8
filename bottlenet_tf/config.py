"""What a run is: frozen dataclasses that check themselves, and their JSON."""

import dataclasses
import json
import math
import types
import typing

MODES = ("baseline", "aware", "naive", "frozen")
OPTIMIZERS = ("sgd", "adamw")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("none", "mirrored", "multiworker")


def _check(condition, rule, **received):
    if not condition:
        shown = ", ".join(f"{k}={v!r}" for k, v in received.items())
        raise ValueError(f"{rule} Received: {shown}")


def _is_a(value, hint):
    """Whether `value` fits the annotation; a bool is no number."""
    if typing.get_origin(hint) is types.UnionType:
        return any(_is_a(value, choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(
            _is_a(v, element) for v in value
        )
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _check_types(config):
    """Raises unless every field has its annotated type and is finite."""
    for name, hint in typing.get_type_hints(type(config)).items():
        value = getattr(config, name)
        if not _is_a(value, hint):
            shown = hint.__name__ if isinstance(hint, type) else hint
            raise TypeError(
                f"--{name} must be of type {shown}. Received: {name}={value!r}"
            )
        _check(
            not isinstance(value, float) or math.isfinite(value),
            f"--{name} must be finite.",
            **{name: value},
        )


def _check_named(**values):
    for name, value in values.items():
        _check(bool(value), f"--{name} must not be empty.", **{name: value})


def _check_choice(name, value, choices):
    _check(
        value in choices,
        f"--{name} must be one of {', '.join(choices)}.",
        **{name: value},
    )


def _check_at_least(low, **values):
    for name, value in values.items():
        _check(
            value >= low,
            f"--{name} must be at least {low}.",
            **{name: value},
        )


def _check_fraction(**values):
    for name, value in values.items():
        _check(
            0.0 <= value <= 1.0,
            f"--{name} must lie between 0 and 1.",
            **{name: value},
        )


@dataclasses.dataclass(frozen=True)
class UnitConfig:
    """The bottleneck unit; fields as in `layers.BottleneckUnit`."""

    channels: int = 2
    stride: int = 2
    order: str = "channels_first"
    hidden_channels: int | None = None
    restoration_channels: int | None = None
    channel_kernel: int = 1
    spatial_kernel: int = 3
    activation: str = "relu"
    bits: int = 8
    quantizer: str = "per_image"
    codec: str = "jpeg"
    quality: int = 20

    def __post_init__(self):
        _check_types(self)
        _check_named(codec=self.codec)
        _check_at_least(
            1,
            channels=self.channels,
            stride=self.stride,
            channel_kernel=self.channel_kernel,
            spatial_kernel=self.spatial_kernel,
        )
        _check_choice("order", self.order, ("channels_first", "spatial_first"))
        _check_choice("activation", self.activation, ("relu", "linear"))
        _check_choice("quantizer", self.quantizer, ("per_image", "learned"))
        for name in ("hidden_channels", "restoration_channels"):
            value = getattr(self, name)
            _check(
                value is None or value >= 1,
                f"--{name} must be positive, or unset for the unit's default.",
                **{name: value},
            )
        _check(
            self.stride == 1 or self.spatial_kernel > self.stride,
            "--spatial_kernel must be larger than --stride, or positions "
            "between windows would not overlap.",
            spatial_kernel=self.spatial_kernel,
            stride=self.stride,
        )
        _check(1 <= self.bits <= 8, "--bits must be 1 to 8.", bits=self.bits)
        _check(
            1 <= self.quality <= 100,
            "--quality must be 1 to 100, libjpeg's scale.",
            quality=self.quality,
        )

    def codec_config(self):
        """Returns the parameters of the codec's byte form."""
        return {"quality": self.quality} if self.codec == "jpeg" else {}


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
    test_fraction: float = 0.15
    max_train: int | None = None
    max_test: int | None = None

    def __post_init__(self):
        _check_types(self)
        _check_named(dataset=self.dataset)
        _check_choice(
            "augmentation",
            self.augmentation,
            ("auto", "pad_crop", "resize_crop", "none"),
        )
        for name in ("image_size", "resize", "max_train", "max_test"):
            value = getattr(self, name)
            _check(
                value is None or value >= 1,
                f"--{name} must be positive, or unset.",
                **{name: value},
            )
        _check(
            0 < self.test_fraction < 1,
            "--test_fraction must lie strictly between 0 and 1.",
            test_fraction=self.test_fraction,
        )
        _check(
            self.resize is None
            or self.image_size is None
            or self.resize >= self.image_size,
            "--resize must be at least --image_size: crops are cut from it.",
            resize=self.resize,
            image_size=self.image_size,
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
    freeze_prefix: bool = False
    unit: UnitConfig = UnitConfig()
    data: DataConfig = DataConfig()
    epochs: int = 10
    max_steps: int | None = None
    batch_size: int = 128
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    warmup_epochs: float = 0.5
    weight_decay: float = 1e-3
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    distillation: float = 0.0
    temperature: float = 2.0
    codec_warmup: float = 0.0
    quality_start: int | None = None
    quality_epochs: float = 0.0
    rate_weight: float = 0.0
    byte_budget: float | None = None
    precision: str = "float32"
    strategy: str = "none"
    seed: int = 0
    evaluate_every: int = 1
    checkpoint_minutes: float = 10.0
    sweep_qualities: tuple[int, ...] = (
        1, 2, 4, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95,
    )  # fmt: skip

    def __post_init__(self):
        # Flags and JSON give lists; equality and hashing need a tuple.
        qualities = self.sweep_qualities
        if isinstance(qualities, list):
            object.__setattr__(self, "sweep_qualities", tuple(qualities))
        _check_types(self)
        _check_choice("mode", self.mode, MODES)
        _check_choice("optimizer", self.optimizer, OPTIMIZERS)
        _check_choice("precision", self.precision, PRECISIONS)
        _check_choice("strategy", self.strategy, STRATEGIES)
        _check_named(
            workdir=self.workdir,
            backbone=self.backbone,
            preprocessing=self.preprocessing,
            split=self.split,
        )
        _check_at_least(0, epochs=self.epochs, warmup_epochs=self.warmup_epochs)
        _check_at_least(1, batch_size=self.batch_size)
        _check_at_least(0, weight_decay=self.weight_decay, seed=self.seed)
        _check_at_least(
            0, rate_weight=self.rate_weight, quality_epochs=self.quality_epochs
        )
        _check_at_least(0, checkpoint_minutes=self.checkpoint_minutes)
        _check_at_least(1, evaluate_every=self.evaluate_every)
        _check(
            self.learning_rate > 0,
            "--learning_rate must be positive.",
            learning_rate=self.learning_rate,
        )
        _check(
            self.temperature > 0,
            "--temperature must be positive.",
            temperature=self.temperature,
        )
        for name in ("clip_norm", "byte_budget", "max_steps"):
            value = getattr(self, name)
            _check(
                value is None or value > 0,
                f"--{name} must be positive, or unset.",
                **{name: value},
            )
        _check_fraction(
            label_smoothing=self.label_smoothing,
            distillation=self.distillation,
            codec_warmup=self.codec_warmup,
        )
        _check(
            self.quality_start is None or 1 <= self.quality_start <= 100,
            "--quality_start must be 1 to 100, or unset.",
            quality_start=self.quality_start,
        )
        _check(
            all(1 <= q <= 100 for q in self.sweep_qualities),
            "--sweep_qualities must be 1 to 100.",
            sweep_qualities=self.sweep_qualities,
        )
        self._check_combinations()

    def _check_combinations(self):
        _check(
            self.mode != "baseline" or self.distillation == 0,
            "--distillation learns from the unsplit network, which is what "
            "--mode=baseline trains; use another mode, or 0.",
            distillation=self.distillation,
        )
        _check(
            self.distillation == 0 or self.backbone_weights is not None,
            "--distillation learns from the unsplit network, which must come "
            "trained: set --backbone_weights.",
            distillation=self.distillation,
            backbone_weights=self.backbone_weights,
        )
        _check(
            self.byte_budget is None or self.mode in ("aware", "frozen"),
            "--byte_budget needs a codec in training: --mode=aware or frozen.",
            byte_budget=self.byte_budget,
            mode=self.mode,
        )
        _check(
            self.quality_start is None or self.unit.codec == "jpeg",
            "--quality_start anneals JPEG's quality: --codec=jpeg.",
            codec=self.unit.codec,
        )
        _check(
            self.mode != "frozen"
            or self.backbone_weights is not None
            or self.init_from is not None,
            "--mode=frozen trains the unit only, so the backbone must come "
            "trained: set --backbone_weights or --init_from.",
            backbone_weights=self.backbone_weights,
        )

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


def _from_dict(cls, values):
    """Builds dataclass `cls` from nested dictionaries."""
    _check(
        isinstance(values, dict),
        f"{cls.__name__} must be a JSON object.",
        values=values,
    )
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
    _check(
        not unknown,
        f"Unknown fields for {cls.__name__}; is it from another version?",
        fields=unknown,
    )
    hints = typing.get_type_hints(cls)
    built = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]):
            value = _from_dict(hints[name], value)
        built[name] = value
    return cls(**built)
