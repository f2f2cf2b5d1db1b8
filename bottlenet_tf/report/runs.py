"""Finished runs, from report.json and planes.png."""

import pathlib
from typing import Any

import msgspec

from bottlenet_tf.common import formats, reading
from bottlenet_tf.common.curve_cells import unit_label
from bottlenet_tf.common.ranges import (
    Count,
    NotNegative,
    Percent,
    Positive,
    Whole,
)
from bottlenet_tf.common.rate_curves import Unit, unit_curves, unit_kind
from bottlenet_tf.common.run_folders import REPORT_FILE, model_name
from bottlenet_tf.report.origins import Origin

_UNSEEN = "unseen"
_SAME = ("backbone", "dataset", "dataset_fingerprint", "baseline_accuracy")


class CloudPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Cloud-only at one quality; accuracy in percent."""

    codec: str
    quality: Whole
    side: Count
    num_bytes: Positive = msgspec.field(name="bytes")
    accuracy: Percent

    @property
    def triple(self):
        """`(codec, bytes, accuracy)`."""
        return self.codec, self.num_bytes, self.accuracy


class ChoicePoint(msgspec.Struct, frozen=True, kw_only=True):
    """An operating point that a selection may choose."""

    index: Whole
    mean: Positive = msgspec.field(name="wire_bytes_mean")


class OperatingPoint(ChoicePoint, kw_only=True):
    """Accuracy and sizes in wire bytes at an operating point."""

    median: NotNegative = msgspec.field(name="wire_bytes_median")
    p95: NotNegative = msgspec.field(name="wire_bytes_p95")
    p99: NotNegative = msgspec.field(name="wire_bytes_p99")
    max: NotNegative = msgspec.field(name="wire_bytes_max")
    accuracy: Percent


class _Validation(msgspec.Struct, frozen=True, kw_only=True):
    wire_bytes: NotNegative = msgspec.field(name="wire_bytes_mean")
    points: tuple[ChoicePoint, ...] = ()


class _Tuned(msgspec.Struct, frozen=True, kw_only=True):
    points: tuple[CloudPoint, ...]


class _Feature(msgspec.Struct, frozen=True, kw_only=True):
    shape: tuple[Whole, Whole, Whole]
    num_bytes: NotNegative = msgspec.field(name="bytes")


class _Flags(msgspec.Struct, frozen=True, kw_only=True):
    unit: dict[str, Any]


class _Hardware(msgspec.Struct, frozen=True, kw_only=True):
    cpu: str
    cores: Whole
    gpus: list[Any] | None = None


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The origin that a report names."""

    command: tuple[str, ...]
    hardware: _Hardware
    versions: dict[str, Any]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements on one part of a data set; accuracies in percent.

    `baseline_accuracy` is the unsplit network's, `reasons` say why figures are
    missing. For several labels per image, accuracy is exact match, and there
    are mean average precisions.
    """

    dataset_fingerprint: str
    num_images: Count
    accuracy: Percent
    baseline_accuracy: Percent | None
    mean_average_precision: Percent | None = None
    baseline_mean_average_precision: Percent | None = None
    wire_bytes: NotNegative = msgspec.field(name="wire_bytes_mean")
    cloud: tuple[CloudPoint, ...] = msgspec.field(name="cloud_only")
    points: tuple[OperatingPoint, ...] = ()
    tuned_rivals: _Tuned | None = None
    reasons: dict[str, Any] = {}


class _Cut(msgspec.Struct):
    split: str | None


class Run(Figures, kw_only=True):
    """A network with its unit, read from `file`.

    `device_mac_share` is relative to the unsplit network's
    multiply-accumulates; it may exceed 1, since the unit adds some.
    """

    command: tuple[str, ...]
    hardware: _Hardware
    versions: dict[str, Any]
    split: str | None
    mode: str
    backbone: str
    dataset: str
    part: str = msgspec.field(name="measured_on")
    validation: _Validation | None
    device_mac_share: NotNegative | None
    raw_features: _Feature | None
    flags: _Flags
    unseen_figures: Figures | None = msgspec.field(name=_UNSEEN, default=None)
    file: str = ""

    @property
    def name(self):
        """Name of its folder."""
        return pathlib.Path(self.file).resolve().parent.name

    @property
    def label(self):
        """Its split, training and unit, for display."""
        return unit_label(unit_curves([self.unit])[0])

    @property
    def images(self):
        """The images it was measured on, for display."""
        of = " of unseen classes" if self.part == _UNSEEN else ""
        part = {"all": "", _UNSEEN: "test "}.get(self.part, f"{self.part} ")
        return f"{self.num_images:,} {part}images{of}"

    @property
    def origin(self):
        """Its `Origin`."""
        return origin_of(self, f"network and unit at {self.split}")

    @property
    def planes(self):
        """Path of the picture of planes; None if there is none."""
        path = pathlib.Path(self.file).parent / "planes.png"
        return path if path.is_file() else None

    @property
    def feature_shape(self):
        """The feature's shape as "32×32×16"; "–" if unknown."""
        feature = self.raw_features
        return "×".join(map(str, feature.shape)) if feature else "–"

    @property
    def feature_bytes(self):
        """The size of the feature in 8 bits; None if unknown."""
        return self.raw_features and self.raw_features.num_bytes

    @property
    def choices(self):
        """`{operating point: wire bytes of a validation image}`.

        None is the point of a unit with just one. Without validation images
        there is no choice.
        """
        found = self if self.part == "validation" else self.validation
        if found and len(found.points) > 1:
            return {point.index: point.mean for point in found.points}
        return {None: found.wire_bytes} if found else {}

    @property
    def left_out(self):
        """`{codec: reason}` of image codecs that weren't measured."""
        start = "cloud_only."
        reasons = self.reasons.items()
        return {k[len(start) :]: v for k, v in reasons if k.startswith(start)}

    @property
    def unseen(self):
        """The same run on unseen classes, or None."""
        if self.unseen_figures is None:
            return None
        figures = msgspec.structs.asdict(self.unseen_figures)
        return msgspec.structs.replace(
            self, part=_UNSEEN, unseen_figures=None, **figures
        )

    @property
    def high_bytes(self):
        """p95, p99 and most wire bytes at the default point, or Nones."""
        for point in self.points:
            if (point.mean, point.accuracy) == self.at(None):
                return point.p95, point.p99, point.max
        return None, None, None

    @property
    def unit(self):
        """Its `rate_curves.Unit`."""
        points = tuple((p.mean, p.accuracy) for p in self.points)
        tuned = self.tuned_rivals.points if self.tuned_rivals else ()
        return Unit(
            self.split,
            self.mode,
            unit_kind(self.flags.unit),
            points or (self.at(None),),
            self.at(None),
            self.baseline_accuracy,
            tuple(p.triple for p in self.cloud),
            tuple(p.triple for p in tuned),
        )

    def at(self, point):
        """Returns `(bytes, accuracy)` at a point, None for the only one."""
        if point is None:
            return self.wire_bytes, self.accuracy
        return self.points[point].mean, self.points[point].accuracy


