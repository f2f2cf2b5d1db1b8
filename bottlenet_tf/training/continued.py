"""The earlier run in a work directory: resumed, shown, or continued.

continued.json    the step at which a finished run was continued for more
                  epochs, from the model.keras next to it
"""

import dataclasses
import shutil

from bottlenet_tf.common.json_file import read_json, write_json
from bottlenet_tf.common.run_folders import (
    CONFIG_FILE,
    REPORT_FILE,
    load_report,
)
from bottlenet_tf.common.validation import check
from bottlenet_tf.config.run import TrainConfig, differing_flags
from bottlenet_tf.training import provenance
from bottlenet_tf.training.checkpoints import in_folder

FORMAT = "bottlenet_tf.continued.1"
_FILE, _CHECKPOINTS = "continued.json", "checkpoints"
# Fields that may differ when a run is resumed: they change no result.
_FREE_FIELDS = (
    "workdir", "allow_chance", "imports", "checkpoint_minutes",
    "keep_checkpoints", "tuned_rivals", "tuned_losses", "tuned_epochs",
    "tuned_learning_rate",
)  # fmt: skip


def earlier(workdir, config):
    """Returns the `TrainConfig` of the run in a work directory, or None."""
    path, is_finished = workdir / CONFIG_FILE, (workdir / REPORT_FILE).is_file()
    was_continued = (workdir / _FILE).is_file()
    if not path.is_file():
        return None
    try:
        before = TrainConfig.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:
        raise ValueError(
            "--workdir contains a run of another version, or a damaged "
            f"{CONFIG_FILE}: {error}. Use another folder. Received: "
            f"workdir={str(workdir)!r}"
        ) from error
    # A file may have moved: `provenance.check_resumed` compares contents.
    files = provenance.files_of(config).keys() & _known_files(workdir)
    free = {*_FREE_FIELDS, *files}
    if (is_finished or was_continued) and config.epochs > before.epochs:
        free.add("epochs")
    if not (is_finished or in_folder(workdir / _CHECKPOINTS)):
        free.add("skip_corrupt")  # The remedy for a corrupt image.
    differing = differing_flags(before, config, free)
    if differing:
        raise ValueError(
            "--workdir contains a run with other flags, and a run is resumed "
            "with its original flags; only --epochs of a finished one may be "
            f"raised. Use another folder. Received: workdir={str(workdir)!r}, "
            f"{'; '.join(differing)}"
        )
    return before


def is_finished(workdir, config, before):
    """Whether a work directory's run is finished, with these epochs.

    `before` is the result of `earlier`. Raises ValueError if more epochs need
    checkpoints that weren't kept.
    """
    if not (workdir / REPORT_FILE).is_file():
        return False
    if before is None or config.epochs <= before.epochs:
        return True
    steers = config.byte_budget is not None and config.unit.kind != "learned"
    check(
        bool(in_folder(workdir / _CHECKPOINTS))
        or not (steers or config.keep == "best" or config.early_stopping),
        "--epochs of a finished run with --keep=best, --early_stopping or a "
        "--byte_budget that is trained for can be raised if --keep_checkpoints "
        "was among its flags: checkpoints contain its best epoch and the "
        "steered rate. Otherwise start another one with --init_from and "
        "--first_epoch.",
        workdir=str(workdir),
        epochs=config.epochs,
    )
    return False


def start(workdir, config):
    """Returns the configuration to build the network from, and the first step.

    A finished run that is continued without checkpoints begins with the
    weights of model.keras, a new optimizer, and at its step of the longer
    schedule.
    """
    if (workdir / _FILE).is_file():
        remedy = "Remove the work directory to start over."
        step = read_json(workdir / _FILE, FORMAT, ("step",), remedy)["step"]
    elif not (workdir / REPORT_FILE).is_file():
        return config, 0
    elif in_folder(workdir / _CHECKPOINTS):
        return config, 0
    else:
        step = load_report(workdir)["training"]["steps"]
    if step:
        print(f"Continuing a finished run after step {step}.", flush=True)
    own = dataclasses.replace(config, init_from=str(workdir))
    return own, step


def begin(workdir, step):
    """Marks a finished run as continued from the step that `start` returned."""
    report = workdir / REPORT_FILE
    if report.is_file():
        write_json(workdir / _FILE, {"format": FORMAT, "step": step})
        report.unlink()


def clear(workdir):
    """Removes the files that only resuming needs."""
    for folder in (*workdir.glob(f"{_CHECKPOINTS}*"), workdir / "best"):
        shutil.rmtree(folder, ignore_errors=True)
    (workdir / _FILE).unlink(missing_ok=True)


def _known_files(workdir):
    """Returns the flags that named a file when the run began, if known."""
    try:
        return provenance.read(workdir).files.keys()
    except ValueError:
        return set()
