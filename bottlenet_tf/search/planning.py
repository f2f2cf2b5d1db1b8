"""What to train next: Algorithm 1's loop, in full or at a fraction.

A plan is a function of the outcomes so far, so a search that was killed goes
on as if it hadn't been.
"""

import dataclasses

from bottlenet_tf.search.ranking import (
    best_accuracy,
    log_odds,
    percent,
    ranked,
)
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
    """Units cut out of a wider one, and successive halving.

    For each split point:

    1. At every stride the unit of most channels, the stem, is trained on
       `1 / reduction ** rungs` of the examples; those of larger strides start
       from that of the smallest.
    2. All other units are cut out of the stem of their stride, with the
       channels that weigh most, so that few examples tell what they are
       worth: `1 / reduction` of what the stem had.
    3. All units are measured at all qualities; quality costs no training.
       The best `1 / reduction` (two at least) go on to `reduction` times as
       many examples of their own, and so on; the last one alone to the full
       number, that of its stem included. A unit that another beats in bytes
       and accuracy at all qualities goes no further.
    4. The most promising are those that reach a target in the fewest bytes,
       interpolated between qualities. The target is what a unit needs now to
       be acceptable in the end, if log odds grow in proportion and the best
       unit ends half-way between the unsplit network and what is acceptable.
       From then on a unit is trained at the quality below the one where it
       reached that.
    5. If the last one isn't acceptable at any quality, another is trained in
       full, up to `max_finals`. What it needed is now counted from where the
       last one did end.

    Attributes:
        space: `Space`.
        accuracy: Of the unsplit network, in percent.
        least_accuracy: Acceptable, in percent.
        chance: Accuracy of a guess, in percent.
        reduction: Of units, and growth of examples, from rung to rung.
        rungs: How often units are dropped; 0 trains all in full.
        max_finals: Units trained in full for one split.

    Reference:
        Jamieson, Talwalkar, 2016, arXiv:1502.07943 (successive halving); Yu,
        Yang, Xu, Yang, Huang, 2019, arXiv:1812.08928 (networks that run at
        several widths).
    """

    space: object
    accuracy: float
    least_accuracy: float
    chance: float
    reduction: int = 3
    rungs: int = 2
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

    @property
    def stem_examples(self):
        """Training images of a unit that others are cut out of."""
        return self._share(self.rungs)

    def examples_at(self, rung):
        """Training images that are a unit's own after a rung."""
        if self.rungs == 0:
            return self.space.examples
        if rung == self.rungs:
            own = self.space.examples - self.stem_examples
        else:
            own = self._share(self.rungs + 1 - rung)
        # A step at least, and one more at every rung.
        return max(own, (rung + 1) * self.space.batch_size)

    def examples_at_most(self):
        """Training images that the whole search takes at most."""
        units, stems = len(self.space.units), len(self.space.strides)
        total = stems * self.stem_examples
        total += (units - stems) * self.examples_at(0)
        for rung in range(1, self.rungs + 1):
            added = self.examples_at(rung) - self.examples_at(rung - 1)
            total += self._places(rung) * added
        if self.rungs:
            spare = min(self.max_finals, units) - 1
            total += spare * (
                self.examples_at(self.rungs) - self.examples_at(0)
            )
        return len(self.space.splits) * total

    def step(self, split, outcomes):
        """Returns the `Step` of one split; see `Exhaustive.step`."""
        waiting, entrants = self._beginnings(split, outcomes)
        if waiting:
            return Step(waiting)
        dropped = {}  # Of each unit that didn't go on, its last trial.
        for rung in range(1, self.rungs + 1):
            alive = [t for t in entrants if outcomes[t.name].error is None]
            dropped.update({trial.unit: trial for trial in alive})
            target = self._target(alive, outcomes)
            best = ranked(alive, outcomes, target)[: self._places(rung)]
            entrants = [
                self._continued(trial, quality, rung) for trial, quality in best
            ]
            waiting = tuple(t for t in entrants if t.name not in outcomes)
            if waiting:
                return Step(waiting)
        return self._finish(entrants, dropped, outcomes)

    def _beginnings(self, split, outcomes):
        """Returns the first trials to make now, and all that were made."""
        waiting, made, root = [], [], None
        for stride in sorted(self.space.strides):
            units = [unit for unit in self.space.units if unit[1] == stride]
            stem, others = self._stem(split, units, root, outcomes)
            if stem is None:
                continue
            if stem.name not in outcomes:
                waiting.append(stem)
                if root is None:
                    break  # The others start from it.
                continue
            root = root or stem.name
            made.append(stem)
            examples = self.examples_at(0)
            for unit in others:
                trial = self._beginning(split, unit, examples, stem.name)
                known = trial.name in outcomes
                (made if known else waiting).append(trial)
        return tuple(waiting), made

    def _stem(self, split, units, root, outcomes):
        """Returns the widest unit's trial that didn't fail, and other units.

        A trial that is still to be made counts as one that works.
        """
        for place, unit in enumerate(units):
            trial = self._beginning(split, unit, self.stem_examples, root)
            outcome = outcomes.get(trial.name)
            if outcome is None or outcome.error is None:
                return trial, units[place + 1 :]
        return None, []

    def _beginning(self, split, unit, examples, start):
        quality = self.space.middle_quality
        return Trial(split, *unit, quality, 0, examples, start)

    def _continued(self, trial, quality, rung):
        more = self.examples_at(rung) - self.examples_at(trial.rung)
        return dataclasses.replace(
            trial, quality=quality, rung=rung, examples=more, start=trial.name
        )

    def _target(self, trials, outcomes):
        """The accuracy at which units are compared, in percent.

        The best unit is expected to end half-way, in log odds, between the
        unsplit network and what is acceptable.
        """
        best = max((best_accuracy(t, outcomes) for t in trials), default=0.0)
        ends = log_odds(self.accuracy), log_odds(self.least_accuracy)
        expected = percent(sum(ends) / 2)
        return min(self.least_accuracy, self._needed(best, expected))

    def _needed(self, now, then):
        """Accuracy that promises an acceptable one, if `now` becomes `then`.

        Log odds above those of a guess are taken to grow in proportion.
        """
        guess = log_odds(self.chance)
        grown = log_odds(then) - guess
        if grown <= 0:
            return now
        share = (log_odds(now) - guess) / grown
        return percent(guess + share * (log_odds(self.least_accuracy) - guess))

    def _finish(self, finals, dropped, outcomes):
        """Trains more units in full until one is acceptable."""
        finals = list(finals)
        while True:
            finished = [(t, outcomes[t.name]) for t in finals]
            kept = smallest_acceptable(finished, self.least_accuracy)
            spare = self._better(finals, dropped, outcomes)
            if kept or spare is None or len(finals) >= self.max_finals:
                return Step(kept=kept, done=True)
            if spare.name not in outcomes:
                return Step((spare,))
            finals.append(spare)

    def _better(self, finals, dropped, outcomes):
        """The next unit to train in full; None if there is none."""
        tried = {trial.unit for trial in finals}
        rest = [t for unit, t in dropped.items() if unit not in tried]
        if not rest:
            return None
        needed = 100.0
        if finals and outcomes[finals[-1].name].error is None:
            needed = self._needed(
                best_accuracy(dropped[finals[-1].unit], outcomes),
                best_accuracy(finals[-1], outcomes),
            )
        trial, quality = ranked(rest, outcomes, needed)[0]
        return self._continued(trial, quality, self.rungs)

    def _places(self, rung):
        """Units that enter a rung."""
        units = len(self.space.units)
        if rung == self.rungs:
            return 1
        return min(units, max(2, units // self.reduction**rung))

    def _share(self, times):
        """Images in that many reductions of the full number."""
        return self.space.whole_batches(
            self.space.examples / self.reduction**times
        )
