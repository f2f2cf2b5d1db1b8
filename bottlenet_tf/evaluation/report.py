"""`report.json`: all figures of one run and the conditions of measuring."""

import dataclasses
import math
import pathlib
import sys

import numpy as np

from bottlenet_tf.common import formats
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.run_folders import REPORT_FILE
from bottlenet_tf.evaluation.baselines import label_only
from bottlenet_tf.evaluation.comparison import UNTRAINED, compare
from bottlenet_tf.evaluation.curves import curve_figures
from bottlenet_tf.evaluation.environment import hardware, versions
from bottlenet_tf.evaluation.image_codecs import missing_codecs
from bottlenet_tf.evaluation.split import summarize

_SKIPPED_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class Measured:
    """The measurements on one `data.Part`.

    Attributes:
        part: `data.Part`.
        baselines: `Baselines` of the untouched network; None if the unit's
            network was trained from scratch.
        curve: `Curve`; None if and only if the mode has no unit.
        raw: `RawFeatures` or None.
    """

    part: object
    baselines: object
    curve: object = None
    raw: object = None


def build_report(
    config,
    dataset,
    measured,
    *,
    validation=None,
    unseen=None,
    device_mac_share=None,
    unit_id=None,
    untouched_sha256=None,
    training=None,
    command=None,
):
    """Assembles one run's figures.

    Accuracies are in percent, sizes in bytes, `accuracy_drop` in points
    below the untouched network. `accuracy_matched_ratio` divides the fewest
    cloud-only bytes at our accuracy by our mean wire bytes; it is an upper
    bound if `accuracy_matched_at_most`. For several labels per image (`output`
    is "sigmoid"), accuracies are of exact matches, and there is
    `mean_average_precision`, too. `paper_ratio` is the paper's, at any
    accuracies: the complete JPEG file at the sweep's highest quality over our
    image data alone. `points` are the unit's operating points;
    `curves.curve_figures` explains the figures of the curve through them. A
    figure that doesn't exist is None, and `reasons` says why under its name;
    under "cloud_only.avif", why the sweep has no AVIF.

    The figures are those of `measured_on`, the test images unless the run is
    for choosing. Choices are made by those under `validation`, for the
    validation images; see `run_folders.choosing_figures`. With
    --unseen_classes, the test images are those of the seen classes, and the
    same figures of the unseen ones are under `unseen`.

    Args:
        measured: `Measured` on the part that the run reports.
        validation: `Measured` on the validation images; None if `measured`
            is, or if there are none.
        unseen: `Measured` on the test images of unseen classes, or None.
        device_mac_share: 0 to 1, `BottleNet.device_mac_share()`.
        unit_id: `evaluation.unit_id` of the measured network.
        untouched_sha256: `evaluation.weights_sha256` of the untouched network
            that `baselines` are of; None without them.
        training: Dictionary of steps, examples and seconds spent, or None.
    """
    figures = _section(config, dataset, measured)
    reasons = figures.pop("reasons")
    report = {
        "format": formats.REPORT,
        "mode": config.mode,
        "backbone": config.backbone,
        "split": config.split if config.has_unit else None,
        "dataset": dataset.name,
        "num_skipped": len(dataset.skipped),
        "skipped": dataset.skipped[:_SKIPPED_SHOWN],
        "passed_over": dataset.passed_over,
        "output": measured.part.task.output,
        "measured_on": measured.part.name,
        "untouched_sha256": untouched_sha256,
        **figures,
    }
    if config.has_unit:
        report["unit_id"] = unit_id
        report["device_mac_share"] = device_mac_share
    report |= {
        "seed": config.seed,
        "flags": config,
        "training": training,
        "command": sys.argv if command is None else command,
        "versions": versions(),
        "hardware": hardware(),
    }
    report = {**_plain(report, "", reasons), "reasons": reasons}
    report["validation"] = None
    if validation is not None:
        report["validation"] = _section(config, dataset, validation)
    if unseen is not None:
        report["unseen"] = _section(config, dataset, unseen)
    return report


def _section(config, dataset, measured):
    """Returns plain figures of one part of the data, with `reasons`."""
    figures, reasons = _figures(config, dataset, measured)
    return {**_plain(figures, "", reasons), "reasons": reasons}


