"""What a report needs of a finished run: its report.json and planes.png."""

import dataclasses
import pathlib

from bottlenet_tf import formats
from bottlenet_tf.rate_curves import Unit, unit_kind
from bottlenet_tf.report import fields, origins
from bottlenet_tf.run_folders import model_name

REPORT, PLANES = "report.json", "planes.png"
UNSEEN = "unseen"
_TRAIN = "bottlenet-train"


@dataclasses.dataclass(frozen=True)
class CloudPoint:
    """Cloud-only at one quality; accuracy in percent."""

    codec: str
    quality: int
    side: int
    num_bytes: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """What a unit takes and reaches at one; sizes in wire bytes."""

    mean: float
    median: float
    p95: float
    p99: float
    max: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Run:
    """A network with its unit, measured on all test images.

    Attributes:
        file: Its report.json.
        name: Of its folder.
        split, mode, kind: As of `rate_curves.Unit`.
        backbone, dataset, fingerprint: What was measured.
        part: Of the data, on which it was measured: "test".
        num_images: On how many images of it.
        accuracy: In percent.
        baseline_accuracy: Of the unsplit network; None if unknown.
        wire_bytes: Of one test image, in the mean.
        points: Tuple of `OperatingPoint`; empty if the report has none.
        choices: `{operating point: wire bytes of a validation image}`, what
            can be chosen; of a unit of one point, that is None. Empty if the
            run had no validation images.
        device_mac_share: Of the unsplit network's multiply-accumulates; may
            exceed 1, since the unit adds some. None if unknown.
        cloud: Tuple of `CloudPoint`.
        tuned: The same of networks that were tuned for the codec.
        left_out: `{codec: why}` of those that cloud-only lacks.
        feature_shape: `(H, W, C)` at the split; None if unknown.
        feature_bytes: Of the feature in 8 bits; None if unknown.
        planes: Path of the pictures; None if there are none.
        origin: `origins.Origin`.
        unseen: The same run on test images of classes that its unit never
            saw; None if there are none.
    """

    file: str
    name: str
    split: str
    mode: str
    kind: str
    backbone: str
    dataset: str
    fingerprint: str
    part: str
    num_images: int
    accuracy: float
    baseline_accuracy: float | None
    wire_bytes: float
    points: tuple
    choices: dict
    device_mac_share: float | None
    cloud: tuple
    tuned: tuple
    left_out: dict
    feature_shape: tuple | None
    feature_bytes: float | None
    planes: pathlib.Path | None
    origin: object
    unseen: "Run | None" = None

    @property
    def images(self):
        """On what it was measured, for people."""
        if self.part == "all":
            return f"{self.num_images:,} images"
        of = " of unseen classes" if self.part == UNSEEN else ""
        part = "test" if of else self.part
        return f"{self.num_images:,} {part} images{of}"

    def at(self, point):
        """Returns `(bytes, accuracy)` at an operating point, None the only."""
        if point is None:
            return self.wire_bytes, self.accuracy
        return self.points[point].mean, self.points[point].accuracy

    @property
    def high_bytes(self):
        """p95, p99 and most wire bytes at the default point, or Nones."""
        for point in self.points:
            if (point.mean, point.accuracy) == (self.wire_bytes, self.accuracy):
                return point.p95, point.p99, point.max
        return None, None, None

    @property
    def unit(self):
        """Its `rate_curves.Unit`."""
        default = (self.wire_bytes, self.accuracy)
        points = tuple((p.mean, p.accuracy) for p in self.points)
        return Unit(
            self.split, self.mode, self.kind, points or (default,), default
        )


def read(folder, split=None, made_by="bottlenet-search"):
    """Returns the `Run` in a folder.

    Args:
        folder: Its work directory.
        split: Which split point it must be of; None if of any.
        made_by: Program that makes such, for messages.

    Raises:
        FileNotFoundError, ValueError: naming file and field, if the run isn't
            finished, or its report is damaged or of another split.
    """
    folder = pathlib.Path(folder)
    report = fields.read(folder / REPORT, formats.REPORT, made_by)
    if split is None:
        split = report.text("split")
    report.check("split", repr(split), lambda value: value == split)
    raw = None if report.is_null("raw_features") else report.object(
        "raw_features"
    )  # fmt: skip
    planes = folder / PLANES
    run = Run(
        file=report.file,
        name=folder.resolve().name,
        split=split,
        mode=report.text("mode"),
        kind=unit_kind(report.object("flags").object("unit").content),
        backbone=report.text("backbone"),
        dataset=report.text("dataset"),
        part=report.text("measured_on"),
        choices=_choices(report),
        device_mac_share=report.number_or_none("device_mac_share"),
        feature_shape=raw and _shape(raw),
        feature_bytes=raw and raw.number("bytes"),
        planes=planes if planes.is_file() else None,
        origin=origins.of_report(report, f"network and unit at {split}"),
        **_figures(report),
    )
    if UNSEEN not in report.content:
        return run
    figures = _figures(report.object(UNSEEN))
    unseen = dataclasses.replace(run, part=UNSEEN, **figures)
    return dataclasses.replace(run, unseen=unseen)


