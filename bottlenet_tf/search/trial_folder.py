"""A run of a search on disk: its request, and its outcome.

trial.json      the request: a `TrainConfig`, written before it starts
report.json     the run's report, once it is finished
failure.json    why it failed, instead
log.txt         its output
"""

import dataclasses
import json
import pathlib

from bottlenet_tf.common.json_file import read_json, write_json
from bottlenet_tf.common.run_folders import (
    REPORT_FILE,
    choosing_figures,
    load_report,
)
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.search.planning import Outcome

FORMAT = "bottlenet_tf.trial.3"
REQUEST, FAILURE, LOG = "trial.json", "failure.json", "log.txt"
_REMEDY = "Remove its folder to repeat the trial."


def write_request(folder, config):
    """Writes the `TrainConfig` of a run to its folder, which is created."""
    write_json(
        pathlib.Path(folder) / REQUEST,
        {"format": FORMAT, "config": dataclasses.asdict(config)},
    )


def read_request(folder):
    """Returns the `TrainConfig` requested in a folder."""
    path = pathlib.Path(folder) / REQUEST
    value = read_json(path, FORMAT, ("config",), _REMEDY)
    try:
        return TrainConfig.from_json(json.dumps(value["config"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error} {_REMEDY}") from error


def read_outcome(folder):
    """Returns a run's `Outcome`; None if it is neither finished nor failed."""
    folder = pathlib.Path(folder)
    if (folder / FAILURE).is_file():
        value = read_json(folder / FAILURE, FORMAT, ("error",), _REMEDY)
        return Outcome(error=value["error"])
    if not (folder / REPORT_FILE).is_file():
        return None
    try:
        report = load_report(folder)
    except ValueError as error:
        raise ValueError(f"{error} {_REMEDY}") from error
    figures, spent = choosing_figures(report), report["training"]
    return Outcome(
        figures["wire_bytes_mean"],
        figures["accuracy"],
        spent["examples"],
        spent.get("norm_examples", 0),
    )


def known(folder, retry_failed):
    """Returns a run's `Outcome`; None if it isn't made yet.

    `retry_failed` discards a failure.
    """
    failure = pathlib.Path(folder) / FAILURE
    if retry_failed:
        failure.unlink(missing_ok=True)
    return read_outcome(folder)


def ended(folder, error):
    """Returns the `Outcome` of an ended run; records a failure.

    `error` is the reason of a failure, or None.
    """
    outcome = None if error else read_outcome(folder)
    if outcome is not None:
        return outcome
    error = error or "ended without a report"
    write_json(
        pathlib.Path(folder) / FAILURE, {"format": FORMAT, "error": error}
    )
    return Outcome(error=error)
