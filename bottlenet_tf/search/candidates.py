"""The candidates: each split's kept unit, measured on the test images."""

import dataclasses
import pathlib
import shutil

from bottlenet_tf.common.run_folders import (
    CANDIDATES,
    REPORT_FILE,
    choosing_figures,
    load_report,
)
from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.baseline import TRIALS
from bottlenet_tf.search.pools import run_all


def measure(config, root, kept, pool):
    """Makes the missing runs of kept trials, `{split: Trial or None}`."""
    waiting = []
    for split, trial in kept.items():
        folder = root / CANDIDATES / split
        if trial is None:
            shutil.rmtree(folder, ignore_errors=True)
        elif not _is_there(folder, trial, config.retry_failed):
            trial_folder.write_request(
                folder, _request(config, root, trial, folder)
            )
            waiting.append(folder)
    if waiting:
        run_all(waiting, pool, "candidates")


def described(root, split, trial, outcome):
    """Returns a split's entry in `results.json`; None without a kept trial.

    `searched` is on the search's validation images. The candidate's run loses
    `validation_drop` points on all of them, which choose the split; on the test
    images it reaches `measured` and loses `measured_drop`, None if it failed.
    """
    if trial is None:
        return None
    folder = root / CANDIDATES / split
    measured = drop = validation_drop = None
    if (folder / REPORT_FILE).is_file():
        report = load_report(folder)
        measured = _reached(report["wire_bytes_mean"], report["accuracy"])
        drop = report["accuracy_drop"]
        validation_drop = choosing_figures(report)["accuracy_drop"]
    return {
        "channels": trial.channels,
        "stride": trial.stride,
        "quality": trial.quality,
        "searched": _reached(outcome.wire_bytes, outcome.accuracy),
        "measured": measured,
        "measured_drop": drop,
        "validation_drop": validation_drop,
        "trial": trial.name,
        "workdir": f"{CANDIDATES}/{split}",
    }


def _is_there(folder, trial, retry_failed):
    """Whether a folder holds the run of a kept trial; removes any other."""
    if (folder / trial_folder.REQUEST).is_file():
        origin = trial_folder.read_request(folder).init_from
        if pathlib.Path(origin).name == trial.name:
            if trial_folder.known(folder, retry_failed) is not None:
                return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _request(config, root, trial, folder):
    """Returns the `TrainConfig` that measures a trial and trains nothing."""
    trained = root / TRIALS / trial.name
    return dataclasses.replace(
        trial_folder.read_request(trained),
        workdir=str(folder),
        init_from=str(trained),
        epochs=0,
        max_steps=None,
        warmup_epochs=0.0,
        norm_batches=0,
        measure_on="test",
        tuned_rivals=config.base.tuned_rivals,
        data=config.base.data,
    )


def _reached(wire_bytes, accuracy):
    return {"wire_bytes": wire_bytes, "accuracy": accuracy}
