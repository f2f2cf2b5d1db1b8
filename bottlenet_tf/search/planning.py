"""What to train next: Algorithm 1's loop, in full or at a fraction.

A plan is a function of the outcomes so far, so a search that was killed goes
on as if it hadn't been.
"""

import dataclasses
import math

from bottlenet_tf.search.trials import Kept, Trial
from bottlenet_tf.validation import check


@dataclasses.dataclass(frozen=True)
class Step:
    """Where one split point stands.

    Attributes:
        ready: `Trial`s that can be trained now, in any order.
        kept: `Kept`, or None if no candidate is acceptable (yet).
        done: Whether nothing more will be trained.
    """

    ready: tuple[Trial, ...] = ()
    kept: Kept | None = None
    done: bool = False


def smallest_acceptable(pairs, least_accuracy):
    """Returns the `Kept` of fewest bytes, or None.

    Args:
        pairs: Iterable of `(Trial, Outcome)`.
        least_accuracy: In percent.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, algorithm 1.
    """
    acceptable = [
        Kept(trial, point)
        for trial, outcome in pairs
        for point in outcome.points
        if point.accuracy >= least_accuracy
    ]
    return min(acceptable, key=lambda kept: kept.point.wire_bytes, default=None)


@dataclasses.dataclass(frozen=True)
class Exhaustive:
    """The paper's loop: every candidate is trained in full, from the start.

    Attributes:
        space: `Space`.
        least_accuracy: Acceptable, in percent.
    """

    space: object
    least_accuracy: float

    def step(self, split, outcomes):
        """Returns the `Step` of one split.

        Args:
            split: Its name.
            outcomes: `{name of trial: Outcome}`.
        """
        trials = [
            Trial(split, *unit, quality, 0, self.space.examples)
            for unit in self.space.units
            for quality in self.space.qualities
        ]
        ready = tuple(t for t in trials if t.name not in outcomes)
        finished = [(t, outcomes[t.name]) for t in trials if t.name in outcomes]
        kept = smallest_acceptable(finished, self.least_accuracy)
        return Step(ready, kept, done=not ready)

    def examples_at_most(self):
        """Training images that the whole search takes."""
        return self.space.num_candidates * self.space.examples


