"""The grid's candidates, and one piece of training on one of them."""

import dataclasses
import math

from bottlenet_tf.validation import check


@dataclasses.dataclass(frozen=True)
class Space:
    """What is tried at every split point.

    Attributes:
        splits: Names of split points.
        channels: c', the unit's channels.
        strides: s, the unit's spatial reduction.
        qualities: The codec's quality; empty for a codec that has none.
        examples: Training images that a candidate sees if it is trained in
            full; rounded up to whole batches.
        batch_size: Images of a training step.

    Raises:
        ValueError: for empty or repeated values, or no examples.
    """

    splits: tuple[str, ...]
    channels: tuple[int, ...] = (1, 2, 4, 8)
    strides: tuple[int, ...] = (1, 2)
    qualities: tuple[int, ...] = (20, 50, 75, 90)
    examples: int = 100_000
    batch_size: int = 1

    def __post_init__(self):
        for flag, values in (
            ("splits", self.splits),
            ("channel_grid", self.channels),
            ("stride_grid", self.strides),
            ("quality_grid", self.qualities),
        ):
            check(
                len(values) > 0 and len(set(values)) == len(values),
                f"--{flag} must name at least one value, and each once.",
                **{flag: values},
            )
        for flag, values, most in (
            ("channel_grid", self.channels, None),
            ("stride_grid", self.strides, None),
            ("quality_grid", self.qualities, 100),
        ):
            check(
                min(values) >= 1 and (most is None or max(values) <= most),
                f"--{flag} must be positive"
                + (f", and at most {most}." if most else "."),
                **{flag: values},
            )
        check(
            self.examples >= 1,
            "--trial_examples must be positive.",
            trial_examples=self.examples,
        )
        object.__setattr__(self, "examples", self.whole_batches(self.examples))

    def whole_batches(self, examples):
        """Returns the images of as many steps as that many images take."""
        return math.ceil(examples / self.batch_size) * self.batch_size

    @property
    def units(self):
        """`(channels, stride)` of every unit, the least compressing first."""
        return sorted(
            ((c, s) for c in self.channels for s in self.strides),
            key=lambda unit: (-unit[0] / unit[1] ** 2, unit[1]),
        )

    @property
    def num_candidates(self):
        """Of the whole grid."""
        return len(self.splits) * len(self.units) * len(self.qualities)

    @property
    def middle_quality(self):
        """What units are trained at before their own quality is known."""
        return sorted(self.qualities)[len(self.qualities) // 2]


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of one unit.

    Attributes:
        split: Name of the split point.
        channels: c'.
        stride: s.
        quality: What it is trained at.
        rung: How far the search has come; the same unit is trained further,
            or anew, at a higher one.
        examples: Training images to see, in addition to those of `start`.
        start: Name of the trial it begins with, of the same split; None for
            the pretrained network and a new unit.
    """

    split: str
    channels: int
    stride: int
    quality: int
    rung: int
    examples: int
    start: str | None = None

    @property
    def name(self):
        """Also its folder."""
        return (
            f"{self.split}_c{self.channels}_s{self.stride}_q{self.quality}"
            f"_r{self.rung}"
        )

    @property
    def unit(self):
        """`(channels, stride)`."""
        return self.channels, self.stride


@dataclasses.dataclass(frozen=True)
class Point:
    """What a trial's network reaches with the codec at one quality.

    Attributes:
        quality: Of the codec while measured.
        wire_bytes: Mean for an image.
        accuracy: In percent.
    """

    quality: int
    wire_bytes: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        points: One `Point` for each quality that was measured.
        examples: Training images it saw.
        norm_examples: Images that batch norms' statistics were estimated on
            anew, without training.
        error: Why it failed; None if it didn't.
    """

    points: tuple[Point, ...] = ()
    examples: int = 0
    norm_examples: int = 0
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Kept:
    """The candidate that a split point is represented by.

    Attributes:
        trial: `Trial` that trained it.
        point: `Point`; its quality may differ from the trial's.
    """

    trial: Trial
    point: Point
