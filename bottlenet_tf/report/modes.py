"""Training with the codec against switching it on afterwards (figure 7)."""

import pathlib
from typing import Literal

import msgspec

from bottlenet_tf.common import formats, reading
from bottlenet_tf.common.accuracy_drawing import WAYS, draw_qualities
from bottlenet_tf.common.ranges import Count, NotNegative, Percent, Whole
from bottlenet_tf.common.run_folders import REPORT_FILE
from bottlenet_tf.report import runs
from bottlenet_tf.report.origins import together
from bottlenet_tf.report.picture import Picture

_PROGRAM = "python -m bottlenet_tf.cli.figure7"


class _Point(msgspec.Struct):
    mode: Literal["aware", "naive"]
    quality: Whole
    accuracy: Percent
    wire_bytes_mean: NotNegative


class _Unit(msgspec.Struct):
    split: str
    channels: Count
    stride: Count

    def __str__(self):
        return f"{self.split} (c'={self.channels}, s={self.stride})"


class Modes(msgspec.Struct, kw_only=True):
    """figure7.json: the comparison of both ways of training.

    `read` sets `made` from the reports of its runs, if they still exist.
    """

    backbone: str
    dataset: str
    dataset_fingerprint: str
    baseline_accuracy: Percent | None
    unit: _Unit
    found: tuple[_Point, ...] = msgspec.field(name="points")
    command: tuple[str, ...]
    made: tuple[runs.Made, ...] = ()

    @property
    def points(self):
        """`{mode: [(quality, accuracy, wire bytes), ...]}`."""
        return {
            mode: sorted(
                (p.quality, p.accuracy, p.wire_bytes_mean)
                for p in self.found
                if p.mode == mode
            )
            for mode in WAYS
        }

    @property
    def origin(self):
        """Its `Origin`: machines and versions are those of its runs."""
        return together(
            "aware against naive; machine and versions of its runs",
            self.command,
            [runs.origin_of(made, "") for made in self.made],
        )


def read(path, search):
    """Returns the `Modes` in a file, of the network of a `searches.Search`."""
    path = pathlib.Path(path)
    remedy = (
        f"{_PROGRAM}, with the same flags, rewrites it without training "
        "finished runs again"
    )
    found = reading.read(path, Modes, _PROGRAM, formats.FIGURE7, remedy)
    _check_network(path, found, search)
    for mode, points in found.points.items():
        if not points:
            rule = f"of both modes, but {mode} is missing"
            reading.refuse(path, "points", rule, [])
    files = [
        file
        for mode in ("naive", "aware_*")
        for file in sorted(path.parent.glob(f"{mode}/{REPORT_FILE}"))
    ]
    made = tuple(reading.read(file, runs.Made, _PROGRAM) for file in files)
    return msgspec.structs.replace(found, made=made)


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


def picture(modes):
    """Returns the `Picture` of a comparison."""
    ahead, network = _ahead(modes), pathlib.PurePath(modes.backbone).name
    return Picture(
        name="aware_naive",
        caption=(
            f"One network, {network} split after {modes.unit}: trained with "
            "JPEG in the loop, once per quality, and trained without it, then "
            f"sent through JPEG. {ahead}"
        ),
        alt=f"Accuracy over JPEG quality for two ways of training. {ahead}",
        draw=lambda width: draw_qualities(
            width, modes.points, modes.baseline_accuracy
        ),
        header=("mode", "quality", "accuracy_percent", "wire_bytes"),
        rows=[[m, *p] for m, points in modes.points.items() for p in points],
        origins=(modes.origin,),
    )


def _ahead(modes):
    """Returns a sentence on where training with the codec wins."""
    naive = {quality: reached for quality, reached, _ in modes.points["naive"]}
    gaps = [
        (accuracy - naive[quality], quality)
        for quality, accuracy, _ in modes.points["aware"]
        if quality in naive
    ]
    if not gaps:
        return "No quality was measured both ways."
    most, least = max(gaps), min(gaps)
    gain = f"Training with it gives {most[0]:+.2f} points at quality {most[1]}"
    if least[1] != most[1]:
        gain += f" and {least[0]:+.2f} at quality {least[1]}"
    return gain.replace("-", "−") + "."