def origin_of(made, what):
    """Returns the `Origin` of a report that is `Made`."""
    hardware = made.hardware
    names = [hardware.cpu, f"{hardware.cores} cores", *(hardware.gpus or ())]
    versions = {name: str(each) for name, each in made.versions.items()}
    return Origin(what, made.command, ", ".join(map(str, names)), versions)


def read(folder, made_by="bottlenet-train"):
    """Returns the `Run` in a work directory; see `reading.read`."""
    path = pathlib.Path(folder) / REPORT_FILE
    run = reading.read(path, Run, made_by, formats.REPORT)
    return msgspec.structs.replace(run, file=str(path))


def _is_cut(folder):
    """Whether a run has a unit; the report of another has fewer fields."""
    path = pathlib.Path(folder) / REPORT_FILE
    found = reading.read(path, _Cut, "bottlenet-train", formats.REPORT)
    return found.split is not None


def folders(path):
    """Returns a folder if it is a run's work directory, or those in it."""
    path = pathlib.Path(path)
    if (path / REPORT_FILE).is_file():
        return [path]
    return sorted(file.parent for file in path.glob(f"*/{REPORT_FILE}"))


def find(paths):
    """Returns the `Run`s with a unit in some work directories or folders."""
    found = []
    for path in paths:
        inner = [read(folder) for folder in folders(path) if _is_cut(folder)]
        if not inner:
            raise ValueError(
                "Runs with a unit are compared, and a folder must be the work "
                "directory of a finished one, or contain some. Received: "
                f"{str(path)!r}"
            )
        found += inner
    check_same_network(found)
    return tuple(found)


def by_name(runs):
    """Returns `{name: Run}`, by the names in profiles, or folders if equal."""
    names = [model_name(pathlib.Path(run.file).parent) for run in runs]
    return {
        name if names.count(name) == 1 else run.name: run
        for name, run in zip(names, runs)
    }


def check_same_network(runs):
    """Raises ValueError unless all runs are of one network and data set."""
    for run in runs[1:]:
        for field in _SAME:
            ours, theirs = getattr(runs[0], field), getattr(run, field)
            if ours != theirs:
                raise ValueError(
                    f"{run.file}: field {field!r} must be that of "
                    f"{runs[0].file}, because splits of one network are "
                    f"compared. Received: {theirs!r} against {ours!r}"
                )
