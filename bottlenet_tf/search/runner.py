"""The search over a grid of units through JPEG, as in BottleNet.

search.json        the search's flags, and the unsplit network's accuracy
trials/NAME/       one for each trial, a run on validation images
candidates/SPLIT/  the kept one of each split, a run measured on all test
                   images; export.py takes the folder
results.json       candidates, all trials, and their number of training images

Resumed with another accepted loss, it trains only the missing trials.
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import sys

from tqdm import tqdm

from bottlenet_tf.common import in_use
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.search import baseline as baseline_lib
from bottlenet_tf.search import candidates, trial_folder
from bottlenet_tf.search.baseline import FORMAT, TRIALS
from bottlenet_tf.search.pools import make_pool

RESULTS = "results.json"


def run(config, pool=None):
    """Searches, or resumes a search.

    Trials are processes of `multiprocessing`: a script that calls this needs
    `if __name__ == "__main__":` around it.
    """
    if config.base.tuned_rivals:
        from bottlenet_tf.evaluation import usable_codec

        for codec in config.base.tuned_rivals:
            usable_codec(codec)  # Before the trials, not after them.
    root = pathlib.Path(config.base.workdir).absolute()
    with in_use.alone(root):
        baseline = baseline_lib.find(config, root)
        search = _Search(config, root, baseline)
        search.describe()
        with pool or make_pool(config) as pool:
            search.train(pool)
            # results.json is stale until the candidates are measured.
            (root / RESULTS).unlink(missing_ok=True)
            candidates.measure(config, root, search.kept(), pool)
        return search.write_results()


class _Search:
    """The state of a search in memory; everything is on disk, too."""

    def __init__(self, config, root, baseline):
        self.config, self.root, self.baseline = config, root, baseline
        self.grid = config.grid(baseline.accuracy)
        self.trials = {}  # name: Trial
        self.outcomes = {}  # name: Outcome

    def train(self, pool):
        """Makes trials until every split is done."""
        running = {}  # future: Trial
        with self._bar() as bar:
            while True:
                self._advance(pool, running)
                bar.total = self._at_most()
                bar.update(len(self.outcomes) - bar.n)
                if not running:
                    return
                ended, _ = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in ended:
                    trial = running.pop(future)
                    outcome = trial_folder.ended(
                        self._folder(trial), future.result()
                    )
                    self.outcomes[trial.name] = outcome
                    bar.write(_line(trial, outcome), file=sys.stderr)

    def kept(self):
        """Returns `{split: Trial}`, None where nothing is acceptable."""
        return {
            split: self.grid.kept(split, self.outcomes)
            for split in self.baseline.splits
        }

    def _advance(self, pool, running):
        """Reads finished trials, and starts all that can start."""
        busy, news = {trial.name for trial in running.values()}, True
        while news:
            news = False
            for split in self.baseline.splits:
                for trial in self.grid.ready(split, self.outcomes):
                    if trial.name in busy:
                        continue
                    self.trials[trial.name] = trial
                    folder = self._folder(trial)
                    outcome = trial_folder.known(
                        folder, self.config.retry_failed
                    )
                    if outcome:
                        self.outcomes[trial.name], news = outcome, True
                        continue
                    trial_folder.write_request(folder, self._request(trial))
                    running[pool.submit(folder)] = trial
                    busy.add(trial.name)

    def _at_most(self):
        """Most trials of the complete search, given the finished ones."""
        made = [self.trials[name].split for name in self.outcomes]
        return sum(
            max(self.grid.at_most, made.count(split))
            if self.grid.ready(split, self.outcomes)
            else made.count(split)
            for split in self.baseline.splits
        )

    def _folder(self, trial):
        return self.root / TRIALS / trial.name

    def _request(self, trial):
        base = self.config.base
        return dataclasses.replace(
            base,
            workdir=str(self._folder(trial)),
            split=trial.split,
            unit=dataclasses.replace(
                base.unit,
                channels=trial.channels,
                stride=trial.stride,
                quality=trial.quality,
            ),
            evaluate_every=0,
            measure_on="validation",
            tuned_rivals=(),
            data=baseline_lib.searched_data(self.config),
        )

    def describe(self):
        """Prints the size of the search."""
        grid, splits = self.grid, len(self.baseline.splits)
        print(
            f"{splits} split points, {len(grid.units)} units, "
            f"{len(grid.qualities)} qualities: {splits * grid.num_candidates} "
            f"candidates, of which at most {splits * grid.at_most} are "
            "trained.\n"
            f"The unsplit network reaches {self.baseline.accuracy:.2f} %; "
            f"{grid.least_accuracy:.2f} % are acceptable "
            f"(--max_accuracy_loss={self.config.max_accuracy_loss:g}).",
            flush=True,
        )

    def write_results(self):
        """Writes and returns `results.json`."""
        outcomes = self.outcomes
        each = max((o.examples for o in outcomes.values()), default=0)
        results = {
            "format": FORMAT,
            "command": sys.argv,
            "max_accuracy_loss": self.config.max_accuracy_loss,
            "accuracy": self.baseline.accuracy,
            "least_accuracy": self.grid.least_accuracy,
            "examples": sum(o.examples for o in outcomes.values()),
            "norm_examples": sum(o.norm_examples for o in outcomes.values()),
            "examples_exhaustive": each
            * self.grid.num_candidates
            * len(self.baseline.splits),
            "candidates": {
                split: candidates.described(
                    self.root, split, trial, trial and outcomes[trial.name]
                )
                for split, trial in self.kept().items()
            },
            "trials": [
                _trial_values(self.trials[name], outcome)
                for name, outcome in sorted(outcomes.items())
            ],
        }
        write_json(self.root / RESULTS, results)
        return json.loads(json.dumps(results))

    def _bar(self):
        return tqdm(
            desc="search",
            unit="trial",
            total=self._at_most(),
            dynamic_ncols=True,
            smoothing=0.1,
        )


def _trial_values(trial, outcome):
    """Returns a trial's entry in `results.json`."""
    values = dataclasses.asdict(outcome)
    point = {
        "quality": trial.quality,
        "wire_bytes": values.pop("wire_bytes"),
        "accuracy": values.pop("accuracy"),
    }
    return {
        **dataclasses.asdict(trial),
        "name": trial.name,
        "points": [] if outcome.error else [point],
        **values,
    }


def _line(trial, outcome):
    """Returns the console's line for a finished trial."""
    if outcome.error:
        return f"{trial.name} failed: {outcome.error}"
    size, accuracy = outcome.wire_bytes, outcome.accuracy
    return f"{trial.name}: {accuracy:.2f} % at {size:.0f} B"
