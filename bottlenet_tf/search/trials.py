"""The candidates of a grid, and what came of one."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training: a unit at a split point, through JPEG of one quality.

    Attributes:
        split: Name of the split point.
        channels: c', channels that are sent.
        stride: s, spatial reduction.
        quality: Of the codec.
    """

    split: str
    channels: int
    stride: int
    quality: int

    @property
    def name(self):
        """Also its folder."""
        return f"{self.split}_c{self.channels}_s{self.stride}_q{self.quality}"


@dataclasses.dataclass(frozen=True)
class Point:
    """What a trial's network reaches on the search's images.

    Attributes:
        quality: Of the codec; None for a unit without one.
        wire_bytes: Mean of an image.
        accuracy: In percent.
    """

    quality: int | None
    wire_bytes: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        points: Its `Point`, alone; empty if it failed.
        examples: Training images it saw.
        norm_examples: Images that batch norms' statistics were estimated on
            anew, without training.
        error: Why it failed; None if it didn't.
    """

    points: tuple[Point, ...] = ()
    examples: int = 0
    norm_examples: int = 0
    error: str | None = None

    def reaches(self, accuracy):
        """Whether it is at least so accurate, in percent."""
        return any(point.accuracy >= accuracy for point in self.points)
