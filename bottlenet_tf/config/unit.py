"""Settings of each kind of unit."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check

# Default sizes of a learned unit; see `resolved`.
MOST_POSITIONS, MOST_VALUES = 14, 256
MIXED, MORE = 640, 4096
# Which codes of a `DattaUnit` share a table.
TABLES = ("shared", "per_channel", "per_coefficient")
# Settings that the bottleneck unit and Datta's share.
_CHANNELS = {"default": 2, "about": "c', channels that are sent.", "least": 1}
_STRIDE = {
    "default": 2,
    "about": "s, spatial reduction; 1 keeps all positions.",
    "least": 1,
}


@dataclasses.dataclass(frozen=True)
class UnitConfig(Settings):
    """The bottleneck unit; fields as in `layers.BottleneckUnit`."""

    kind: str = setting("bottlenet", choices=("bottlenet",), flag="unit")
    channels: int = setting(**_CHANNELS)
    stride: int = setting(**_STRIDE)
    order: str = setting(
        "channels_first",
        "channels_first (cheap on the device) or spatial_first.",
        choices=("channels_first", "spatial_first"),
    )
    hidden_channels: int | None = setting(
        None, "Width between the unit's two reductions.", least=1
    )
    restoration_channels: int | None = setting(
        None, "Width of a larger restoration in the cloud.", least=1
    )
    channel_kernel: int = setting(
        1, "Kernel of the channel-wise convolutions.", least=1
    )
    spatial_kernel: int = setting(
        3, "Kernel of the spatial reduction.", least=1
    )
    activation: str = setting(
        "relu",
        "Activation before the quantizer: relu (the paper) or linear.",
        choices=("relu", "linear"),
    )
    bits: int = setting(8, "Quantizer width, 1 to 8.", least=1, most=8)
    quantizer: str = setting(
        "per_image",
        "per_image: minimum and maximum are sent with each image (the paper, "
        "4 bytes); learned: a fixed range, nothing to send.",
        choices=("per_image", "learned"),
    )
    codec: str = setting("jpeg", "jpeg, png or raw.")
    quality: int = setting(
        20, "JPEG quality, 1 to 100.", least=1, most=100, why="libjpeg's scale"
    )

    def rules(self):
        yield (
            self.stride == 1 or self.spatial_kernel > self.stride,
            "--spatial_kernel must be larger than --stride, or positions "
            "between windows would not overlap.",
        )

    def codec_config(self):
        """Returns the parameters of the codec's byte form."""
        return {"quality": self.quality} if self.codec == "jpeg" else {}

    @property
    def sends_range(self):
        """Whether a range travels with each image."""
        return self.quantizer == "per_image"

    def defaults(self, mode):
        """Returns the training settings that suit the unit."""
        del mode
        return {
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "weight_decay": 1e-3,
            "distillation": 0.0,
            "feature_weight": 0.0,
        }


@dataclasses.dataclass(frozen=True)
class LearnedUnitConfig(Settings):
    """The learned unit; fields as in `layers.learned.unit.LearnedUnit`."""

    kind: str = setting("learned", choices=("learned",), flag="unit")
    patch: int | None = setting(
        None,
        "Side of the patches that the feature is cut into. Unset, this and the "
        "next four suit the feature.",
        least=1,
    )
    patch_channels: int | None = setting(
        None, "Channels that a patch is projected to.", least=1
    )
    coefficients: int | None = setting(
        None, "Coefficients that may be sent.", least=1
    )
    mixed: int | None = setting(
        None,
        "Values of the grid that enter a dense matrix; --mixed "
        "times --mixed_to multiply-accumulates on the device.",
        least=0,
    )
    mixed_to: int | None = setting(
        None,
        "Coefficients that this matrix makes, by default as many as it takes; "
        "the other --coefficients are unmixed values of the grid. Fewer lose "
        "what images have that those of the closed form didn't.",
        least=0,
    )
    shared_frequencies: bool = setting(
        False,
        "One channel matrix for all frequencies of the grid, "
        "for features of many positions.",
    )
    encoder: str = setting(
        "linear",
        "linear, or residual to add a nonlinear branch on the device.",
        choices=("linear", "residual"),
    )
    synthesis_width: int = setting(
        64,
        "Channels of the server's nonlinear branch; 0 leaves it out.",
        least=0,
    )
    synthesis_blocks: int = setting(
        1, "Residual blocks of that branch at each size.", least=1
    )
    num_points: int = setting(
        16,
        "Operating points of the trained unit.",
        least=2,
        most=64,
        why="payloads name a point by 6 bits",
    )
    fine_rate_weight: float = setting(
        1e-5, "Weight of a bit in the loss at the point of most bytes.", above=0
    )
    coarse_rate_weight: float = setting(
        1e-2,
        "The same at the point of fewest bytes. Between them one unit learns "
        "all rates.",
        above=0,
    )
    statistics_images: int = setting(
        4000, "Training images that the closed form is computed from.", least=1
    )

    quality = None
    sends_range = False

    def rules(self):
        sizes = (self.mixed_to, self.mixed, self.coefficients)
        yield (
            None in sizes or self.mixed_to <= min(sizes[1:]),
            "--mixed_to must be at most --mixed, from which it is computed, "
            "and at most --coefficients, of which it is a part.",
        )
        yield (
            self.fine_rate_weight < self.coarse_rate_weight,
            "--fine_rate_weight must be below --coarse_rate_weight: the weight "
            "of a bit at either end of the curve.",
        )

    def resolved(self, feature_shape):
        """Returns the same unit with all sizes, for a feature `(H, W, C)`.

        Patches leave a grid of at most 14 positions a side and keep as many
        channels as the feature has, within 24 .. 64; 640 values are mixed, and
        up to 4,096 more are sent, mostly at fine points.

        Where such patches have more than 256 values, as after the first blocks
        of a network for large images, too much is lost in so few channels:
        there the grid may have 28 positions a side, a patch keeps 64 channels
        and four times as many coefficients are sent.
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
            to = mixed if count is None else min(mixed, count)
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
        """Returns the training settings that suit the unit and mode."""
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
    least = max(height, width) / MOST_POSITIONS
    fitting = [
        p
        for p in (1, 2, 4, 8, 16)
        if height % p == width % p == 0 and p >= least
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
class DattaUnitConfig(Settings):
    """The rate-distortion-optimised unit; fields as in `layers.DattaUnit`."""

    kind: str = setting("datta", choices=("datta",), flag="unit")
    channels: int = setting(**_CHANNELS)
    stride: int = setting(**_STRIDE)
    latent_step: float = setting(
        1.0, "q, the step to which the latent is rounded.", above=0
    )
    task_weight: float = setting(
        1000.0,
        "lambda, the weight of the task loss against the l1 norm of an image's "
        "latent; larger makes more bytes.",
        above=0,
    )
    tables: str = setting(
        "per_coefficient",
        "Codes that share an entropy coder's table: shared (the "
        "paper), per_channel or per_coefficient.",
        choices=TABLES,
    )

    quality = None
    sends_range = False

    def defaults(self, mode):
        """Returns the training settings that suit the unit and mode."""
        if mode in ("baseline", "cloud"):  # Without a unit.
            return UnitConfig().defaults(mode)
        return {
            "optimizer": "adam",
            "learning_rate": 1e-2,
            "weight_decay": 0.0,
            "distillation": 0.0,
            "feature_weight": 0.0,
        }


# The choices of `--unit`.
UNITS = {
    config.kind: config
    for config in (UnitConfig, LearnedUnitConfig, DattaUnitConfig)
}
