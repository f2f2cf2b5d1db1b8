"""Training with the codec against switching it on afterwards (figure 7)."""

import dataclasses
import pathlib
from typing import Literal

import msgspec

from bottlenet_tf import formats
from bottlenet_tf.report import reading, runs
from bottlenet_tf.report.origins import Origin, together
from bottlenet_tf.report.picture import (
    AWARE,
    NAIVE,
    PALE,
    Picture,
    is_narrow,
    new_figure,
)
from bottlenet_tf.report.reading import Count, NotNegative, Percent, Whole

_PROGRAM = "python -m bottlenet_tf.cli.figure7"
_LOOKS = {
    "aware": ("trained with the codec", AWARE, "o", "-"),
    "naive": ("codec switched on afterwards", NAIVE, "X", "--"),
}


class _Point(msgspec.Struct):
    mode: Literal["aware", "naive"]
    quality: Whole
    accuracy: Percent
    wire_bytes_mean: NotNegative


class _Unit(msgspec.Struct):
    split: str
    channels: Count
    stride: Count


class _File(msgspec.Struct):
    backbone: str
    dataset: str
    dataset_fingerprint: str
    baseline_accuracy: Percent | None
    unit: _Unit
    points: tuple[_Point, ...]
    command: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Modes:
    """The comparison of both ways of training.

    Attributes:
        network: Name of the backbone; of a file without its folders.
        unit: Split point, channels and stride, for people.
        network_accuracy: Of the unsplit network in percent; None if unknown.
        points: `{mode: ((quality, accuracy, wire_bytes), ...)}`.
        origin: What made it.
    """

    network: str
    unit: str
    network_accuracy: float | None
    points: dict
    origin: Origin


def read(path, search):
    """Returns the `Modes` in a file.

    Args:
        path: Of the file.
        search: `searches.Search` whose network it must be of.

    Raises:
        FileNotFoundError, ValueError: naming file and field, if it is
            damaged, of another version, or of another network or data set.
    """
    path = pathlib.Path(path)
    remedy = (
        f"{_PROGRAM}, with the same flags, writes it anew and trains no "
        "finished run again"
    )
    found = reading.read(path, _File, _PROGRAM, formats.FIGURE7, remedy)
    _check_network(path, found, search)
    points = {
        mode: tuple(
            sorted(
                (p.quality, p.accuracy, p.wire_bytes_mean)
                for p in found.points
                if p.mode == mode
            )
        )
        for mode in _LOOKS
    }
    for mode in points:
        if not points[mode]:
            rule = f"of both modes, but {mode} is missing"
            reading.refuse(path, "points", rule, [])
    unit = found.unit
    return Modes(
        search.backbone,
        f"{unit.split} (c'={unit.channels}, s={unit.stride})",
        found.baseline_accuracy,
        points,
        _origin(path.parent, found.command),
    )


def _check_network(path, found, search):
    """Raises ValueError unless it is the search's network and data set."""
    theirs = msgspec.structs.asdict(found)
    known = {"backbone": search.backbone}
    for run in list(search.runs.values())[:1]:
        fields = "backbone", "dataset", "dataset_fingerprint"
        known = {field: getattr(run, field) for field in fields}
    if not search.runs:
        theirs["backbone"] = pathlib.PurePath(found.backbone).name
    for field, value in known.items():
        if theirs[field] != value:
            rule = f"the search's, {value!r}: both are shown of one network"
            reading.refuse(path, field, rule, theirs[field])


def _origin(folder, command):
    """Machines and versions are those of the runs beside, if still there."""
    reports = [
        path
        for mode in ("naive", "aware_*")
        for path in sorted(folder.glob(f"{mode}/{runs.REPORT}"))
    ]
    made = [reading.read(path, runs.Made, _PROGRAM) for path in reports]
    return together(
        "aware against naive; machine and versions of its runs",
        command,
        [one.origin("") for one in made],
    )


def picture(modes):
    """Returns the `Picture` of a comparison."""
    ahead = _ahead(modes)
    return Picture(
        name="aware_naive",
        caption=(
            f"One network, {modes.network} split after {modes.unit}: trained "
            "with JPEG in the loop, once for each quality, and trained "
            f"without, then sent through JPEG. {ahead}"
        ),
        alt=f"Accuracy over JPEG quality for two ways of training. {ahead}",
        draw=lambda width: _draw(modes, width),
        header=("mode", "quality", "accuracy_percent", "wire_bytes"),
        rows=[[m, *p] for m, points in modes.points.items() for p in points],
        origins=(modes.origin,),
    )


def _ahead(modes):
    """Says where training with the codec wins, and where it doesn't."""
    naive = {quality: reached for quality, reached, _ in modes.points["naive"]}
    gaps = [
        (accuracy - naive[quality], quality)
        for quality, accuracy, _ in modes.points["aware"]
        if quality in naive
    ]
    if not gaps:
        return "No quality was measured both ways."
    most, least = max(gaps), min(gaps)
    told = f"Training with it gives {most[0]:+.2f} points at quality {most[1]}"
    if least[1] != most[1]:
        told += f" and {least[0]:+.2f} at quality {least[1]}"
    return told.replace("-", "−") + "."


def _draw(modes, width):
    figure = new_figure(width, 3.8 if is_narrow(width) else 3.9)
    axes = figure.add_subplot()
    for mode, (name, color, marker, line) in _LOOKS.items():
        quality, accuracy, _ = zip(*modes.points[mode])
        axes.plot(quality, accuracy, color=color, marker=marker,
                  linestyle=line, label=name)  # fmt: skip
    if modes.network_accuracy is not None:
        axes.axhline(
            modes.network_accuracy, color=PALE, linewidth=1, linestyle=":",
            label=f"network, unsplit: {modes.network_accuracy:.2f} %",
        )  # fmt: skip
    axes.set(xlabel="JPEG quality of the plane", ylabel="accuracy (%)")
    axes.grid(True)
    axes.legend(loc="lower right", fontsize=8)
    return figure
