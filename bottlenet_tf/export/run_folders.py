"""The work directories to export, each under a name of its own."""

import os
import pathlib
import re

from bottlenet_tf import evaluation
from bottlenet_tf.training.network import MODEL_FILE
from bottlenet_tf.training.runner import CONFIG_FILE

# What a deployment of several runs has beside the runs' own folders.
_TAKEN = ("edge", "cloud", "manifest.json", "README.md")


def find_runs(workdirs):
    """Returns the work directories of finished split networks.

    Args:
        workdirs: Work directories, or folders that hold some (a sweep).

    Returns:
        List of `pathlib.Path`, sweeps in the order of their names.

    Raises:
        ValueError: if one is no finished run and holds none, or its name
            can't be that of a served model.
    """
    runs = []
    for workdir in map(pathlib.Path, workdirs):
        inner = [workdir] if _is_run(workdir) else _runs_in(workdir)
        if not inner:
            raise ValueError(
                "--workdir must be the work directory of a finished run, or "
                "a folder of such: with model.keras, config.json and "
                f"report.json. Received: workdir={str(workdir)!r}"
            )
        runs += inner
    _check_names(runs)
    return runs


def model_name(workdir):
    """Returns a work directory's name as a file and model name."""
    name = os.path.basename(os.path.abspath(workdir))
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)


def _check_names(runs):
    names = [model_name(run) for run in runs]
    for run, name in zip(runs, names):
        if name in ("", ".", "..") or (len(runs) > 1 and name in _TAKEN):
            raise ValueError(
                "A run's folder name becomes the name of its model and, "
                "among several runs, of its folder in the deployment, which "
                f"has other uses for {', '.join(_TAKEN)}; rename the run's "
                "folder. "
                f"Received: workdir={str(run)!r}, name={name!r}"
            )
    same = [
        f"{str(run)!r} -> {name!r}"
        for run, name in zip(runs, names)
        if names.count(name) > 1
    ]
    if same:
        raise ValueError(
            "Exported runs must have different folder names, which become "
            "the names of the served models; characters other than letters, "
            "digits, '_', '.' and '-' become '_' there. Rename folders, or "
            f"export them one by one. Received: {', '.join(same)}"
        )


def _is_run(folder):
    return all(
        (folder / name).is_file()
        for name in (MODEL_FILE, CONFIG_FILE, "report.json")
    )


def _runs_in(folder):
    if not folder.is_dir():
        return []
    return [
        inner
        for inner in sorted(folder.iterdir())
        if _is_run(inner)
        and evaluation.load_report(inner)["mode"] != "baseline"
    ]
