"""A search over curves: measures every split's, trains those that can win.

search.json        the search's flags, and the unsplit network's accuracy
curves/SPLIT/      the closed form of each split as a run, measured on
                   validation images: its curve
candidates/SPLIT/  the unit of a split that can win, trained from there; a
                   run measured on all test images, too
results.json       curves, units trained for each link, and costs

Runs are the only state: a search is resumed from them, also for other links,
machines or accuracies.
"""

import dataclasses
import math
import pathlib
import sys
import time

from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.run_folders import (
    CANDIDATES,
    CURVES,
    REPORT_FILE,
    choosing_figures,
    load_report,
)
from bottlenet_tf.common.validation import check
from bottlenet_tf.search import baseline as baseline_lib
from bottlenet_tf.search import bounds, starts, trial_folder
from bottlenet_tf.search.config import CurveConfig, SearchConfig
from bottlenet_tf.search.pools import make_pool, run_all
from bottlenet_tf.search.runner import RESULTS

FORMAT = "bottlenet_tf.curve_search.1"


def find_curves(config, pool=None):
    """Measures the curve of every split, or resumes; returns `Curves`."""
    root = pathlib.Path(config.base.workdir).absolute()
    baseline = baseline_lib.find(config, root)
    unknown = [
        split
        for split in baseline.splits
        if not (root / CURVES / split / REPORT_FILE).is_file()
    ]
    begun_s = time.monotonic()
    starts.make(config, root, unknown)
    formed_s = time.monotonic()
    for_curves = dataclasses.replace(
        config.base,
        epochs=0,
        max_steps=None,
        warmup_epochs=0.0,
        evaluate_every=0,
        measure_on="validation",
        tuned_rivals=(),
        feature_cache_gb=0.0,
        data=baseline_lib.searched_data(config),
    )
    wanted = {
        split: dataclasses.replace(
            for_curves,
            split=split,
            workdir=str(root / CURVES / split),
            init_from=str(root / starts.STARTS / split),
        )
        for split in baseline.splits
    }
    failed = _make(wanted, config, pool, "curves")
    if unknown:
        made_s, measured_s = formed_s - begun_s, time.monotonic() - formed_s
        print(
            f"{len(unknown)} units in closed form took {made_s:.0f} s, "
            f"measuring their curves {measured_s:.0f} s.",
            flush=True,
        )
    reports = {
        split: load_report(each.workdir)
        for split, each in wanted.items()
        if split not in failed
    }
    starts.clear(root, reports)
    check(bool(reports), "No curve could be measured.", failed=failed)
    return Curves(config, root, baseline, reports)


@dataclasses.dataclass(frozen=True)
class Curves:
    """The curve of every split before training."""

    config: CurveConfig
    root: pathlib.Path
    baseline: baseline_lib.Baseline
    reports: dict  # {split: report} on validation images.

    @property
    def points(self):
        """`{split: [(wire bytes, accuracy)]}`, see `points`."""
        return {s: self._points(report) for s, report in self.reports.items()}

    @property
    def trained_points(self):
        """The same of the trained units."""
        return {s: self._points(each) for s, each in self.trained().items()}

    @property
    def least_accuracy(self):
        """The least acceptable accuracy, in percent."""
        return self.baseline.accuracy - self.config.max_accuracy_loss

    @property
    def spent(self):
        """Training images that were read, beside those of the paper's grid.

        `statistics_images` are those of the closed forms, the same ones for all
        splits; `examples` were seen in trainings. `grid_examples` is one epoch
        for every unit of the grid that a search with --unit=bottlenet has by
        default, at each split.
        """
        base, num_train = self.config.base, self.baseline.num_train
        reports = (*self.trained().values(), *self.reports.values())
        sizes = SearchConfig.channels, SearchConfig.strides
        grid = math.prod(map(len, (*sizes, SearchConfig.qualities)))
        return {
            "statistics_images": min(base.unit.statistics_images, num_train),
            "examples": sum(each["training"]["examples"] for each in reports),
            "grid_examples": grid * len(self.baseline.splits) * num_train,
        }

    def train(self, prices, pool=None):
        """Trains the units that can win, and no other.

        For each link the split of least cost by its optimistic curve is
        trained, until none could beat the best known one (`bounds`).
        """
        curves, asked, failed = self.points, [], {}
        while True:
            trained, wanted = self.trained_points, {}
            for price in prices:
                if self.config.max_trained and (
                    len(trained.keys() | wanted.keys())
                    >= self.config.max_trained
                ):
                    break
                left = {s: c for s, c in curves.items() if s not in failed}
                split = bounds.next_split(
                    price, left, trained, self.least_accuracy,
                    self.config.optimism,
                )  # fmt: skip
                if split is not None:
                    wanted[split] = self._candidate(split)
                    asked.append({"link": price.link, "split": split})
            if not wanted:
                return self._write(prices, asked)
            failed |= _make(wanted, self.config, pool, "training")

    def trained(self):
        """Returns `{split: report}` of the trained units."""
        folders = {s: self.root / CANDIDATES / s for s in self.baseline.splits}
        return {
            split: load_report(folder)
            for split, folder in folders.items()
            if (folder / REPORT_FILE).is_file()
        }

    def _candidate(self, split):
        return dataclasses.replace(
            self.config.base,
            split=split,
            workdir=str(self.root / CANDIDATES / split),
            init_from=str(self.root / CURVES / split),
        )

    def _points(self, report):
        return points(report, self.baseline.accuracy)

    def _write(self, prices, asked):
        least, trained = self.least_accuracy, self.trained_points
        results = {
            "format": FORMAT,
            "command": sys.argv,
            "accuracy": self.baseline.accuracy,
            "least_accuracy": least,
            "optimism": self.config.optimism,
            **self.spent,
            "curves": self.points,
            "trained": trained,
            "asked": asked,
            "links": {
                price.link: {
                    "rival": _known(price.rival),
                    "best": _known(bounds.best_known(price, trained, least)),
                }
                for price in prices
            },
        }
        write_json(self.root / RESULTS, results)
        return results


def points(report, unsplit):
    """Returns a report's `(wire bytes, accuracy)` on validation images.

    Trained units are measured on all of these, curves on the search's share
    of them. So the accuracy is the unsplit network's, `unsplit`, less the loss
    on the same images.
    """
    figures = choosing_figures(report)
    return [
        (p["wire_bytes_mean"], unsplit - p["accuracy_drop"])
        for p in figures["points"]
    ]


def _known(cost):
    return cost if math.isfinite(cost) else None


def _make(wanted, config, pool, name):
    """Makes the missing runs of `{split: TrainConfig}`.

    Returns `{split: why}` of failures, which the next search tries again.
    """
    waiting = {}
    for split, each in wanted.items():
        folder = pathlib.Path(each.workdir)
        if trial_folder.known(folder, retry_failed=True) is None:
            trial_folder.write_request(folder, each)
            waiting[folder] = split
    if not waiting:
        return {}
    if pool is not None:
        failed = run_all(waiting, pool, name)
    else:
        with make_pool(config) as pool:
            failed = run_all(waiting, pool, name)
    return {waiting[folder]: why for folder, why in failed.items()}
