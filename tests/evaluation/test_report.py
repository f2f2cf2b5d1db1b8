"""Tests of the report and its table."""

import math

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.evaluation import (
    Baselines,
    CloudPoint,
    Curve,
    SplitResult,
    baselines,
    image_codecs,
)

CONFIG = TrainConfig(split="RB3", seed=7, unit=UnitConfig(quality=50))
BASELINES = Baselines(
    80.0,
    (
        CloudPoint("jpeg", 10, 32, 100.0, 719.0, 50.0),
        CloudPoint("jpeg", 90, 32, 400.0, 1019.0, 79.0),
        CloudPoint("webp", 50, 32, 250.0, 250.0, 60.0),
        CloudPoint("webp", 90, 32, 450.0, 450.0, 79.5),
    ),
)
# Mean 42 payload and 50 wire bytes.
RESULT = SplitResult(60.0, np.array([32, 42, 52]), np.array([40, 50, 60]))
RAW = baselines.RawFeatures((8, 8, 4), 264, 200.0, 20, 79.9)


def _report(dataset, config=CONFIG, baselines=BASELINES, **kwargs):
    result, raw = kwargs.pop("result", RESULT), kwargs.pop("raw", RAW)
    curve = result and Curve((50,), (result,))
    curve = kwargs.pop("curve", curve)
    measured = evaluation.Measured(dataset, baselines, curve, raw)
    kwargs = {
        "device_mac_share": np.float32(0.25),
        "training": {"steps": 10, "examples": np.int64(1280), "seconds": 1.5},
        "command": ["train.py", "--seed=7"],
        **kwargs,
    }
    return evaluation.build_report(config, dataset, measured, **kwargs)


@pytest.fixture
def report(dataset):
    return _report(dataset)


def _reasons_besides_curves(report):
    """Names of figures that aren't there, without those of a curve."""
    return {
        name
        for name in report["reasons"]
        if "_at_drop." not in name and not name.startswith("bd_rate.")
    }


def test_sizes_and_ratios_by_hand(report):
    assert report["payload_bytes_mean"] == 42.0
    assert report["wire_bytes_mean"] == 50.0
    assert report["wire_bytes_median"] == 50.0
    assert report["wire_bytes_p95"] == 60.0
    assert report["overhead_bytes"] == 8
    assert (report["accuracy"], report["accuracy_drop"]) == (60.0, 20.0)
    # JPEG reaches 60 at 100 + 300 * 10 / 29 = 203.4 bytes, WebP at 250.
    expected = 100 + 300 * 10 / 29
    assert report["accuracy_matched_bytes"] == pytest.approx(expected)
    assert report["accuracy_matched_codec"] == "jpeg"
    ratio = report["accuracy_matched_ratio"]
    assert ratio == pytest.approx(expected / 50)
    assert report["paper_ratio"] == pytest.approx(1019 / 42)
    assert _reasons_besides_curves(report) == {"tuned_rivals"}


def test_a_codec_that_sends_nothing_has_no_ratio_of_the_paper_s(dataset):
    nothing = SplitResult(20.0, np.zeros(3, int), np.full(3, 6))
    report = _report(dataset, result=nothing)
    assert report["paper_ratio"] is None
    assert report["reasons"]["paper_ratio"] == "no image has any image data"


def test_points_by_hand(dataset):
    other = SplitResult(70.0, np.array([62, 72, 76]), np.array([70, 80, 84]))
    curve = Curve((50, 90), (RESULT, other))
    first, second = _report(dataset, curve=curve)["points"]
    assert first["index"] == 0 and first["value"] == 50
    assert second == {
        "index": 1,
        "value": 90,
        "accuracy": 70.0,
        "accuracy_drop": 10.0,
        "wire_bytes_mean": 78.0,
        "wire_bytes_median": 80.0,
        "wire_bytes_p95": 84.0,
        "wire_bytes_p99": 84.0,
        "wire_bytes_max": 84.0,
        "payload_bytes_mean": 70.0,
    }


def test_the_figures_are_those_of_the_default_point(dataset):
    other = SplitResult(70.0, np.array([62, 72, 76]), np.array([70, 80, 84]))
    curve = Curve((90, 50), (other, RESULT), default_point=1)
    report, alone = _report(dataset, curve=curve), _report(dataset)
    of_all = (
        "points", "default_point", "bd_rate", "bd_rate_range", "reasons",
    )  # fmt: skip
    assert report["default_point"] == 1
    for name in of_all:
        assert report.pop(name) != alone.pop(name)
    assert report == alone


