"""A whole search: plans, trials in parallel, the candidate of each split.

search.json        what all trials share, and what losses are counted from
trials/NAME/       one for each trial, see `trial_folder`
candidates/SPLIT/  the kept one of each split, a run measured on all test
                   images; export.py takes the folder
results.json       candidates, all points, and what the search cost

Asked again for another accepted loss, it finds what a search begun with that
one would have found, from the trials that are there.
"""

import dataclasses
import json
import math
import pathlib
import shutil
import sys

from tqdm import tqdm

from bottlenet_tf.json_file import write_json
from bottlenet_tf.search import candidates, trial_folder
from bottlenet_tf.search import ground as ground_lib
from bottlenet_tf.search.ground import FORMAT, TRIALS
from bottlenet_tf.search.pools import make_pool
from bottlenet_tf.validation import check

RESULTS = "results.json"
# Share of a trial's steps in which the rate rises to its peak.
_WARMUP = 0.1
# Short trials leave batch norms' moving averages behind.
_NORM_BATCHES = 8
_WAIT_S = 1.0


def run(config, pool=None):
    """Searches, or goes on with a search.

    Trials are processes of `multiprocessing`: a script that calls this needs
    `if __name__ == "__main__":` around it.

    Args:
        config: `SearchConfig`.
        pool: Runs trials, as `LocalPool` does; made if None.

    Returns:
        The results, a dictionary, as written to `results.json`.

    Raises:
        ValueError: for a folder of another search or version, a damaged
            trial, or a split point that the network hasn't.
    """
    if config.base.tuned_rivals:
        from bottlenet_tf.evaluation import usable_codec

        for codec in config.base.tuned_rivals:
            usable_codec(codec)  # Before the trials, not after them.
    root = pathlib.Path(config.base.workdir).absolute()
    ground = ground_lib.find(config, root)
    check(
        ground.num_train >= config.base.batch_size,
        "--batch_size must be at most the number of training images.",
        batch_size=config.base.batch_size,
        num_train=ground.num_train,
    )
    plan = config.plan(ground.accuracy, ground.splits, ground.num_classes)
    _describe(config, ground, plan)
    search = _Search(config, root, ground, plan, pool or make_pool(config))
    try:
        search.train()
        # Until they are made, what is told of the last ones is untrue.
        (root / RESULTS).unlink(missing_ok=True)
        candidates.clear(root, ground.splits, search.kept)
        candidates.measure(config, root, search.kept, search.pool)
    finally:
        search.pool.close()
    return search.write_results()


