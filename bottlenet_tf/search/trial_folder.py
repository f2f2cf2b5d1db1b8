"""A trial on disk: what is asked for, and what came of it.

    trial.json      what to train; written before the trial starts
    outcome.json    what it reached; its presence means the trial is finished
    failure.json    why it failed, instead
    log.txt         what it printed

Beside them lies all that a run leaves, its own report.json first of all.
"""

import dataclasses
import itertools
import json
import math
import pathlib

from bottlenet_tf.config import TrainConfig
from bottlenet_tf.json_file import read_json, write_json
from bottlenet_tf.search.trials import Outcome, Point

FORMAT = "bottlenet_tf.trial.2"
_COUNTS = ("examples", "norm_examples")
_REMEDY = "Remove its folder to repeat the trial."
REQUEST, OUTCOME, FAILURE, LOG = (
    "trial.json",
    "outcome.json",
    "failure.json",
    "log.txt",
)


def write_request(folder, config, qualities):
    """Writes what a trial is to do.

    Args:
        folder: The trial's folder; created.
        config: `TrainConfig`; its workdir is the folder.
        qualities: What to measure at.
    """
    write_json(
        pathlib.Path(folder) / REQUEST,
        {
            "format": FORMAT,
            "config": dataclasses.asdict(config),
            "qualities": list(qualities),
        },
    )


def read_request(folder):
    """Returns `(config, qualities)` of a trial.

    Raises:
        OSError, ValueError: see `read_outcome`.
    """
    value = _read(folder, REQUEST, ("config", "qualities"))
    try:
        config = TrainConfig.from_json(json.dumps(value["config"]))
        return config, tuple(value["qualities"])
    except (TypeError, ValueError) as error:
        path = pathlib.Path(folder) / REQUEST
        raise ValueError(f"{path}: {error} {_REMEDY}") from error


def all_in(root):
    """Returns the folders of a directory that hold a request."""
    return [path.parent for path in pathlib.Path(root).glob(f"*/{REQUEST}")]


def write_outcome(folder, points, spent):
    """Writes what a trial reached; it is finished with that.

    Args:
        folder: The trial's folder.
        points: List of `Point`.
        spent: What training took, as a report has it.
    """
    write_json(
        pathlib.Path(folder) / OUTCOME,
        {
            "format": FORMAT,
            "points": [dataclasses.asdict(point) for point in points],
            "examples": spent["examples"],
            "norm_examples": spent.get("norm_examples", 0),
            "seconds": spent["seconds"],
        },
    )


def write_failure(folder, error):
    """Writes why a trial failed."""
    write_json(
        pathlib.Path(folder) / FAILURE, {"format": FORMAT, "error": error}
    )


def read_outcome(folder):
    """Returns a trial's `Outcome`; None if it is neither finished nor failed.

    Raises:
        ValueError: for a damaged file or one of another version; it names
            the file and the field.
    """
    folder = pathlib.Path(folder)
    if (folder / OUTCOME).is_file():
        fields = ("points", *_COUNTS)
        value = _read(folder, OUTCOME, fields)
        points = _points(folder, value["points"])
        return Outcome(points, *_counts(folder, value))
    if (folder / FAILURE).is_file():
        return Outcome(error=_read(folder, FAILURE, ("error",))["error"])
    return None


def known(folder, retry_failed):
    """Returns a trial's `Outcome`; None if it is to be made, or made again.

    Args:
        folder: The trial's folder.
        retry_failed: Whether to forget a failure.

    Raises:
        ValueError: see `read_outcome`.
    """
    outcome = read_outcome(folder)
    if outcome and outcome.error and retry_failed:
        (pathlib.Path(folder) / FAILURE).unlink()
        return None
    return outcome


def ended(folder, error):
    """Returns the `Outcome` of a process that ended; notes a failure.

    Args:
        folder: The trial's folder.
        error: Why it failed; None if it didn't.

    Raises:
        ValueError: see `read_outcome`.
    """
    outcome = None if error else read_outcome(folder)
    if outcome is None:
        error = error or "ended without an outcome"
        write_failure(folder, error)
        outcome = Outcome(error=error)
    return outcome


def _points(folder, points):
    try:
        found = tuple(
            Point(
                int(point["quality"]),
                float(point["wire_bytes"]),
                float(point["accuracy"]),
            )
            for point in points
        )
        figures = [(p.wire_bytes, p.accuracy) for p in found]
        if not all(map(math.isfinite, itertools.chain(*figures))):
            raise ValueError("a figure is not finite")
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{folder / OUTCOME}: points must hold quality, wire_bytes and "
            f"accuracy. {_REMEDY} Received: {points!r}"
        ) from error
    return found


def _counts(folder, value):
    counts = [value[name] for name in _COUNTS]
    if not all(isinstance(n, int) and n >= 0 for n in counts):
        raise ValueError(
            f"{folder / OUTCOME}: {' and '.join(_COUNTS)} must be whole "
            f"numbers. {_REMEDY} Received: {counts!r}"
        )
    return counts


def _read(folder, name, fields):
    return read_json(pathlib.Path(folder) / name, FORMAT, fields, _REMEDY)
