"""A trial on disk: what is asked for, and what came of it.

    trial.json      what to train; written before the trial starts
    outcome.json    what it reached; its presence means the trial is finished
    failure.json    why it failed, instead
    log.txt         what it printed

Beside them lies all that a run leaves, its own report.json first of all.
"""

import dataclasses
import json
import pathlib

from bottlenet_tf.config import TrainConfig
from bottlenet_tf.json_file import read_json, write_json
from bottlenet_tf.search.trials import Outcome, Point

FORMAT = "bottlenet_tf.trial.1"
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
    config = TrainConfig.from_json(json.dumps(value["config"]))
    return config, tuple(value["qualities"])


def write_outcome(folder, points, examples, seconds):
    """Writes what a trial reached; it is finished with that."""
    write_json(
        pathlib.Path(folder) / OUTCOME,
        {
            "format": FORMAT,
            "points": [dataclasses.asdict(point) for point in points],
            "examples": examples,
            "seconds": seconds,
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
        value = _read(folder, OUTCOME, ("points", "examples"))
        return Outcome(_points(folder, value["points"]), value["examples"])
    if (folder / FAILURE).is_file():
        return Outcome(error=_read(folder, FAILURE, ("error",))["error"])
    return None


def _points(folder, points):
    try:
        return tuple(
            Point(
                int(point["quality"]),
                float(point["wire_bytes"]),
                float(point["accuracy"]),
            )
            for point in points
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{folder / OUTCOME}: points must hold quality, wire_bytes and "
            f"accuracy. {_REMEDY} Received: {points!r}"
        ) from error


def _read(folder, name, fields):
    return read_json(pathlib.Path(folder) / name, FORMAT, fields, _REMEDY)