def holds_runs(path):
    """Whether a folder is the work directory of a run, or holds some."""
    path = pathlib.Path(path)
    return (path / REPORT).is_file() or any(path.glob(f"*/{REPORT}"))


def find(paths):
    """Returns the `Run`s with a unit in some folders.

    Args:
        paths: Work directories, or folders that hold some.

    Raises:
        ValueError: if there is none in one of them, or they aren't of one
            network and data set; and as `read`.
    """
    found = []
    for path in map(pathlib.Path, paths):
        folders = (
            [path]
            if (path / REPORT).is_file()
            else sorted(file.parent for file in path.glob(f"*/{REPORT}"))
        )
        inner = [read(f, made_by=_TRAIN) for f in folders if _has_unit(f)]
        if not inner:
            raise ValueError(
                "Runs with a unit are compared, and a folder must be the work "
                "directory of one that is finished, or hold some. "
                f"Received: {str(path)!r}"
            )
        found += inner
    check_same_network(found)
    return tuple(found)


def by_name(runs):
    """Returns `{name: Run}`, by the names that profiles have."""
    return {model_name(pathlib.Path(run.file).parent): run for run in runs}


def _has_unit(folder):
    report = fields.read(folder / REPORT, formats.REPORT, _TRAIN)
    return not report.is_null("split")


def check_same_network(runs):
    """Raises ValueError unless all runs are of one network and data set."""
    for run in runs[1:]:
        for name in ("backbone", "dataset", "fingerprint", "baseline_accuracy"):
            ours, theirs = getattr(runs[0], name), getattr(run, name)
            if ours != theirs:
                field = name.replace("fing", "dataset_fing")
                raise ValueError(
                    f"{run.file}: field {field!r} must be that of "
                    f"{runs[0].file}, because splits of one network are "
                    f"compared. Received: {theirs!r} against {ours!r}"
                )


def _figures(report):
    """Returns the `Run`'s figures that were measured on one part."""
    return {
        "fingerprint": report.text("dataset_fingerprint"),
        "num_images": report.whole("num_images", 1),
        "accuracy": report.percent("accuracy"),
        "baseline_accuracy": report.percent_or_none("baseline_accuracy"),
        "wire_bytes": report.number("wire_bytes_mean"),
        "points": _points(report),
        "cloud": tuple(map(_cloud, report.objects("cloud_only"))),
        "tuned": _tuned(report),
        "left_out": _left_out(report),
    }


def _cloud(point):
    return CloudPoint(
        point.text("codec"),
        point.whole("quality"),
        point.whole("side", 1),
        point.positive("bytes"),
        point.percent("accuracy"),
    )


def _tuned(report):
    if report.content.get("tuned_rivals") is None:
        return ()
    points = report.object("tuned_rivals").objects("points")
    return tuple(_cloud(point) for point in points)


def _points(report):
    if "points" not in report.content:
        return ()
    return tuple(
        OperatingPoint(
            point.positive("wire_bytes_mean"),
            *(
                point.number(f"wire_bytes_{name}")
                for name in ("median", "p95", "p99", "max")
            ),
            point.percent("accuracy"),
        )
        for point in report.objects("points")
    )


def _choices(report):
    if report.content["measured_on"] != "validation":
        if report.is_null("validation"):
            return {}
        report = report.object("validation")
    points = report.objects("points") if "points" in report.content else ()
    if len(points) < 2:
        return {None: report.number("wire_bytes_mean")}
    return {
        point.whole("index"): point.positive("wire_bytes_mean")
        for point in points
    }


def _left_out(report):
    if "reasons" not in report.content:
        return {}
    return {
        figure.removeprefix("cloud_only."): reason
        for figure, reason in report.object("reasons").content.items()
        if figure.startswith("cloud_only.")
    }


def _shape(raw):
    return tuple(
        raw.check(
            "shape",
            "three numbers [H, W, C]",
            lambda value: isinstance(value, list) and len(value) == 3,
        )
    )
