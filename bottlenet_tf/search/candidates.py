"""What a search keeps: for each split a run, measured on the test images.

Beside what a run leaves, its folder holds `candidate.json`: which trial it is
of, at which quality.
"""

import dataclasses
import shutil

from bottlenet_tf import json_file
from bottlenet_tf.run_folders import (
    REPORT_FILE,
    choosing_figures,
    load_report,
)
from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.ground import TRIALS
from bottlenet_tf.search.pools import run_all

CANDIDATES = "candidates"
_ORIGIN = "candidate.json"


def clear(root, splits, kept):
    """Removes what was kept of splits where nothing is acceptable now.

    Args:
        root: `pathlib.Path` of the search.
        splits: Names of all that were searched.
        kept: `{split: Kept}`.
    """
    for split in splits:
        if split not in kept:
            shutil.rmtree(root / CANDIDATES / split, ignore_errors=True)


def measure(config, root, kept, pool):
    """Makes a run of each kept candidate that isn't there yet.

    Args:
        config: `SearchConfig`.
        root: `pathlib.Path` of the search.
        kept: `{split: Kept}`.
        pool: Runs what has to be measured, as `LocalPool` does.

    Raises:
        ValueError: for a damaged file of a candidate.
    """
    waiting = []
    for split, candidate in kept.items():
        folder = root / CANDIDATES / split
        if _is_there(folder, candidate, config.retry_failed):
            continue
        _prepare(config, root, candidate, folder)
        waiting.append(folder)
    run_all(waiting, pool, "candidates")


def told(root, split, kept):
    """Returns what `results.json` tells of a split.

    `searched` is on the search's validation images. The run that is kept loses
    `validation_drop` points on all of them, by which a split is chosen; on the
    test images it reaches `measured` and loses `measured_drop`. None if that
    failed.

    Args:
        root: `pathlib.Path` of the search.
        split: Its name.
        kept: `Kept`, or None.

    Returns:
        A dictionary; None if nothing was acceptable.
    """
    if kept is None:
        return None
    trial = kept.trial
    folder = root / CANDIDATES / split
    outcome = trial_folder.read_outcome(folder)
    measured = [
        _reached(point)
        for point in (outcome.points if outcome else ())
        if point.quality == kept.point.quality
    ]
    drop = validation_drop = None
    if (folder / REPORT_FILE).is_file():
        report = load_report(folder)
        drop = report["accuracy_drop"]
        validation_drop = choosing_figures(report)["accuracy_drop"]
    return {
        "channels": trial.channels,
        "stride": trial.stride,
        "quality": kept.point.quality,
        "searched": _reached(kept.point),
        "measured": measured[0] if measured else None,
        "measured_drop": drop,
        "validation_drop": validation_drop,
        "trial": trial.name,
        "workdir": f"{CANDIDATES}/{split}",
    }


def unit(base, trial, quality):
    """Returns the `UnitConfig` of a trial at a quality."""
    return dataclasses.replace(
        base, channels=trial.channels, stride=trial.stride, quality=quality
    )


def _is_there(folder, kept, retry_failed):
    """Whether a folder holds what is kept; removes anything else."""
    origin = folder / _ORIGIN
    if origin.is_file() and json_file.load(origin) == _origin(kept):
        if trial_folder.known(folder, retry_failed) is not None:
            return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _prepare(config, root, kept, folder):
    """Writes a request that measures and trains nothing."""
    trained = root / TRIALS / kept.trial.name
    of_trial, _ = trial_folder.read_request(trained)
    request = dataclasses.replace(
        of_trial,
        workdir=str(folder),
        unit=unit(of_trial.unit, kept.trial, kept.point.quality),
        init_from=str(trained),
        init_partly=False,
        epochs=0,
        max_steps=None,
        norm_batches=0,
        measure_on="test",
        tuned_rivals=config.base.tuned_rivals,
        data=config.base.data,
    )
    trial_folder.write_request(folder, request, (kept.point.quality,))
    json_file.write_json(folder / _ORIGIN, _origin(kept))


def _origin(kept):
    return {"trial": kept.trial.name, "quality": kept.point.quality}


def _reached(point):
    return {"wire_bytes": point.wire_bytes, "accuracy": point.accuracy}