def _figures(config, dataset, measured):
    """Returns `(figures, reasons)` of one part of the data."""
    part, baselines, curve = measured.part, measured.baselines, measured.curve
    if config.has_unit == (curve is None) or not (curve or baselines):
        raise ValueError(
            "A split network's report needs its `curve`; one without a unit "
            "needs `baselines` and has no `curve`. "
            f"Received: mode={config.mode!r}, curve={curve!r}, "
            f"baselines={type(baselines).__name__}"
        )
    reasons = {}
    figures = {
        "dataset_fingerprint": part.fingerprint,
        "num_images": len(part),
        "baseline_accuracy": None,
        "accuracy": None,
        "cloud_only": [],
        "label_only": None,
    }
    if baselines is None:
        for figure in ("baseline_accuracy", "label_only", "raw_features"):
            reasons[figure] = UNTRAINED
    else:
        known = baselines.network_accuracy
        figures["baseline_accuracy"] = figures["accuracy"] = known
        figures["cloud_only"] = [_cloud_point(p) for p in baselines.cloud_only]
        figures["label_only"] = label_only(
            dataset.num_classes, known, part.task
        )
        for codec, reason in missing_codecs().items():
            reasons[f"cloud_only.{codec}"] = reason
        figures |= _precision("baseline_", baselines)
    if config.mode == "cloud":
        figures |= _own_point(config, baselines)
    if curve is not None:
        figures["raw_features"] = measured.raw
        figures |= _sizes(curve.default)
        figures["points"] = _points(curve, baselines)
        figures["default_point"] = curve.default_point
        for found, missing in (
            compare(curve.default, baselines),
            curve_figures(figures),
        ):
            figures |= found
            reasons |= missing
        figures["tuned_rivals"] = None
        reasons["tuned_rivals"] = "none were requested (--tuned_rivals)"
    return figures, reasons


def _own_point(config, baselines):
    """Returns a tuned network's figures at the quality it is tuned for."""
    (own,) = (
        point
        for point in baselines.cloud_only
        if point.quality == config.image_quality
    )
    return {
        "accuracy": own.accuracy,
        "accuracy_drop": baselines.network_accuracy - own.accuracy,
        "wire_bytes_mean": own.bytes_mean,
    }


def write_report(workdir, report):
    """Writes `report.json` to `workdir`, atomically; returns its path."""
    return write_json(pathlib.Path(workdir) / REPORT_FILE, report)


def _precision(prefix, found):
    """Returns the mean average precision, if several labels were measured."""
    value = found.mean_average_precision
    return {} if value is None else {f"{prefix}mean_average_precision": value}


def _cloud_point(point):
    return {
        "codec": point.codec,
        "quality": point.quality,
        "side": point.side,
        "bytes": point.bytes_mean,
        "file_bytes": point.file_bytes_mean,
        "accuracy": point.accuracy,
    }


def _sizes(result):
    return {
        "accuracy": result.accuracy,
        **_precision("", result),
        "overhead_bytes": result.overhead_bytes,
        **_named("payload_bytes", result.payload_bytes),
        **_named("wire_bytes", result.wire_bytes),
    }


def _named(name, sizes):
    found = summarize(sizes)._asdict()
    return {f"{name}_{kind}": value for kind, value in found.items()}


def _points(curve, baselines):
    """Returns accuracy and sizes at each operating point."""
    known = baselines and baselines.network_accuracy
    return [
        {
            "index": index,
            "value": value,
            "accuracy": result.accuracy,
            "accuracy_drop": None if known is None else known - result.accuracy,
            **_precision("", result),
            **_named("wire_bytes", result.wire_bytes),
            "payload_bytes_mean": summarize(result.payload_bytes).mean,
        }
        for index, (value, result) in enumerate(
            zip(curve.points, curve.results, strict=True)
        )
    ]


def _plain(value, path, reasons):
    """Returns `value` in Python's own types; no NaN, but a reason."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {
            str(key): _plain(item, f"{path}.{key}" if path else key, reasons)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, np.ndarray)):
        return [
            _plain(item, f"{path}[{i}]", reasons)
            for i, item in enumerate(value)
        ]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        reasons[path] = f"not a finite number: {value}"
        return None
    return value
