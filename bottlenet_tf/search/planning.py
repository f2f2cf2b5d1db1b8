"""Algorithm 1's loop over a grid of units and qualities, and its end.

Reference:
    Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, algorithm 1.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training: a unit at a split point, through JPEG of one quality."""

    split: str
    channels: int  # c', those that are sent.
    stride: int  # s, the spatial reduction.
    quality: int

    @property
    def name(self):
        """Its name, also that of its folder."""
        return f"{self.split}_c{self.channels}_s{self.stride}_q{self.quality}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Figures of a finished run on the search's images, or its error."""

    wire_bytes: float | None = None
    accuracy: float | None = None
    examples: int = 0  # Training images it saw.
    norm_examples: int = 0  # Those for batch norms' statistics, untrained.
    error: str | None = None

    def reaches(self, accuracy):
        """Whether its accuracy is at least this, in percent."""
        return self.error is None and self.accuracy >= accuracy


@dataclasses.dataclass(frozen=True)
class Grid:
    """The candidates at each split point, and the order of training.

    The paper trains all. More channels, a smaller stride and a higher quality
    cost bytes and gain accuracy, so that the acceptable candidates are a corner
    of the sorted grid, of which only the edge matters: from the unit of fewest
    codes and the highest quality, an acceptable candidate is followed by the
    next lower quality, another one by the next larger unit. That trains at most
    `units + qualities - 1` candidates, and keeps the same as training all if
    accuracy rises with codes and with quality.
    """

    units: tuple  # (channels, stride), fewest codes first.
    qualities: tuple  # The highest first.
    least_accuracy: float
    exhaustive: bool = False  # Train all, as the paper does.

    @property
    def num_candidates(self):
        """Number of candidates at one split point."""
        return len(self.units) * len(self.qualities)

    @property
    def at_most(self):
        """Most trials of one split point."""
        if self.exhaustive:
            return self.num_candidates
        return len(self.units) + len(self.qualities) - 1

    def ready(self, split, outcomes):
        """Returns the `Trial`s to make next; none if the split is done.

        `outcomes` is `{name of trial: Outcome}` of all finished ones.
        """
        if self.exhaustive:
            trials = [
                Trial(split, *unit, quality)
                for unit in self.units
                for quality in self.qualities
            ]
            return [t for t in trials if t.name not in outcomes]
        unit = quality = 0
        while unit < len(self.units) and quality < len(self.qualities):
            trial = Trial(split, *self.units[unit], self.qualities[quality])
            if trial.name not in outcomes:
                return [trial]
            if outcomes[trial.name].reaches(self.least_accuracy):
                quality += 1
            else:
                unit += 1
        return []

    def kept(self, split, outcomes):
        """Returns the acceptable `Trial` of fewest bytes; None without one."""
        sizes = {}
        for unit in self.units:
            for quality in self.qualities:
                trial = Trial(split, *unit, quality)
                outcome = outcomes.get(trial.name)
                if outcome and outcome.reaches(self.least_accuracy):
                    sizes[trial] = outcome.wire_bytes
        return min(sizes, key=sizes.get, default=None)
