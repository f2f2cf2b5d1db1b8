"""`report.json`: all figures of one run and what they were measured with."""

import dataclasses
import math
import pathlib
import sys

import numpy as np

from bottlenet_tf import formats
from bottlenet_tf.evaluation.baselines import label_only
from bottlenet_tf.evaluation.comparison import UNTRAINED, compare
from bottlenet_tf.evaluation.environment import hardware, versions
from bottlenet_tf.evaluation.image_codecs import missing_codecs
from bottlenet_tf.evaluation.split import summarize
from bottlenet_tf.json_file import write_json
from bottlenet_tf.run_folders import REPORT_FILE

FORMAT = formats.REPORT
_SKIPPED_SHOWN = 20


def build_report(
    config,
    dataset,
    baselines,
    *,
    result=None,
    device_mac_share=None,
    raw=None,
    unit_id=None,
    training=None,
    command=None,
):
    """Puts one run's figures together.

    Accuracies are in percent, sizes in bytes, `accuracy_drop` in points
    below the untouched network. `accuracy_matched_ratio` divides the fewest
    cloud-only bytes at our accuracy by our mean wire bytes; it is an upper
    bound if `accuracy_matched_at_most`. `paper_ratio` is the paper's way,
    whatever the accuracies: the whole JPEG file at the sweep's highest
    quality over our image data alone. A figure that doesn't exist is None,
    and `reasons` says why under its name; under "cloud_only.avif", why the
    sweep has no AVIF.

    Args:
        config: `TrainConfig` of the run.
        dataset: `data.Dataset` whose test images were used.
        baselines: `Baselines` of the untouched network; None if the run has
            none, being trained from scratch with its unit.
        result: `SplitResult`; None if and only if the mode is "baseline".
        device_mac_share: 0 to 1, `BottleNet.device_mac_share()`.
        raw: `RawFeatures` or None.
        unit_id: `evaluation.unit_id` of the network that was measured.
        training: Dictionary of steps, examples and seconds spent, or None.
        command: List of arguments; `sys.argv` if None.

    Returns:
        Dictionary of plain Python values, ready for JSON.

    Raises:
        ValueError: if `result` or `baselines` don't fit the mode.
    """
    is_baseline = config.mode == "baseline"
    if is_baseline != (result is None) or is_baseline and baselines is None:
        raise ValueError(
            "A split network's report needs its `result`; a baseline's needs "
            "`baselines` and has no `result`. "
            f"Received: mode={config.mode!r}, result={result!r}, "
            f"baselines={type(baselines).__name__}"
        )
    reasons = {}
    report = {
        "format": FORMAT,
        "mode": config.mode,
        "backbone": config.backbone,
        "split": None if is_baseline else config.split,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "num_test": dataset.num_test,
        "num_skipped": len(dataset.skipped),
        "skipped": dataset.skipped[:_SKIPPED_SHOWN],
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
        report["baseline_accuracy"] = report["accuracy"] = known
        report["cloud_only"] = [_cloud_point(p) for p in baselines.cloud_only]
        report["label_only"] = label_only(dataset.num_classes, known)
        for codec, reason in missing_codecs().items():
            reasons[f"cloud_only.{codec}"] = reason
    if result is not None:
        report["unit_id"] = unit_id
        report["raw_features"] = raw
        report["device_mac_share"] = device_mac_share
        report |= _sizes(result)
        figures, missing = compare(result, baselines)
        report |= figures
        reasons |= missing
    report |= {
        "seed": config.seed,
        "flags": config,
        "training": training,
        "command": sys.argv if command is None else command,
        "versions": versions(),
        "hardware": hardware(),
    }
    return {**_plain(report, "", reasons), "reasons": reasons}


def write_report(workdir, report):
    """Writes `report.json` to `workdir`, whole or not; returns its path."""
    return write_json(pathlib.Path(workdir) / REPORT_FILE, report)


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
        "overhead_bytes": result.overhead_bytes,
        **{
            f"{kind}_bytes_{name}": value
            for kind, sizes in (
                ("payload", result.payload_bytes),
                ("wire", result.wire_bytes),
            )
            for name, value in summarize(sizes)._asdict().items()
        },
    }


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
