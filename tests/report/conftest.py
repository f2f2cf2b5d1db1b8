"""A finished search of a made-up network, small enough to write by hand."""

import dataclasses
import json
import operator
import pathlib

import pytest
from PIL import Image

from bottlenet_tf.common import diagrams, formats
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.search import baseline, candidates, runner
from bottlenet_tf.selection import tables
from bottlenet_tf.selection.choices import from_report
from bottlenet_tf.selection.costs import Machines
from bottlenet_tf.selection.decision import decide
from bottlenet_tf.selection.goals import Goal, Limits
from bottlenet_tf.selection.links import named
from bottlenet_tf.selection.rivals import references


@dataclasses.dataclass(frozen=True)
class Made:
    """What was measured of a made-up split."""

    wire_bytes: float
    accuracy: float
    device_mac_share: float
    head_ms: float
    tail_ms: float


# The network itself reaches 90 %; codec 0.5 ms and 0.1 ms, the whole 10 and 1.
SPLITS = {
    "early": Made(400.0, 88.0, 0.2, 2.0, 0.8),
    "late": Made(100.0, 89.0, 0.9, 9.0, 0.1),
    "never": None,
}
_SHRUNK = ("jpeg", 10, 40.0, 50.0, 8), ("webp", 95, 90.0, 87.5, 8)


def many(count):
    """Returns made-up splits like those of a deep network, by name."""
    return {
        f"RB{i + 1}": Made(
            420.0 - 300.0 * i / count + 25.0 * (i % 3),
            87.2 + 1.9 * i / count - 0.15 * (i % 4),
            (i + 1) / (count + 1),
            10.0 * (i + 1) / (count + 1),
            1.02 - (i + 1) / (count + 1),
        )
        for i in range(count)
    }


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _report(split, made):
    report = {
        "format": formats.REPORT,
        "mode": "aware",
        "backbone": "tiny",
        "split": split,
        "dataset": "digits",
        "dataset_fingerprint": "abc",
        "measured_on": "test",
        "num_images": 1000,
        "validation": None,
        "baseline_accuracy": 90.0,
        "accuracy": made.accuracy,
        "untouched_sha256": "0" * 64,
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
        "device_mac_share": made.device_mac_share,
        "wire_bytes_mean": made.wire_bytes,
        "flags": {
            "unit": {"channels": 2, "stride": 2, "codec": "jpeg", "quality": 50}
        },
        "command": ["/opt/bin/bottlenet-search", "--seed=1"],
        "versions": {"python": "3.11", "tensorflow": "2.21"},
        "hardware": {"cpu": "Test CPU", "cores": 2, "gpus": []},
    }
    figures = (
        "dataset_fingerprint", "baseline_accuracy", "accuracy", "cloud_only",
        "label_only", "raw_features", "wire_bytes_mean",
    )  # fmt: skip
    report["validation"] = {name: report[name] for name in figures}
    return report


def points_of(*pairs):
    """Returns operating points of `(wire bytes, accuracy)`."""
    return [
        {
            "index": i, "value": float(i), "accuracy": accuracy,
            "accuracy_drop": 90.0 - accuracy, "wire_bytes_mean": size,
            "wire_bytes_median": size, "wire_bytes_p95": size + 1,
            "wire_bytes_p99": size + 2, "wire_bytes_max": size + 3,
            "payload_bytes_mean": size - 6,
        }
        for i, (size, accuracy) in enumerate(pairs)
    ]  # fmt: skip


CURVES = {
    "early": ((400.0, 89.0), (200.0, 88.0), (50.0, 82.0)),
    "late": ((150.0, 89.5), (100.0, 89.0), (20.0, 60.0)),
}


def make_curves(root):
    """Gives both candidates of a search three operating points each."""
    for split, curve in CURVES.items():
        path = root / candidates.CANDIDATES / split / "report.json"
        report = json.loads(path.read_text())
        report["flags"]["unit"] = {"kind": "learned"}
        report["unit_id"] = 5
        report["points"] = points_of(
            *((size - 10.0, accuracy - 0.5) for size, accuracy in curve)
        )
        report["validation"]["points"] = points_of(*curve)
        write(path, report)


