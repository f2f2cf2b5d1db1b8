"""The work directories of finished runs, each under its own name."""

import os
import pathlib
import re

from bottlenet_tf.common import formats, json_file

CONFIG_FILE, MODEL_FILE, REPORT_FILE, PROVENANCE_FILE = (
    "config.json",
    "model.keras",
    "report.json",
    "provenance.json",
)
# The unsplit network that the run was given, if that came trained.
UNTOUCHED_FILE = "untouched.keras"
_REQUIRED = (
    "mode", "backbone", "dataset", "dataset_fingerprint", "measured_on",
    "num_images", "accuracy", "baseline_accuracy", "cloud_only", "label_only",
    "flags", "validation", "untouched_sha256",
)  # fmt: skip
# Where a search has its runs, and one over curves.
CANDIDATES, CURVES = "candidates", "curves"
# Names in a deployment of several runs besides the runs' folders.
_TAKEN = ("edge", "cloud", "manifest.json", "README.md")


def find_runs(workdirs, flag="workdir"):
    """Returns the `pathlib.Path`s of finished split networks.

    Args:
        workdirs: Work directories, or folders that contain them, which are
            taken in the order of their names: a sweep, or a search, of which
            `candidates` are taken, or without them `curves`.
    """
    runs = []
    for workdir in map(pathlib.Path, workdirs):
        inner = [workdir] if _is_run(workdir) else _runs_in(workdir)
        inner = inner or _runs_in(workdir / CANDIDATES)
        inner = inner or _runs_in(workdir / CURVES)
        if not inner:
            raise ValueError(
                f"--{flag} must be the work directory of a finished run, or a "
                "folder of them: with model.keras, config.json and "
                f"report.json. Received: {flag}={str(workdir)!r}"
            )
        runs += inner
    _check_names(runs)
    return runs


def check_run(workdir):
    """Raises ValueError unless a folder is one finished run's."""
    if not _is_run(pathlib.Path(workdir)):
        raise ValueError(
            "RUN must be the work directory of one finished run, with "
            f"{MODEL_FILE}, {CONFIG_FILE} and {REPORT_FILE}. "
            f"Received: RUN={str(workdir)!r}"
        )


def model_name(workdir):
    """Returns a work directory's name as a file and model name."""
    name = os.path.basename(os.path.abspath(workdir))
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)


def load_report(path):
    """Returns the report in a file, or in a run's work directory."""
    path = pathlib.Path(path)
    file = path / REPORT_FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"A report is a {REPORT_FILE} or the work directory of a finished "
            f"run; there is none here. Received: path={str(path)!r}"
        )
    remedy = "Removed, it is written anew by the command that wrote it."
    report = json_file.load(file, remedy)
    found = report.get("format") if isinstance(report, dict) else None
    missing = [key for key in _REQUIRED if found and key not in report]
    if found != formats.REPORT or missing:
        raise ValueError(
            f"A report must say format={formats.REPORT!r} and contain "
            f"{', '.join(_REQUIRED)}; this file is foreign or of another "
            f"version. Received: path={str(file)!r}, format={found!r}, "
            f"missing={missing}"
        )
    return report


def choosing_figures(report):
    """Returns the figures of a report on validation images, to choose by."""
    if report["measured_on"] == "validation":
        return report
    if report["validation"] is None:
        workdir = report["flags"].get("workdir")
        raise ValueError(
            "Choices are made by figures on validation images, never on test "
            "images; this run has none. Train it with a "
            "--validation_fraction above 0. "
            f"Received: workdir={workdir!r}"
        )
    return report["validation"]


def _check_names(runs):
    names = list(map(model_name, runs))
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
        for name in (MODEL_FILE, CONFIG_FILE, REPORT_FILE)
    )


def _runs_in(folder):
    if not folder.is_dir():
        return []
    return [
        inner
        for inner in sorted(folder.iterdir())
        if _is_run(inner) and load_report(inner)["split"] is not None
    ]
