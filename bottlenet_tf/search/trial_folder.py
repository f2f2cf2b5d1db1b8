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
from bottlenet_tf.json_file import write_json
from bottlenet_tf.search.trials import Outcome, Point

FORMAT = "bottlenet_tf.trial.1"
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
        FileNotFoundError, ValueError: see `read_outcome`.
    """
    path = pathlib.Path(folder) / REQUEST
    value = _read(path)
    config = TrainConfig.from_json(json.dumps(_field(path, value, "config")))
    return config, tuple(_field(path, value, "qualities"))


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
    path = folder / OUTCOME
    if path.is_file():
        value = _read(path)
        points = _field(path, value, "points")
        try:
            points = tuple(
                Point(int(p["quality"]), float(p["wire_bytes"]),
                      float(p["accuracy"]))
                for p in points
            )  # fmt: skip
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(
                f"{path}: points must hold quality, wire_bytes and accuracy. "
                f"Remove the folder to repeat the trial. Received: {points!r}"
            ) from error
        return Outcome(points, int(_field(path, value, "examples")))
    path = folder / FAILURE
    if path.is_file():
        return Outcome(error=_field(path, _read(path), "error"))
    return None


def _read(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. Remove its folder to repeat the "
            "trial."
        ) from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        received = value.get("format") if isinstance(value, dict) else value
        raise ValueError(
            f"{path} must be of this version, or the trial can't be gone on "
            f"with: format={FORMAT!r}. Received: format={received!r}"
        )
    return value


def _field(path, value, name):
    if name not in value:
        raise ValueError(
            f"{path} lacks {name}. Remove its folder to repeat the trial. "
            f"Received: fields={sorted(value)}"
        )
    return value[name]
