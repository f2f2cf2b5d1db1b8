"""Provenance of a run: classes, images, initial files.

Written as `provenance.json` when a run starts, and compared when it is resumed,
built upon or exported: a renamed class would give answers the wrong label,
another division would test on training images, and a replaced file would make
the figures those of another network.
"""

import dataclasses
import hashlib
import pathlib

from bottlenet_tf.common.json_file import read_json, write_json
from bottlenet_tf.common.run_folders import (
    CONFIG_FILE,
    MODEL_FILE,
    PROVENANCE_FILE,
)
from bottlenet_tf.common.validation import first_of
from bottlenet_tf.config.run import TrainConfig, differing_flags
from bottlenet_tf.data.fingerprints import Fingerprint

FORMAT = "bottlenet_tf.provenance.1"
# Flags that may name a file or a run to start from.
FILES = (
    "backbone", "backbone_weights", "init_from", "teacher_backbone",
    "teacher_weights",
)  # fmt: skip
_SHOWN = 5
# Flags that decide the images and their division.
_DATA_FLAGS = (
    "dataset", "data_dir", "manual_dir", "split_seed", "test_fraction",
    "validation_fraction", "class_indices", "num_outputs", "unseen_classes",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Classes, images and files of a run.

    Attributes:
        classes: Names, in the order of the network's outputs.
        parts: `{"train", "validation", "test": Fingerprint}`.
        files: `{flag: SHA-256 (hex)}` of network and weights at the start;
            flags that name no file have none.
        unseen: Names of classes from which nothing was learned.
    """

    classes: tuple
    parts: dict
    files: dict
    unseen: tuple = ()


def of(config, dataset):
    """Returns the `Provenance` of a run that starts now."""
    return Provenance(
        dataset.class_names,
        dataset.inventory,
        files_of(config),
        dataset.unseen_classes,
    )


def files_of(config):
    """Returns `{flag: SHA-256}` of the files that a `TrainConfig` names."""
    found = {}
    for flag in FILES:
        path = _path(config, flag)
        if path is not None and path.is_dir():
            path /= MODEL_FILE
        if path is not None and path.is_file():
            found[flag] = _sha256(path)
    return found


def _path(config, flag):
    """Returns the path that a flag names; None if it names something else."""
    value = getattr(config, flag)
    if value is None or value == "imagenet":
        return None
    if flag.endswith("backbone") and not value.endswith(".keras"):
        return None  # A name.
    return pathlib.Path(value).expanduser().resolve()


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(workdir, provenance, model=None):
    """Writes `provenance.json` to a run's folder, atomically.

    With the SHA-256 of `model`, the file of the trained network, once there is
    one.
    """
    content = {"format": FORMAT, **dataclasses.asdict(provenance)}
    content["model"] = model and _sha256(model)
    write_json(pathlib.Path(workdir) / PROVENANCE_FILE, content)


def read(workdir):
    """Returns the `Provenance` of a run's folder."""
    path = pathlib.Path(workdir) / PROVENANCE_FILE
    if not path.is_file():
        raise ValueError(
            f"A run must contain {PROVENANCE_FILE}, the record of its data; "
            "runs of earlier versions have none. Retrain it, in another "
            f"folder. Received: {str(workdir)!r}"
        )
    remedy = "The run can't be trusted; retrain it, in another folder."
    value = read_json(path, FORMAT, ("classes", "parts", "files"), remedy)
    try:
        return Provenance(
            tuple(map(str, value["classes"])),
            {
                part: Fingerprint(int(found["images"]), str(found["sha256"]))
                for part, found in value["parts"].items()
            },
            dict(value["files"]),
            tuple(map(str, value.get("unseen", ()))),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: classes, parts or files are damaged ({error!r}). {remedy}"
        ) from error


def check_resumed(workdir, now):
    """Raises ValueError unless a started run has the current `Provenance`."""
    before = read(workdir)
    differing = [
        f"--{flag}: its file has changed since the run began"
        for flag in FILES
        if before.files.get(flag) != now.files.get(flag)
    ]
    differing += _differing_data(before, now)
    if differing:
        raise ValueError(
            "--workdir contains a run on other data or files, and a run is "
            "resumed with its original ones. Restore them, or use another "
            f"folder. Received: workdir={str(workdir)!r}, "
            f"{'; '.join(differing)}"
        )


def check_source(flag, config, now):
    """Raises ValueError unless a run to start from has the same data.

    Its classes must mean the same, and none of its training images may be
    validation or test images here.

    Args:
        flag: One of `FILES`; names a run's folder, or a file. Files outside a
            run's folder have no provenance, and pass.
    """
    folder, run = _path(config, flag), getattr(config, flag)
    if folder is None:
        return
    if folder.is_file():
        folder = folder.parent
        if not (folder / PROVENANCE_FILE).is_file():
            return
    elif not (folder / MODEL_FILE).is_file():
        return  # Loading it names the missing file.
    before = read(folder)
    check_model(folder, f"--{flag}")
    differing = _differing_data(before, now)
    # The network alone may well know an unseen class.
    seen = [name for name in now.unseen if name not in before.unseen]
    if flag == "init_from" and seen:
        differing.append(f"unseen classes: {_names(seen)} not unseen there")
    if differing:
        raise ValueError(
            f"--{flag} must be a run on the same data, divided in the same "
            "way: its labels must mean the same, and it must not have been "
            "trained on validation or test images of this one. Received: "
            f"{flag}={str(run)!r}, "
            f"{'; '.join(_differing_flags(folder, config) + differing)}"
        )


def check_model(workdir, named):
    """Returns the SHA-256 (hex) of a finished run's network."""
    folder = pathlib.Path(workdir)
    saved = read_json(folder / PROVENANCE_FILE, FORMAT, (), "").get("model")
    found = _sha256(folder / MODEL_FILE)
    if saved not in (None, found):
        raise ValueError(
            f"{named} must be a run with the {MODEL_FILE} that it saved; this "
            "is another file, of unknown origin. Received: "
            f"{named.removeprefix('--')}={str(workdir)!r}"
        )
    return found


def is_unknown(flag, config):
    """Whether a flag names a file outside any run's folder."""
    path = _path(config, flag)
    return (
        path is not None
        and path.is_file()
        and not (path.parent / PROVENANCE_FILE).is_file()
    )


def check_data(workdir, config, dataset):
    """Raises ValueError if a finished run's data set has changed.

    `dataset` is opened as the run's `config` says.
    """
    now = Provenance(dataset.class_names, dataset.inventory, {})
    differing = _differing_data(read(workdir), now)
    if differing:
        raise ValueError(
            f"--dataset={config.data.dataset} must contain the images and "
            "classes of the run's training, or labels and figures would not be "
            "the network's. Restore them, or retrain. Received: "
            f"workdir={str(workdir)!r}, {'; '.join(differing)}"
        )


def _differing_data(before, now):
    """Returns the differences of classes and images, a list of phrases."""
    found = []
    if before.classes != now.classes:
        gone = [name for name in before.classes if name not in now.classes]
        new = [name for name in now.classes if name not in before.classes]
        if not gone and not new:
            found.append("classes: the same, in another order")
        else:
            found.append(f"classes: {_names(gone)} there, {_names(new)} here")
    for part, there in before.parts.items():
        here = now.parts[part]
        if there.images != here.images:
            found.append(
                f"{part}: {there.images:,} images there, {here.images:,} here"
            )
        elif there != here:
            found.append(
                f"{part}: {here.images:,} images both times, but different ones"
            )
    return found


def _names(names):
    return first_of(map(repr, names), _SHOWN)


def _differing_flags(folder, config):
    """Returns the flags about data that differ, a list of phrases."""
    path = folder / CONFIG_FILE
    try:
        before = TrainConfig.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return []
    free = {f.name for f in dataclasses.fields(config.data)} - set(_DATA_FLAGS)
    return differing_flags(before.data, config.data, free)