def test_points_without_an_untouched_network_have_no_drop(dataset):
    (point,) = _report(dataset, baselines=None, raw=None)["points"]
    assert point["accuracy_drop"] is None and point["accuracy"] == 60.0


def test_a_validation_section_has_points_of_its_own(dataset):
    better = SplitResult(79.0, RESULT.payload_bytes, RESULT.wire_bytes)
    measured = evaluation.Measured(
        dataset, BASELINES, Curve((50,), (better,)), RAW
    )
    report = _report(dataset, validation=measured)
    assert report["points"][0]["accuracy"] == 60.0
    assert report["validation"]["points"][0]["accuracy"] == 79.0


def test_unseen_classes_have_a_section_of_their_own(dataset, report):
    assert "unseen" not in report
    other = SplitResult(40.0, np.array([58, 74]), np.array([66, 82]))
    baselines = Baselines(70.0, BASELINES.cloud_only)
    unseen = evaluation.Measured(dataset, baselines, Curve((50,), (other,)))
    section = _report(dataset, unseen=unseen)["unseen"]
    assert section["wire_bytes_mean"] == 74.0
    assert section["baseline_accuracy"] == 70.0
    assert section["accuracy_drop"] == 30.0
    # 50 % at 100 bytes is the cheapest above 40 %.
    assert section["accuracy_matched_bytes"] == 100.0


def test_the_table_has_one_more_part_of_unseen_classes(dataset):
    other = SplitResult(40.0, np.array([58, 74]), np.array([66, 82]))
    unseen = evaluation.Measured(dataset, BASELINES, Curve((50,), (other,)))
    report = _report(dataset, unseen=unseen)
    report["unseen"]["num_images"] = 7
    seen, rest = evaluation.markdown_table([report]).split(
        "7 test images of classes that the unit never saw"
    )
    assert "50.0" in seen and "74.0" not in seen
    assert "74.0" in rest


def test_report_says_how_it_came_about(report):
    assert report["flags"]["unit"]["quality"] == 50
    assert report["flags"]["sweep_qualities"][0] == 1
    assert report["command"] == ["train.py", "--seed=7"]
    assert report["seed"] == 7
    assert report["training"]["examples"] == 1280
    assert set(report["versions"]) == {
        "python", "tensorflow", "keras", "numpy", "pillow", "bottlenet_tf",
    }  # fmt: skip
    assert report["hardware"]["cores"] >= 1 and report["hardware"]["cpu"]


def test_report_names_the_network_that_was_measured(dataset):
    assert _report(dataset, unit_id=2**32 - 1)["unit_id"] == 2**32 - 1
    assert _report(dataset)["unit_id"] is None


def test_report_survives_the_file(report, tmp_path):
    path = evaluation.write_report(tmp_path / "run", report)
    assert path.name == "report.json"
    assert evaluation.load_report(path) == report
    assert evaluation.load_report(tmp_path / "run") == report


def test_report_holds_plain_python_values_only(report):
    def leaves(value):
        if isinstance(value, (dict, list)):
            items = value.values() if isinstance(value, dict) else value
            return {kind for item in items for kind in leaves(item)}
        return {type(value)}

    assert leaves(report) <= {str, int, float, bool, type(None)}


def test_images_left_out_are_counted_and_named(dataset):
    dataset.skipped = [f"cat/{i}.png" for i in range(30)]
    dataset.passed_over = {"files": {".tif": 2}}
    report = _report(dataset)
    assert report["num_skipped"] == 30
    assert report["passed_over"] == {"files": {".tif": 2}}
    assert report["skipped"][0] == "cat/0.png" and len(report["skipped"]) == 20


def test_nan_becomes_null_with_a_reason(dataset, tmp_path):
    report = _report(
        dataset, training={"seconds": np.nan, "loss": [1.0, math.inf]}
    )
    assert report["training"] == {"seconds": None, "loss": [1.0, None]}
    assert report["reasons"]["training.seconds"].endswith("nan")
    assert report["reasons"]["training.loss[1]"].endswith("inf")
    text = evaluation.write_report(tmp_path, report).read_text()
    assert "NaN" not in text and "Infinity" not in text