def make_runs(root):
    """Writes three runs at one split: a learned unit, two of one point."""
    learned = {
        **_report("late", Made(100.0, 88.0, 0.9, 9.0, 0.1)),
        "mode": "frozen",
        "points": points_of((200.0, 89.5), (100.0, 88.0), (50.0, 82.0)),
        "flags": {"unit": {"kind": "learned"}},
    }
    learned["validation"]["points"] = learned["points"]
    write(root / "learned" / "report.json", learned)
    for quality, size, accuracy in ((20, 150.0, 82.0), (60, 600.0, 89.5)):
        run = root / f"jpeg_q{quality}"
        made = Made(size, accuracy, 0.9, 9.0, 0.1)
        write(run / "report.json", _report("late", made))
        Image.new("RGB", (70, 40), "gray").save(run / "planes.png")
    return root


def _cloud(codec, quality, size, accuracy, side=32):
    return {
        "codec": codec, "quality": quality, "side": side, "bytes": size,
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


def _write_profiles(root, splits):
    device = [("", "whole", 10.0, 2000)]
    cloud = [("", "whole", 1.0, "")]
    for split, made in splits.items():
        device.append((split, "head", made.head_ms, 2000))
        device.append((split, "encode", 0.5, 2000))
        cloud.append((split, "tail", made.tail_ms, ""))
        cloud.append((split, "decode", 0.1, ""))
    return (
        _profile(root / "phone.csv", device),
        _profile(root / "server.csv", cloud),
    )


def _candidate(split, made):
    reached = {"wire_bytes": made.wire_bytes, "accuracy": made.accuracy}
    return {
        "channels": 2, "stride": 2, "quality": 50, "searched": reached,
        "measured": reached, "trial": f"{split}_c2_s2_q50",
        "workdir": f"candidates/{split}",
    }  # fmt: skip


def _trial(split, made, quality):
    """Returns a trial of results.json: half the bytes cost four points."""
    points, error = [], "ended with -9"
    if made:
        size, accuracy = made.wire_bytes, made.accuracy
        reached = (
            (size, accuracy) if quality == 50 else (size / 2, accuracy - 4)
        )
        point = dict(zip(("wire_bytes", "accuracy"), reached))
        points, error = [{"quality": quality, **point}], None
    name = f"{split}_c2_s2_q{quality}"
    return {"split": split, "name": name, "points": points, "error": error}


def make(root, splits=SPLITS):
    """Writes a search with two trials for each split, and two profiles.

    Args:
        root: Folder to write to.
        splits: `{name: Made}`; None is a split without an acceptable unit.
    """
    kept = {split: made for split, made in splits.items() if made}
    command = ["/opt/bin/bottlenet-search", "--seed=0"]
    config = {
        "base": {"backbone": "tiny"},
        "search_images": 200,
        "splits": [],
    }
    write(
        root / baseline.SEARCH,
        {"format": baseline.FORMAT, "config": config, "splits": list(splits),
         "num_train": 100, "accuracy": 90.0},
    )  # fmt: skip
    trials = []
    for split, made in splits.items():
        if made:
            run = root / candidates.CANDIDATES / split
            write(run / "report.json", _report(split, made))
            Image.new("RGB", (70, 40), "gray").save(run / "planes.png")
        for quality in (20, 50) if made else (50,):
            trials.append(_trial(split, made, quality))
    write(
        root / runner.RESULTS,
        {"format": baseline.FORMAT, "command": command,
         "max_accuracy_loss": 3.0, "accuracy": 90.0, "least_accuracy": 87.0,
         "examples": 192, "examples_exhaustive": 1920, "trials": trials,
         "candidates": {
             s: made and _candidate(s, made) for s, made in splits.items()
         }},
    )  # fmt: skip
    _write_profiles(root, kept)
    return root


def count_macs(root):
    """Writes server.json: server.csv, with multiply-accumulates of halves.

    The network's are 1000, as many in each block as in all others; each half
    has 100 of the unit besides its own.
    """
    profile = profile_file.read(root / "server.csv")
    block = 1000 // (len(profile.splits) + 1)
    splits = [
        dataclasses.replace(
            split, head_macs=block * (i + 1) + 100,
            tail_macs=1000 - block * (i + 1) + 100,
        )
        for i, split in enumerate(profile.splits)
    ]  # fmt: skip
    path = root / "server.json"
    profile_file.write(
        dataclasses.replace(profile, splits=tuple(splits), whole_macs=1000),
        path,
    )
    return path


def choose(root, networks=("3g", "wifi"), message=0.0, **goal):
    """Writes the selection.json that bottlenet-select makes."""
    device, cloud = map(
        profile_file.read, (root / "phone.csv", root / "server.csv")
    )
    machines = Machines(device, cloud)
    runs = root / candidates.CANDIDATES
    if not runs.is_dir():
        runs = root
    reports = {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(runs.glob("*/report.json"))
    }
    decisions = [
        decide(
            [
                choice
                for item in reports.items()
                for choice in from_report(*item)
            ],
            references(reports, 3.0),
            machines,
            dataclasses.replace(named(name), message_overhead_bytes=message),
            Goal(**goal),
            Limits(min_accuracy=87.0),
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
    write(
        root / "figure7.json",
        {"format": formats.FIGURE7, "backbone": "tiny", "dataset": "digits",
         "dataset_fingerprint": "abc", "baseline_accuracy": 90.0,
         "unit": {"split": "late", "channels": 2, "stride": 4},
         "points": points, "command": ["/x/bottlenet_tf/cli/figure7.py"]},
    )  # fmt: skip


@pytest.fixture
def search(tmp_path):
    """A folder of a search, with neither selection nor comparison."""
    return make(tmp_path / "search")


@pytest.fixture
def units(tmp_path):
    """A folder of three runs, without a search."""
    return make_runs(tmp_path / "units")


@pytest.fixture
def macs(search):
    """File of a profile of the search that knows multiply-accumulates."""
    return count_macs(search)


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A search of 27 split points, as ResNet-56 has; nothing may change it.

    Cloud-only is of two sides, as it is of images that are stored small.
    """
    root = make(tmp_path_factory.mktemp("deep") / "search", many(27))
    for path in (root / candidates.CANDIDATES).glob("*/report.json"):
        report = json.loads(path.read_text())
        report["cloud_only"] += [_cloud(*point) for point in _SHRUNK]
        write(path, report)
    choose(root)
    return root


@pytest.fixture
def close(tmp_path):
    """A search of three splits that reach nearly the same."""
    splits = {
        "RB1": Made(23.6, 86.2, 0.1, 1.0, 0.9),
        "RB3": Made(21.9, 86.5, 0.4, 4.0, 0.6),
        "RB6": Made(24.9, 85.7, 0.7, 7.0, 0.3),
    }
    return make(tmp_path / "close", splits)


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
def curved(search):
    """A search of learned units, and what was chosen of them."""
    make_curves(search)
    choose(search)
    return search


@pytest.fixture
def chosen_units(units):
    """A folder of three runs at one split, and what was chosen of them."""
    made = Made(100.0, 88.0, 0.9, 2.0, 0.1)
    _write_profiles(units, {run.name: made for run in units.iterdir()})
    choose(units, ("3g",), 154.0)
    return units


@pytest.fixture
def unwhole(search):
    """A search chosen from over 3g; the device's unsplit network is untimed."""
    path = search / "phone.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if ",whole," not in line]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    choose(search, ("3g",))
    return search


def _edit(file, path, edit):
    """Does `edit(holder, key)` to a field, "a.0.b", of a JSON file."""
    content = json.loads(pathlib.Path(file).read_text())
    at, *keys = content, *path.split(".")
    for key in keys[:-1]:
        at = at[int(key) if isinstance(at, list) else key]
    edit(at, int(keys[-1]) if isinstance(at, list) else keys[-1])
    write(pathlib.Path(file), content)


@pytest.fixture
def change():
    """Function that sets a field, by its path "a.0.b", in a JSON file."""
    return lambda file, path, value: _edit(
        file, path, lambda at, key: operator.setitem(at, key, value)
    )


@pytest.fixture
def drop():
    """Function that removes a field, by its path, from a JSON file."""
    return lambda file, path: _edit(file, path, operator.delitem)


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves drawings blank, which take long and are tested by themselves."""
    monkeypatch.setattr(diagrams, "saved", lambda *_, **__: b"<svg/>")


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
