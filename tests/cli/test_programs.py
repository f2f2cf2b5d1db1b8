"""The demo and figure 7, end to end on a tiny network."""

import json

import pytest

from tests.cli import programs


@pytest.fixture
def small(tiny_backbone, tmp_path):
    """Flags that make any program quick."""
    return [
        f"--workdir={tmp_path}",
        f"--backbone={tiny_backbone}",
        "--max_train=24",
        "--max_test=16",
        "--batch_size=8",
        "--epochs=1",
        "--sweep_qualities=10,90",
    ]


@pytest.mark.slow
def test_the_demo_goes_from_training_to_a_choice(small, tmp_path):
    ran = programs.run(
        "demo", *small, "--splits=conv,cut", "--baseline_epochs=1",
        "--max_accuracy_loss=100", "--allow_chance", "--max_train=100",
        "--max_validation=16",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    runs = sorted(path.name for path in (tmp_path / "candidates").iterdir())
    assert runs in (["conv", "conv_jpeg"], ["cut", "cut_jpeg"])
    table = ran.stdout.split("== Results ==")[1]
    assert f"| {runs[0]}" in table and f"| {runs[0]}_jpeg" in table
    assert (tmp_path / "rate_accuracy.png").stat().st_size > 0
    # The device program's files, answered by the server's half.
    payloads = sorted((tmp_path / "sent" / "payloads").iterdir())
    answered = ran.stdout.split("== Server")[1]
    for payload in payloads:
        name = payload.name.removesuffix(".payload")
        assert f"{name}: {payload.stat().st_size} bytes, is a " in answered
    assert len(payloads) == 5
    assert "| tail.onnx | " in ran.stdout
    chosen = ran.stdout.split("== Which split, at which rate? ==")[1]
    for network in ("3g", "4g", "wifi"):
        assert f"| {network} " in chosen
    assert "a device 20 times slower than this machine" in chosen
    assert "5 ms round trip" in chosen and "154 B more" in chosen
    assert "With this machine as the device: " in chosen
    here, device = (
        json.loads((tmp_path / name).read_text())["rows"]
        for name in ("server.json", "device.json")
    )
    assert device[0]["median_ms"] == pytest.approx(20 * here[0]["median_ms"])
    assert f"Report: {tmp_path / 'report.html'}" in chosen
    assert (tmp_path / "report.html").stat().st_size > 0


@pytest.mark.slow
def test_figure7_measures_both_ways_at_every_quality(small, tmp_path):
    ran = programs.run(
        "figure7", *small, "--dataset=digits", "--split=cut", "--qualities=5,90"
    )
    assert ran.returncode == 0, ran.stderr
    written = json.loads((tmp_path / "figure7.json").read_text())
    assert written["dataset"] == "digits"
    assert written["unit"]["split"] == "cut"
    points = written["points"]
    assert [(p["mode"], p["quality"]) for p in points] == [
        ("naive", 5),
        ("naive", 90),
        ("aware", 5),
        ("aware", 90),
    ]
    assert (tmp_path / "figure7.png").stat().st_size > 0


def test_figure7_refuses_a_bad_quality_before_it_trains(small, tmp_path):
    ran = programs.run("figure7", *small, "--dataset=digits", "--qualities=0")
    assert ran.returncode == 1
    assert "qualities=(0,)" in ran.stderr
    assert not (tmp_path / "naive").exists()