def test_accuracy_above_the_sweep_has_no_ratio_but_a_reason(dataset):
    better = SplitResult(79.8, RESULT.payload_bytes, RESULT.wire_bytes)
    report = _report(dataset, result=better)
    assert report["accuracy_matched_ratio"] is None
    for figure in ("bytes", "ratio"):
        reason = report["reasons"][f"accuracy_matched_{figure}"]
        assert "79.80 is above" in reason


def test_network_without_weights_leaves_comparisons_empty(dataset):
    report = _report(dataset, baselines=None, raw=None)
    assert report["baseline_accuracy"] is None
    assert report["accuracy_drop"] is None
    assert report["cloud_only"] == []
    assert "no trained weights" in report["reasons"]["baseline_accuracy"]
    assert "no trained weights" not in evaluation.markdown_table([report])


def test_baseline_reports_no_unit(dataset, tmp_path):
    report = _report(
        dataset, TrainConfig(mode="baseline"), result=None, raw=None
    )
    assert report["accuracy"] == report["baseline_accuracy"] == 80.0
    assert len(report["cloud_only"]) == 4
    assert not any("bytes_" in key or "ratio" in key for key in report)
    evaluation.load_report(evaluation.write_report(tmp_path, report))


def test_result_must_fit_the_mode(dataset):
    with pytest.raises(ValueError, match="mode='baseline'"):
        _report(dataset, TrainConfig(mode="baseline"))
    with pytest.raises(ValueError, match="curve=None"):
        _report(dataset, result=None)


def test_missing_report_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="finished run.*Received"):
        evaluation.load_report(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"mode": "aware", "bac', "must be JSON"),
        (b"\xff\xfe\x00", "must be JSON"),
        (b"[1, 2]", "foreign"),
        (b'{"accuracy": 99}', "format=None"),
        (b'{"format": "bottlenet_tf.report.2"}', "missing=.'mode'"),
    ],
)
def test_corrupt_or_foreign_file_is_refused(tmp_path, content, message):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        evaluation.load_report(tmp_path)


def test_failed_write_leaves_the_old_report(report, tmp_path):
    path = evaluation.write_report(tmp_path, report)
    with pytest.raises(ValueError):
        write_json(path, {"accuracy": math.nan})
    with pytest.raises(TypeError):
        write_json(path, {"accuracy": object()})
    assert evaluation.load_report(path) == report
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_table_is_aligned_and_in_order(dataset):
    reports = [
        _report(dataset, TrainConfig(split=split))
        for split in ("RB10", "RB2", "RB1")
    ]
    table = evaluation.markdown_table(reports)
    blocks = [b.splitlines() for b in table.split("\n\n")]
    assert blocks[0] == ["cifar_resnet20 on test, 20 test images"]
    for block in blocks[1:]:
        assert len({len(line) for line in block}) == 1
    firsts = [line.split("|")[1].strip() for line in blocks[1][2:]]
    assert firsts == ["RB1", "RB2", "RB10"]
    cells = [cell.strip() for cell in blocks[1][2].split("|")[1:-1]]
    assert cells == [
        "RB1", "aware", "60.00", "20.00", "42.0", "50.0", "50", "60", "60",
        "60", "203 JPEG", "4.07x", "–", "–", "25.0%",
    ]  # fmt: skip


def test_table_shows_every_baseline(report):
    table = evaluation.markdown_table([report])
    names = [
        line.split("|")[1].strip()
        for line in table.split("\n\n")[-1].splitlines()[2:]
    ]
    assert names == [
        "network, unsplit",
        "JPEG 90, most accurate",
        "JPEG 90, within 2 points",
        "WebP 90, most accurate",
        "WebP 90, within 2 points",
        "RB3 feature, 8 bit (deflated)",
        "label only",
    ]
    assert " 264 (200) " in table


def test_codec_that_is_left_out_is_reported(dataset, monkeypatch):
    monkeypatch.setattr(image_codecs, "imagecodecs", None)
    report = _report(dataset)
    assert _reasons_besides_curves(report) == {"tuned_rivals", "cloud_only.jxl"}
    reason = report["reasons"]["cloud_only.jxl"]
    assert "JPEG XL" in reason
    table = evaluation.markdown_table([report])
    assert table.endswith(f"JPEG XL is left out: {reason}.")


def test_table_marks_bounds(dataset):
    poor = SplitResult(30.0, RESULT.payload_bytes, RESULT.wire_bytes)
    table = evaluation.markdown_table([_report(dataset, result=poor)])
    assert "≤ 100 JPEG" in table and "≤ 2.00x" in table
