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

# Rung 0: stems. Rung 1: every unit, cut out of its stride's stem. Then fewer
# at each, and one at the last.
_STEM, _CUT = 0, 1


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

    def at_most(self):
        """Trials and training images that each split takes."""
        trials = len(self.space.units) * len(self.space.qualities)
        return trials, trials * self.space.examples


@dataclasses.dataclass(frozen=True)
class Cheap:
    """Units cut out of a wider one, and successive halving.

    For each split point:

    1. At every stride the unit of most channels, the stem, is trained on
       `1 / reduction ** rungs` of the examples; those of larger strides start
       from that of the smallest.
    2. All units of that stride, the stem among them, are cut out of it, with
       the channels that weigh most, so that few examples tell what they are
       worth: `1 / reduction` of what the stem had.
    3. They are measured at all qualities; quality costs no training. The best
       `1 / reduction` (two at least) go on to `reduction` times as many
       examples, and so on, `rungs - 1` times. A unit that another beats in
       bytes and accuracy at all qualities goes no further.
    4. The best are those that reach a target in the fewest bytes,
       interpolated between qualities. The target is what a unit needs now to
       be acceptable in the end, if log odds grow in proportion and the best
       unit ends half-way between the unsplit network and what is acceptable.
    5. The best of all is trained in full, at the quality where it reached the
       target, from the pretrained network: what it learned in short trainings
       at high rates is worth less to it than as many steps of one training.
       If it isn't acceptable at any quality, a more accurate one is, up to
       `max_finals`; what it needed is now counted from where the last one did
       end, and it is trained at the middle quality at least: what a low one
       costs shows late. If there is none, it is the same one at that quality.

    A single unit is trained in full at once.

    Attributes:
        space: `Space`.
        accuracy: Of the unsplit network, in percent.
        least_accuracy: Acceptable, in percent.
        chance: Accuracy of a guess, in percent.
        reduction: Of units, and growth of examples, from rung to rung.
        rungs: How often units are dropped.
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
            min(self.reduction - 1, self.rungs, self.max_finals) >= 1,
            "--reduction must be at least 2, --rungs and --max_finals "
            "positive.",
            reduction=self.reduction,
            rungs=self.rungs,
            max_finals=self.max_finals,
        )

    @property
    def stem_examples(self):
        """Training images of a unit that others are cut out of."""
        return self._share(self.rungs)

    def examples_at(self, rung):
        """Images that a unit has seen since it was cut out, from rung 1 on.

        Not for the last rung, whose units begin anew.
        """
        before = self.examples_at(rung - 1) if rung > _CUT else 0
        own = self._share(self.rungs + _CUT + 1 - rung)
        return max(own, before + self.space.batch_size)

    def at_most(self):
        """Trials and training images that each split takes, if none fails."""
        units = len(self.space.units)
        rungs = [(min(self.max_finals, units), self.space.examples)]
        if units > 1:
            rungs.append((len(self.space.strides), self.stem_examples))
            rungs.append((units, self.examples_at(_CUT)))
            rungs += [(self._places(r), self._added(r)) for r in self._halvings]
        trials = sum(count for count, _ in rungs)
        return trials, sum(count * examples for count, examples in rungs)

    def step(self, split, outcomes):
        """Returns the `Step` of one split; see `Exhaustive.step`."""
        if len(self.space.units) == 1:
            return self._train_only(split, outcomes)
        waiting, began = self._beginnings(split, outcomes)
        if waiting:
            return Step(waiting)
        alive = began
        for rung in self._halvings:
            target = self._target(alive, outcomes)
            entrants = [
                dataclasses.replace(
                    trial,
                    quality=quality,
                    rung=rung,
                    examples=self._added(rung),
                    start=trial.name,
                )
                for trial, quality in ranked(alive, outcomes, target)
            ][: self._places(rung)]
            waiting = tuple(t for t in entrants if t.name not in outcomes)
            if waiting:
                return Step(waiting)
            alive = _working(entrants, outcomes)
            failed = {t.unit for t in entrants} - {t.unit for t in alive}
            began = [trial for trial in began if trial.unit not in failed]
        return self._finish(alive, began, outcomes)

    def _train_only(self, split, outcomes):
        """The `Step` of a grid of one unit."""
        (unit,) = self.space.units
        trial = self._in_full(self._beginning(split, unit, _STEM, 0, None))
        if trial.name not in outcomes:
            return Step((trial,))
        pairs = [(trial, outcomes[trial.name])]
        return Step(
            kept=smallest_acceptable(pairs, self.least_accuracy), done=True
        )

    def _beginnings(self, split, outcomes):
        """Returns the stems and cuts to train now, and the cuts that worked."""
        waiting, worked, root = [], [], None
        for stride in sorted(self.space.strides):
            units = [unit for unit in self.space.units if unit[1] == stride]
            stem, units = self._stem(split, units, root, outcomes)
            if stem is None:
                continue
            if stem.name not in outcomes:
                waiting.append(stem)
                if root is None:
                    break  # The others start from it.
                continue
            root = root or stem.name
            seen = self.examples_at(_CUT)
            cuts = [
                self._beginning(split, unit, _CUT, seen, stem.name)
                for unit in units
            ]
            waiting += [trial for trial in cuts if trial.name not in outcomes]
            worked += _working(cuts, outcomes)
        return tuple(waiting), worked

    def _stem(self, split, units, root, outcomes):
        """Returns the trial of the widest unit that works, and what it yields.

        A trial that is still to be made counts as one that works.
        """
        seen = self.stem_examples
        for place, unit in enumerate(units):
            trial = self._beginning(split, unit, _STEM, seen, root)
            outcome = outcomes.get(trial.name)
            if outcome is None or outcome.error is None:
                return trial, units[place:]
        return None, []

    def _beginning(self, split, unit, rung, examples, start):
        quality = self.space.middle_quality
        return Trial(split, *unit, quality, rung, examples, start)

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
        share = max(0.0, log_odds(now) - guess) / grown
        return percent(guess + share * (log_odds(self.least_accuracy) - guess))

    def _finish(self, alive, began, outcomes):
        """Trains units in full until one is acceptable."""
        finals = []
        while True:
            finished = [(t, outcomes[t.name]) for t in finals]
            kept = smallest_acceptable(finished, self.least_accuracy)
            if kept or len(finals) == self.max_finals:
                return Step(kept=kept, done=True)
            final = self._next_final(finals, alive, began, outcomes)
            if final is None:
                return Step(done=True)
            if final.name not in outcomes:
                return Step((final,))
            finals.append(final)

    def _next_final(self, finals, alive, began, outcomes):
        """The next unit to train in full; None if none promises more."""
        tried, least_quality = {trial.unit for trial in finals}, 0
        rest = [trial for trial in began if trial.unit not in tried]
        if finals and outcomes[finals[-1].name].error is None:
            # As they began, when all had seen as much.
            (last,) = [t for t in began if t.unit == finals[-1].unit]
            now = best_accuracy(last, outcomes)
            rest = [t for t in rest if best_accuracy(t, outcomes) > now]
            target = self._needed(now, best_accuracy(finals[-1], outcomes))
            least_quality = self.space.middle_quality
            if not rest and finals[-1].quality < least_quality:
                rest = [last]
        else:
            rest = [t for t in alive if t.unit not in tried] or rest
            target = self._target(rest, outcomes)
        for trial, quality in ranked(rest, outcomes, target):
            quality = max(quality, least_quality)
            return self._in_full(dataclasses.replace(trial, quality=quality))
        return None

    def _in_full(self, trial):
        return dataclasses.replace(
            trial,
            rung=_CUT + self.rungs,
            examples=self.space.examples,
            start=None,
        )

    @property
    def _halvings(self):
        """The rungs that only the best enter, but for the last."""
        return range(_CUT + 1, _CUT + self.rungs)

    def _places(self, rung):
        """Units that enter a rung."""
        units = len(self.space.units)
        return min(units, max(2, units // self.reduction ** (rung - _CUT)))

    def _added(self, rung):
        return self.examples_at(rung) - self.examples_at(rung - 1)

    def _share(self, times):
        """Images in that many reductions of the full number."""
        return self.space.whole_batches(
            self.space.examples / self.reduction**times
        )


def _working(trials, outcomes):
    """Those that were made and didn't fail."""
    made = [trial for trial in trials if trial.name in outcomes]
    return [trial for trial in made if outcomes[trial.name].error is None]
