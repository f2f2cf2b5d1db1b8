"""bottlenet-report as a program: what it refuses, without TensorFlow."""

import json

from bottlenet_tf.cli import report
from bottlenet_tf.common import formats
from bottlenet_tf.search import baseline, runner
from tests.cli import programs


def _search(folder):
    """A search of one split that has no acceptable unit."""
    base = {
        "format": baseline.FORMAT, "splits": ["RB1"], "accuracy": 90.0,
        "config": {
            "base": {"backbone": "tiny"}, "search_images": None, "splits": [],
        },
    }  # fmt: skip
    (folder / baseline.SEARCH).write_text(json.dumps(base))
    results = {
        "format": baseline.FORMAT, "command": ["bottlenet-search"],
        "max_accuracy_loss": 2.0, "candidates": {"RB1": None}, "trials": [],
        "examples": 0, "examples_exhaustive": 10,
    }  # fmt: skip
    (folder / runner.RESULTS).write_text(json.dumps(results))


def test_a_page_is_made_and_what_is_left_out_is_reported(tmp_path):
    _search(tmp_path)
    ran = programs.run("report", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert f"Report: {tmp_path / 'report.html'}" in ran.stdout
    assert "Left out: " in ran.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Where to split tiny" in page
    assert (tmp_path / "report" / "network.png").is_file()


def test_it_may_be_written_elsewhere(tmp_path):
    search = tmp_path / "search"
    search.mkdir()
    _search(search)
    _report(str(search), f"--out={tmp_path / 'out'}")
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (search / "report.html").exists()


def _report(*arguments):
    programs.call(report.main, [report._ReportConfig], *arguments)


def _run(folder, size, accuracy, **changes):
    """A run with a unit, of no image codec's rivals."""
    content = {
        "format": formats.REPORT, "mode": "aware", "backbone": "tiny",
        "split": "RB1", "dataset": "digits", "dataset_fingerprint": "abc",
        "measured_on": "test", "num_images": 10, "validation": None,
        "baseline_accuracy": 90.0, "accuracy": accuracy, "cloud_only": [],
        "raw_features": None, "device_mac_share": 0.2,
        "wire_bytes_mean": size, "flags": {"unit": {"codec": "jpeg"}},
        "command": ["train.py"], "versions": {},
        "hardware": {"cpu": "Test CPU", "cores": 2, "gpus": []}, **changes,
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(content))


def test_runs_are_compared_with_others(tmp_path):
    for folder, size, split in (
        ("ours/fine", 100.0, "RB1"), ("ours/coarse", 50.0, "RB1"),
        ("theirs/fine", 200.0, "RB2"), ("theirs/coarse", 100.0, "RB2"),
    ):  # fmt: skip
        accuracy = 89.0 if folder.endswith("fine") else 80.0
        _run(tmp_path / folder, size, accuracy, split=split)
    ours = tmp_path / "ours"
    _report(str(ours), f"--against={tmp_path / 'theirs'}")
    page = (ours / "report.html").read_text(encoding="utf-8")
    # Half of their bytes.
    assert "<td>-50.0</td>" in page
    assert (ours / "report" / "rate_accuracy.csv").is_file()