@dataclasses.dataclass(frozen=True)
class Cheap:
    """Successive halving over units; quality costs no training.

    For each split point:

    1. The least compressing unit is trained on the smallest share of the
       examples; every other starts from its weights and gets the same. (From
       unit to neighbouring unit they couldn't be trained side by side.)
    2. Each is measured at all qualities. The `1 / reduction` best go on, to
       `reduction` times as many examples, and so on to the full number.
       Before that the target is the split's best accuracy so far less
       `margin`, or what is acceptable if that is less; the best reach it in
       the fewest bytes, interpolated between qualities. A unit that another
       beats in bytes and accuracy at all qualities goes no further.
    3. From the second rung on, a unit is trained at the quality where it met
       the target. If the last one isn't acceptable at any quality, a more
       accurate one is trained in full, too, up to `max_finals`.

    Attributes:
        space: `Space`.
        least_accuracy: Acceptable, in percent.
        margin: Percentage points.
        reduction: Of units, and growth of examples, from rung to rung.
        rungs: How often; the first rung is `examples / reduction ** rungs`.
        max_finals: Units trained in full for one split.

    Reference:
        Jamieson, Talwalkar, 2016, arXiv:1502.07943 (successive halving).
    """

    space: object
    least_accuracy: float
    margin: float = 1.0
    reduction: int = 3
    rungs: int = 3
    max_finals: int = 2

    def __post_init__(self):
        check(
            self.reduction >= 2 and self.rungs >= 0 and self.max_finals >= 1,
            "--reduction must be at least 2, --rungs not negative and "
            "--max_finals positive.",
            reduction=self.reduction,
            rungs=self.rungs,
            max_finals=self.max_finals,
        )

    def examples_at(self, rung):
        """Training images that a unit has seen after a rung."""
        share = self.reduction ** (self.rungs - rung)
        return self.space.whole_batches(self.space.examples / share)

    def examples_at_most(self):
        """Training images that the whole search takes at most."""
        total = 0
        for rung in range(self.rungs + 1):
            total += self._places(rung) * self._added(rung)
        spare = (self.max_finals - 1) * self.space.examples
        return len(self.space.splits) * (total + spare)

    def step(self, split, outcomes):
        """Returns the `Step` of one split; see `Exhaustive.step`."""
        first, units = self._first_that_works(split, outcomes)
        if first is None:
            return Step(done=True)
        entrants = [first] + [
            self._beginning(split, unit, first.name) for unit in units
        ]
        last = {}  # Of each unit that works, its last trial.
        for rung in range(self.rungs + 1):
            waiting = tuple(t for t in entrants if t.name not in outcomes)
            if waiting:
                return Step(waiting)
            alive = [t for t in entrants if outcomes[t.name].error is None]
            last.update({trial.unit: trial for trial in alive})
            if rung < self.rungs:
                best = self._ranked(alive, outcomes)[: self._places(rung + 1)]
                entrants = [
                    self._continued(trial, quality, rung + 1)
                    for trial, quality in best
                ]
        return self._finish(split, entrants, last, outcomes)

    def _first_that_works(self, split, outcomes):
        """Returns the first trial that didn't fail, and the units after it.

        A trial that is still to be made counts as one that works.
        """
        units = self.space.units
        for place, unit in enumerate(units):
            trial = self._beginning(split, unit, None)
            outcome = outcomes.get(trial.name)
            if outcome is None:
                return trial, []
            if outcome.error is None:
                return trial, units[place + 1 :]
        return None, []

    def _beginning(self, split, unit, start):
        quality = self.space.middle_quality
        return Trial(split, *unit, quality, 0, self.examples_at(0), start)

    def _continued(self, trial, quality, rung):
        more = self.examples_at(rung) - self.examples_at(trial.rung)
        return dataclasses.replace(
            trial, quality=quality, rung=rung, examples=more, start=trial.name
        )

    def _ranked(self, trials, outcomes):
        """Returns `(trial, quality to train it at)`, the best first."""
        points = {trial: outcomes[trial.name].points for trial in trials}
        best = max(
            (p.accuracy for found in points.values() for p in found),
            default=0.0,
        )
        target = min(self.least_accuracy, best - self.margin)
        ranked = []
        for trial, found in points.items():
            if any(_beaten(found, other) for other in points.values()):
                continue
            reached = [p for p in found if p.accuracy >= target]
            if reached:
                point = min(reached, key=lambda p: p.wire_bytes)
                key = (0, _bytes_at(target, point, found))
            else:
                point = max(found, key=lambda p: p.accuracy)
                key = (1, -point.accuracy)
            ranked.append((key, trial, point.quality))
        ranked.sort(key=lambda entry: entry[0])
        return [(trial, quality) for _, trial, quality in ranked]

    def _finish(self, split, finals, last, outcomes):
        """Trains more units in full until one is acceptable."""
        finals = list(finals)
        while True:
            finished = [(t, outcomes[t.name]) for t in finals]
            kept = smallest_acceptable(finished, self.least_accuracy)
            spare = self._more_accurate(finals, last, outcomes)
            if kept or spare is None or len(finals) >= self.max_finals:
                return Step(kept=kept, done=True)
            if spare.name not in outcomes:
                return Step((spare,))
            finals.append(spare)

    def _more_accurate(self, finals, last, outcomes):
        """The most accurate unit that wasn't trained in full; None if none."""
        tried = {trial.unit for trial in finals}
        dropped = [t for unit, t in last.items() if unit not in tried]
        if not dropped:
            return None

        def best(trial):
            points = outcomes[trial.name].points
            return max(points, key=lambda point: point.accuracy)

        trial = max(dropped, key=lambda trial: best(trial).accuracy)
        return self._continued(trial, best(trial).quality, self.rungs)

    def _places(self, rung):
        """Units that enter a rung."""
        return math.ceil(len(self.space.units) / self.reduction**rung)

    def _added(self, rung):
        before = self.examples_at(rung - 1) if rung else 0
        return self.examples_at(rung) - before


def _bytes_at(accuracy, point, points):
    """Bytes between `point` and the next smaller one, where `accuracy` lies.

    Steps of quality are coarse: without this, a unit would be judged by which
    side of the target its nearest quality falls on.
    """
    smaller = [p for p in points if p.wire_bytes < point.wire_bytes]
    if not smaller:
        return point.wire_bytes
    below = max(smaller, key=lambda p: p.wire_bytes)
    share = (point.accuracy - accuracy) / (point.accuracy - below.accuracy)
    return point.wire_bytes - share * (point.wire_bytes - below.wire_bytes)


def _beaten(points, others):
    """Whether each point has one in `others` that is better in all."""
    return all(
        any(
            other.wire_bytes < point.wire_bytes
            and other.accuracy > point.accuracy
            for other in others
        )
        for point in points
    )
