"""What a unit is: a frozen dataclass for each kind that checks itself."""

import dataclasses

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

# Sizes of a learned unit where none are asked for; see `resolved`.
MOST_POSITIONS, MOST_VALUES = 14, 256
MIXED, MIXED_TO, MORE = 768, 512, 4096
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
    patch: int | None = None
    patch_channels: int | None = None
    coefficients: int | None = None
    mixed: int | None = None
    mixed_to: int | None = None
    shared_frequencies: bool = False
    encoder: str = "linear"
    synthesis_width: int = 64
    synthesis_blocks: int = 1
    num_points: int = 16
    fine_rate_weight: float = 1e-5
    coarse_rate_weight: float = 1e-2
    statistics_images: int = 4000

    quality = None
    sends_range = False

    def __post_init__(self):
        check_types(self)
        check_choice("unit", self.kind, ("learned",))
        check_choice("encoder", self.encoder, ("linear", "residual"))
        check_at_least(
            1,
            synthesis_blocks=self.synthesis_blocks,
            statistics_images=self.statistics_images,
        )
        for name, least in (
            ("patch", 1), ("patch_channels", 1), ("coefficients", 1),
            ("mixed", 0), ("mixed_to", 0), ("synthesis_width", 0),
        ):  # fmt: skip
            value = getattr(self, name)
            check(
                value is None or value >= least,
                f"--{name} must be at least {least}, or unset for what suits "
                "the feature.",
                **{name: value},
            )
        sizes = (self.mixed_to, self.mixed, self.coefficients)
        check(
            None in sizes or self.mixed_to <= min(sizes[1:]),
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

    def resolved(self, feature_shape):
        """Returns the same unit with all sizes, for a feature `(H, W, C)`.

        Patches leave a grid of at most 14 positions a side and keep as many
        channels as the feature has, within 24 .. 64; 768 values are mixed to
        512 coefficients, and up to 4,096 more are sent as they are. Most of
        those are silent at all but the finest points.

        Where such patches have more than 256 values, as after the first blocks
        of a network for large images, too much is lost in so few channels:
        there the grid may have 28 positions a side, a patch keeps 64 channels
        and four times as many coefficients are sent.

        Raises:
            ValueError: if no power of two up to 16 makes such patches.
        """
        height, width, depth = feature_shape
        patch = self.patch or _patch(feature_shape)
        values, positions = patch**2 * depth, max(height, width) // patch
        is_fine = positions > MOST_POSITIONS
        channels = self.patch_channels
        if channels is None:
            channels = 64 if is_fine else max(24, min(depth, 64))
            channels = min(values, channels)
        total = (height // patch) * (width // patch) * channels
        mixed, to, count = self.mixed, self.mixed_to, self.coefficients
        if mixed is None:
            mixed = min(MIXED, total)
        check(
            mixed <= total,
            "--mixed must be at most the values of the grid of patches.",
            mixed=mixed,
            values=total,
        )
        if to is None:
            to = min(mixed, max(mixed * MIXED_TO // MIXED, 1 if mixed else 0))
            to = to if count is None else min(to, count)
        if count is None:
            count = to + min(4 * MORE if is_fine else MORE, total - mixed)
        return dataclasses.replace(
            self,
            patch=patch,
            patch_channels=channels,
            coefficients=count,
            mixed=mixed,
            mixed_to=to,
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


def _patch(feature_shape):
    """Returns the side of patches that suits a feature; see `resolved`."""
    height, width, depth = feature_shape
    fitting = [
        p
        for p in (1, 2, 4, 8, 16)
        if height % p == 0
        and width % p == 0
        and max(height, width) <= MOST_POSITIONS * p
    ]
    check(
        bool(fitting),
        "--patch must be set: no power of two divides both sides of the "
        f"feature and leaves at most {MOST_POSITIONS} positions a side.",
        feature_shape=feature_shape,
    )
    patch = fitting[0]
    if patch > 1 and patch**2 * depth > MOST_VALUES:
        patch //= 2
    return patch


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