class _Search:
    """The state of a search in memory; all of it is on disk, too."""

    def __init__(self, config, root, ground, plan, pool):
        self.config, self.root, self.ground = config, root, ground
        self.plan, self.pool = plan, pool
        self.trials = {}  # name: Trial
        self.outcomes = {}  # name: Outcome
        self.kept = {}  # split: Kept

    def train(self):
        """Trains until every split is done."""
        running, ready = {}, self._ready(())
        with self._bar() as bar:
            while True:
                for trial in ready[: self.pool.free]:
                    folder = self._prepare(trial)
                    self.pool.start(folder)
                    running[folder] = trial
                if not running:
                    return
                for folder, error in self.pool.wait(_WAIT_S).items():
                    trial = running.pop(folder)
                    outcome = trial_folder.ended(folder, error)
                    self.outcomes[trial.name] = outcome
                    bar.write(_line(trial, outcome), file=sys.stderr)
                ready = self._ready(running.values())
                bar.total = self._trials_at_most()
                bar.update(len(self.outcomes) - bar.n)

    def _trials_at_most(self):
        """Trials that the whole search takes, by what is done."""
        each, _ = self.plan.at_most()
        made = [self.trials[name].split for name in self.outcomes]
        return sum(
            made.count(split)
            if self.plan.step(split, self.outcomes).done
            else max(each, made.count(split))
            for split in self.ground.splits
        )

    def _ready(self, running):
        """Returns the trials to start next, finished ones read from disk."""
        busy = {trial.name for trial in running}
        while True:
            ready, news = [], False
            for split in self.ground.splits:
                step = self.plan.step(split, self.outcomes)
                if step.done and step.kept:
                    self.kept[split] = step.kept
                for trial in step.ready:
                    self.trials[trial.name] = trial
                    if trial.name in busy:
                        continue
                    folder = self._folder(trial)
                    if self._is_stale(trial, folder):
                        self._remove(folder)
                    outcome = trial_folder.known(
                        folder, self.config.retry_failed
                    )
                    if outcome is None:
                        ready.append(trial)
                    else:
                        self.outcomes[trial.name], news = outcome, True
            if not news:
                return ready

    def _is_stale(self, trial, folder):
        """Whether what is there can't be taken or gone on with.

        It may have begun with another trial, one that failed before and is
        there now; or be half-finished, in a search that was moved since.
        """
        if not (folder / trial_folder.REQUEST).is_file():
            return False
        there, _ = trial_folder.read_request(folder)
        start = there.init_from and pathlib.Path(there.init_from)
        if (start and start.name, there.max_steps) != (
            trial.start, self._steps(trial)
        ):  # fmt: skip
            return True
        was_moved = start and start.parent != folder.parent
        outcome = trial_folder.read_outcome(folder)
        if outcome and outcome.error and self.config.retry_failed:
            outcome = None
        return bool(was_moved and outcome is None)

    def _remove(self, folder):
        """Removes a trial, and those that began with it."""
        for other in trial_folder.all_in(folder.parent):
            if not other.is_dir():
                continue  # Began with one that is removed by now.
            request, _ = trial_folder.read_request(other)
            if pathlib.Path(request.init_from or "").name == folder.name:
                self._remove(other)
        shutil.rmtree(folder)

    def _steps(self, trial):
        return trial.examples // self.config.base.batch_size

    def _folder(self, trial):
        return self.root / TRIALS / trial.name

    def _prepare(self, trial):
        """Writes what a trial is to do; returns its folder."""
        folder = self._folder(trial)
        base, batch = self.config.base, self.config.base.batch_size
        steps = self._steps(trial)
        per_epoch = self.ground.num_train // batch
        epochs = math.ceil(steps / per_epoch)
        start = trial.start and self.trials[trial.start]
        config = dataclasses.replace(
            base,
            workdir=str(folder),
            split=trial.split,
            unit=candidates.unit(base.unit, trial, trial.quality),
            init_from=start and str(self._folder(start)),
            init_partly=bool(start) and start.unit != trial.unit,
            epochs=epochs,
            max_steps=steps,
            first_epoch=trial.rung if start else 0,
            norm_batches=min(_NORM_BATCHES, per_epoch, steps),
            warmup_epochs=_WARMUP * steps / per_epoch,
            evaluate_every=0,
            measure_on="validation",
            tuned_rivals=(),
            data=ground_lib.searched_data(self.config),
        )
        qualities = self.config.qualities
        if self.config.exhaustive:
            qualities = (trial.quality,)
        trial_folder.write_request(folder, config, qualities)
        return folder

    def write_results(self):
        """Writes and returns `results.json`."""
        grid = self.plan.space
        results = {
            "format": FORMAT,
            "command": sys.argv,
            "max_accuracy_loss": self.config.max_accuracy_loss,
            "accuracy": self.ground.accuracy,
            "least_accuracy": self.plan.least_accuracy,
            "examples": sum(
                outcome.examples for outcome in self.outcomes.values()
            ),
            "norm_examples": sum(
                outcome.norm_examples for outcome in self.outcomes.values()
            ),
            "examples_exhaustive": grid.num_candidates * grid.examples,
            "candidates": {
                split: candidates.told(self.root, split, self.kept.get(split))
                for split in self.ground.splits
            },
            "trials": [
                {
                    **dataclasses.asdict(self.trials[name]),
                    "name": name,
                    **dataclasses.asdict(outcome),
                }
                for name, outcome in sorted(self.outcomes.items())
            ],
        }
        write_json(self.root / RESULTS, results)
        return json.loads(json.dumps(results))

    def _bar(self):
        return tqdm(
            desc="search",
            unit="trial",
            initial=len(self.outcomes),
            total=self._trials_at_most(),
            dynamic_ncols=True,
            smoothing=0.1,
        )


def _line(trial, outcome):
    """What a person is told when a trial has ended."""
    if outcome.error:
        return f"{trial.name} failed: {outcome.error}"
    points = ", ".join(
        f"{p.accuracy:.2f} % at {p.wire_bytes:.0f} B" for p in outcome.points
    )
    return f"{trial.name}: {points}"


def _describe(config, ground, plan):
    grid = plan.space
    _, at_most = plan.at_most()
    at_most *= len(ground.splits)
    full = grid.num_candidates * grid.examples
    print(
        f"{len(ground.splits)} split points, {len(grid.units)} units, "
        f"{len(grid.qualities)} qualities: {grid.num_candidates} candidates. "
        f"At most {at_most:,} training images; {full:,} with --exhaustive "
        f"({full / at_most:.0f} times as many).\n"
        f"The unsplit network reaches {ground.accuracy:.2f} %; "
        f"{plan.least_accuracy:.2f} % are acceptable "
        f"(--max_accuracy_loss={config.max_accuracy_loss:g}).",
        flush=True,
    )
