"""What a unit is: a frozen dataclass for each kind that checks itself."""

import dataclasses

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

# Which codes of a `DattaUnit` share a table.
TABLES = ("shared", "per_channel", "per_coefficient")


@dataclasses.dataclass(frozen=True)
class UnitConfig:
    """The bottleneck unit; fields as in `layers.BottleneckUnit`."""

    kind: str = "bottlenet"
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
        check_types(self)
        check_choice("unit", self.kind, ("bottlenet",))
        check_named(codec=self.codec)
        check_at_least(
            1,
            channels=self.channels,
            stride=self.stride,
            channel_kernel=self.channel_kernel,
            spatial_kernel=self.spatial_kernel,
        )
        check_choice("order", self.order, ("channels_first", "spatial_first"))
        check_choice("activation", self.activation, ("relu", "linear"))
        check_choice("quantizer", self.quantizer, ("per_image", "learned"))
        for name in ("hidden_channels", "restoration_channels"):
            value = getattr(self, name)
            check(
                value is None or value >= 1,
                f"--{name} must be positive, or unset for the unit's default.",
                **{name: value},
            )
        check(
            self.stride == 1 or self.spatial_kernel > self.stride,
            "--spatial_kernel must be larger than --stride, or positions "
            "between windows would not overlap.",
            spatial_kernel=self.spatial_kernel,
            stride=self.stride,
        )
        check(1 <= self.bits <= 8, "--bits must be 1 to 8.", bits=self.bits)
        check(
            1 <= self.quality <= 100,
            "--quality must be 1 to 100, libjpeg's scale.",
            quality=self.quality,
        )

    def codec_config(self):
        """Returns the parameters of the codec's byte form."""
        return {"quality": self.quality} if self.codec == "jpeg" else {}

    @property
    def sends_range(self):
        """Whether a range travels with each image."""
        return self.quantizer == "per_image"

    def defaults(self, mode):
        """Returns what training takes where nothing is asked for."""
        del mode
        return {
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "weight_decay": 1e-3,
            "distillation": 0.0,
            "feature_weight": 0.0,
        }


@dataclasses.dataclass(frozen=True)
class LearnedUnitConfig:
    """The learned unit; fields as in `layers.learned.unit.LearnedUnit`."""

    kind: str = "learned"
    patch: int = 4
    patch_channels: int = 24
    coefficients: int = 512
    mixed: int = 1024
    mixed_to: int = 512
    shared_frequencies: bool = False
    encoder: str = "linear"
    synthesis_width: int = 64
    synthesis_blocks: int = 1
    num_points: int = 16
    fine_rate_weight: float = 3e-5
    coarse_rate_weight: float = 2.5e-3
    statistics_images: int = 4000

    quality = None
    sends_range = False

    def __post_init__(self):
        check_types(self)
        check_choice("unit", self.kind, ("learned",))
        check_choice("encoder", self.encoder, ("linear", "residual"))
        check_at_least(
            1,
            patch=self.patch,
            patch_channels=self.patch_channels,
            coefficients=self.coefficients,
            synthesis_blocks=self.synthesis_blocks,
            statistics_images=self.statistics_images,
        )
        check_at_least(
            0,
            mixed=self.mixed,
            mixed_to=self.mixed_to,
            synthesis_width=self.synthesis_width,
        )
        check(
            self.mixed_to <= min(self.mixed, self.coefficients),
            "--mixed_to must be at most --mixed, which it is made of, and at "
            "most --coefficients, of which it is a part.",
            mixed=self.mixed,
            mixed_to=self.mixed_to,
            coefficients=self.coefficients,
        )
        check(
            2 <= self.num_points <= 64,
            "--num_points must be 2 to 64: payloads name a point by 6 bits.",
            num_points=self.num_points,
        )
        check(
            0 < self.fine_rate_weight < self.coarse_rate_weight,
            "--fine_rate_weight must be positive and below "
            "--coarse_rate_weight: the weight of a bit at either end of the "
            "curve.",
            fine_rate_weight=self.fine_rate_weight,
            coarse_rate_weight=self.coarse_rate_weight,
        )

    def defaults(self, mode):
        """Returns what training takes where nothing is asked for."""
        if mode not in ("tail", "frozen"):  # Without a unit, or refused.
            return UnitConfig().defaults(mode)
        return {
            "optimizer": "adam",
            "clip_norm": 2.0,
            "learning_rate": 8e-4,
            "weight_decay": 0.0,
            "distillation": 1.0,
            "feature_weight": 0.5 if mode == "frozen" else 0.05,
        }


@dataclasses.dataclass(frozen=True)
class DattaUnitConfig:
    """The rate-distortion-optimised unit; fields as in `layers.DattaUnit`.

    `channels` and `stride` share their flags with the bottleneck unit.
    `tables` says which codes share a table: all of them ("shared", as
    published), those of a channel ("per_channel") or none
    ("per_coefficient").
    """

    kind: str = "datta"
    channels: int = 2
    stride: int = 2
    latent_step: float = 1.0
    task_weight: float = 1000.0
    tables: str = "per_coefficient"

    quality = None
    sends_range = False

    def __post_init__(self):
        check_types(self)
        check_choice("unit", self.kind, ("datta",))
        check_choice("tables", self.tables, TABLES)
        check_at_least(1, channels=self.channels, stride=self.stride)
        for name in ("latent_step", "task_weight"):
            value = getattr(self, name)
            check(value > 0, f"--{name} must be positive.", **{name: value})

    def defaults(self, mode):
        """Returns what training takes where nothing is asked for."""
        if mode in ("baseline", "cloud"):  # Without a unit.
            return UnitConfig().defaults(mode)
        return {
            "optimizer": "adam",
            "learning_rate": 1e-2,
            "weight_decay": 0.0,
            "distillation": 0.0,
            "feature_weight": 0.0,
        }


# What `--unit` chooses from.
UNITS = {
    config.kind: config
    for config in (UnitConfig, LearnedUnitConfig, DattaUnitConfig)
}
