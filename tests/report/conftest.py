"""A finished search of a made-up network, small enough to write by hand."""

import json
import pathlib

import pytest
from PIL import Image

from bottlenet_tf import formats, selection
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.search import ground, runner, trial_folder
from bottlenet_tf.search.trials import Point
from bottlenet_tf.selection import tables

SPLITS = ("early", "late", "never")
# Mean bytes and accuracy; the network itself reaches 90 %.
_REACHED = {"early": (400.0, 88.0), "late": (100.0, 89.0)}
_SHARES = {"early": 0.2, "late": 0.9}
# Milliseconds of head and tail; codec 0.5 ms and 0.1 ms, the whole 10 and 1.
_TIMES = {"early": (2.0, 0.8), "late": (9.0, 0.1)}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _report(split):
    size, accuracy = _REACHED[split]
    return {
        "format": formats.REPORT,
        "mode": "aware",
        "backbone": "tiny",
        "split": split,
        "dataset": "digits",
        "dataset_fingerprint": "abc",
        "num_test": 1000,
        "baseline_accuracy": 90.0,
        "accuracy": accuracy,
        "cloud_only": [
            _cloud("jpeg", 10, 150.0, 60.0),
            _cloud("jpeg", 90, 900.0, 89.5),
            _cloud("webp", 50, 600.0, 88.5),
        ],
        "label_only": {"bits": 4, "bytes": 1, "accuracy": 90.0},
        "raw_features": {
            "shape": [16, 16, 8],
            "bytes": 2056,
            "deflated_bytes_mean": 1500.0,
            "accuracy": 90.0,
        },
        "device_mac_share": _SHARES[split],
        "wire_bytes_mean": size,
        "flags": {
            "unit": {"channels": 2, "stride": 2, "codec": "jpeg", "quality": 50}
        },
        "command": ["/opt/bin/bottlenet-search", "--seed=1"],
        "versions": {"python": "3.11", "tensorflow": "2.21"},
        "hardware": {"cpu": "Test CPU", "cores": 2, "gpus": []},
    }


def _cloud(codec, quality, size, accuracy):
    return {
        "codec": codec, "quality": quality, "side": 32, "bytes": size,
        "accuracy": accuracy,
    }  # fmt: skip


def _profile(path, parts):
    lines = [f"# device={path.stem}", "# network=tiny"]
    lines.append("split,part,load,median_ms,power_mw")
    for load in (0, 1):
        for split, part, time_ms, power in parts:
            lines.append(
                f"{split},{part},{load},{time_ms * (1 + load)},{power}"
            )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _write_profiles(root):
    device = [("", "whole", 10.0, 2000)]
    cloud = [("", "whole", 1.0, "")]
    for split, (head, tail) in _TIMES.items():
        device += [(split, "head", head, 2000), (split, "encode", 0.5, 2000)]
        cloud += [(split, "tail", tail, ""), (split, "decode", 0.1, "")]
    return (
        _profile(root / "phone.csv", device),
        _profile(root / "server.csv", cloud),
    )


def _candidate(split):
    size, accuracy = _REACHED[split]
    reached = {"wire_bytes": size, "accuracy": accuracy}
    return {
        "channels": 2, "stride": 2, "quality": 50, "searched": reached,
        "measured": reached, "trial": f"{split}_c2_s2_q50_r0",
        "workdir": f"candidates/{split}",
    }  # fmt: skip


def make(root):
    """Writes a search with two candidates, three trials and two profiles."""
    command = ["/opt/bin/bottlenet-search", "--seed=0"]
    config = {
        "base": {"backbone": "tiny"},
        "max_accuracy_loss": 3.0,
        "search_images": 200,
    }
    write(
        root / ground.SEARCH,
        {"format": ground.FORMAT, "config": config, "splits": SPLITS,
         "num_train": 100, "accuracy": 90.0, "command": command},
    )  # fmt: skip
    trials = []
    for split in SPLITS:
        name = f"{split}_c2_s2_q50_r0"
        folder = root / ground.TRIALS / name
        if split not in _REACHED:
            trial_folder.write_failure(folder, "ended with -9")
        else:
            size, accuracy = _REACHED[split]
            points = [Point(20, size / 2, accuracy - 4),
                      Point(50, size, accuracy)]  # fmt: skip
            spent = {"examples": 64, "seconds": 1.0}
            trial_folder.write_outcome(folder, points, spent)
            run = root / runner.CANDIDATES / split
            write(run / "report.json", _report(split))
            Image.new("RGB", (70, 40), "gray").save(run / "planes.png")
        trials.append({"split": split, "name": name})
    write(
        root / runner.RESULTS,
        {"format": ground.FORMAT, "accuracy": 90.0, "least_accuracy": 87.0,
         "examples": 192, "examples_exhaustive": 1920, "trials": trials,
         "candidates": {
             s: _candidate(s) if s in _REACHED else None for s in SPLITS
         }},
    )  # fmt: skip
    _write_profiles(root)
    return root


def choose(root, networks=("3g", "wifi"), **goal):
    """Writes the selection.json that bottlenet-select makes."""
    device, cloud = map(
        profile_file.read, (root / "phone.csv", root / "server.csv")
    )
    machines = selection.Machines(device, cloud)
    reports = {split: _report(split) for split in _REACHED}
    decisions = [
        selection.decide(
            [selection.from_report(*item) for item in reports.items()],
            selection.references(reports, 3.0),
            machines,
            selection.named(name),
            selection.Goal(**goal),
            selection.Limits(min_accuracy=87.0),
        )
        for name in networks
    ]
    command = ["/opt/bin/bottlenet-select", "--runs=x"]
    write(
        root / "selection.json",
        tables.selection_values(decisions, machines, command=command),
    )


def compare(root):
    """Writes a figure7.json."""
    points = [
        {"mode": mode, "quality": quality, "accuracy": accuracy,
         "wire_bytes_mean": 10.0 * quality}
        for mode, reached in (("aware", (70, 88)), ("naive", (40, 89)))
        for quality, accuracy in zip((1, 90), reached)
    ]  # fmt: skip
    write(root / "figure7.json", {"baseline_accuracy": 90.0, "points": points})


@pytest.fixture
def search(tmp_path):
    """A folder of a search, with neither selection nor comparison."""
    return make(tmp_path / "search")


@pytest.fixture
def choose_by():
    """Function that chooses again, as `choose`."""
    return choose


@pytest.fixture
def chosen(search):
    """The same with both."""
    choose(search)
    compare(search)
    return search


@pytest.fixture
def change():
    """Function that sets a field, by its path, in a JSON file of a search."""

    def set_field(file, path, value):
        content = json.loads(pathlib.Path(file).read_text())
        at = content
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        write(pathlib.Path(file), content)

    return set_field


@pytest.fixture
def drop():
    """Function that removes a field, by its path, from a JSON file."""

    def drop_field(file, path):
        content = json.loads(pathlib.Path(file).read_text())
        at = content
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]
        write(pathlib.Path(file), content)

    return drop_field


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Folder of a search with its report."""
    from bottlenet_tf import report

    root = make(tmp_path_factory.mktemp("report") / "search")
    choose(root, ("3g",))
    compare(root)
    profiles = (root / "phone.csv", root / "server.csv")
    report.write(report.read(root, profiles=profiles), root)
    return root
