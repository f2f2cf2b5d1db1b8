"""`bottlenet-select` from files to a decision."""

import json
import shutil

import pytest

from bottlenet_tf.cli import selecting
from bottlenet_tf.cli.selecting_flags import CostConfig, SelectConfig
from bottlenet_tf.common import formats
from tests.cli import programs

_FIGURES = {
    "num_images": 16, "dataset_fingerprint": "abc", "accuracy": 80.0,
    "accuracy_drop": 11.0, "wire_bytes_mean": 300.0,
    "baseline_accuracy": 91.0, "cloud_only": [], "raw_features": None,
    "label_only": {"bits": 4, "bytes": 1, "accuracy": 91.0},
}  # fmt: skip
_REPORT = {
    "format": formats.REPORT, "mode": "aware", "backbone": "/nets/tiny.keras",
    "split": "cut", "dataset": "digits", "measured_on": "test",
    "unit_id": 0xABCD, "untouched_sha256": None, "training": {}, **_FIGURES,
    "validation": _FIGURES,
    "flags": {
        "unit": {"channels": 1, "stride": 2, "codec": "jpeg", "quality": 50}
    },
}  # fmt: skip


@pytest.fixture
def select(capsys):
    """Selects by flags; returns what is printed."""

    def select(*arguments):
        sections = CostConfig, SelectConfig
        programs.call(selecting.main, sections, *arguments)
        return capsys.readouterr().out

    return select


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two runs that never were."""
    root = tmp_path_factory.mktemp("sweep")
    for name in ("range", "learned"):
        (root / name).mkdir()
        (root / name / "report.json").write_text(json.dumps(_REPORT))
        (root / name / "model.keras").touch()
        (root / name / "config.json").touch()
    return root


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """A profile by hand of both runs of the sweep."""
    network = "tiny.keras"  # A file's name, without its folders.
    lines = ["# device=Phone", f"# network={network}",
             "split,part,median_ms,power_mw", ",whole,10,2000"]  # fmt: skip
    for split, head in (("range", 2), ("learned", 3)):
        lines += [
            f"{split},head,{head},2000", f"{split},encode,0.5,2000",
            f"{split},decode,0.1,2000", f"{split},tail,1,2000",
        ]  # fmt: skip
    path = tmp_path_factory.mktemp("profile") / "phone.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_it_chooses_and_writes_what_it_chose(select, sweep, profile, tmp_path):
    out = tmp_path / "selection.json"
    shown = select(
        f"--runs={sweep}", f"--device_profile={profile}",
        f"--cloud_profile={profile}", "--networks=3g,wifi",
        "--max_accuracy_loss=100", f"--out={out}",
    )  # fmt: skip
    selection = json.loads(out.read_text())
    assert selection["device_profile"] == str(profile)
    decisions = selection["decisions"]
    assert [d["link"]["name"] for d in decisions] == ["3g", "wifi"]
    # A ms of the head outweighs a few bytes over Wi-Fi.
    assert decisions[1]["winner"] == "range"
    assert "Chosen: range" in shown
    assert "mobile-only" in shown
    assert "| wifi    | range " in shown.split("== All networks ==")[1]
    # Unless told otherwise, a message is the least request that was measured.
    assert "round trip 0 ms, 154 B per message" in shown
    for decision in decisions:
        assert decision["link"]["message_overhead_bytes"] == 154
        for choice in decision["splits"]:
            sent = choice["choice"]["sent_bytes"]
            assert choice["on_air_bytes"] == pytest.approx(sent + 154)
            assert choice["break_even_rtt_ms"] == pytest.approx(
                10 - choice["latency_ms"]
            )


@pytest.fixture(scope="module")
def curves(sweep, tmp_path_factory):
    """The sweep, as if each unit had three operating points."""
    root = tmp_path_factory.mktemp("curves") / "runs"
    shutil.copytree(sweep, root)
    for path in root.glob("*/report.json"):
        report = json.loads(path.read_text())
        for figures in (report, report["validation"]):
            figures["points"] = [
                {
                    "index": i, "accuracy": accuracy,
                    **{
                        f"wire_bytes_{name}": size + extra
                        for extra, name in enumerate(("mean", "p95", "p99",
                                                      "max"))
                    },
                }
                for i, (size, accuracy) in enumerate(
                    ((4000, 90.0), (2000, 80.0), (1000, 60.0))
                )
            ]  # fmt: skip
            figures["baseline_accuracy"] = 91.0
        path.write_text(json.dumps(report))
    return root


def test_it_chooses_split_and_point(select, curves, profile, tmp_path):
    out = tmp_path / "selection.json"
    shown = select(
        f"--runs={curves}", f"--device_profile={profile}",
        f"--cloud_profile={profile}", "--networks=3g,wifi",
        "--max_accuracy_loss=11", f"--out={out}",
    )  # fmt: skip
    assert "Chosen: range at point 1" in shown
    sizes = "range at point 1: 2000 wire bytes on average, at most 2001 for 95"
    assert sizes in shown
    # One row of each run, but for the winners.
    part = shown.split("\n== ")[1]
    assert "range at point 2" not in part and "range at point 0" not in part
    assert "wire B for 80.00 %" in part
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["format"] == formats.PLAN
    assert f"Plan: {tmp_path / 'plan.json'}" in shown
    names = {choice["name"] for choice in plan["choices"]}
    # The other unit takes as many bytes, and the device a ms more.
    assert {n for n in names if "point" in n} == {
        "range at point 0", "range at point 1",
    }  # fmt: skip
    report = json.loads((curves / "range" / "report.json").read_text())
    assert plan["choices"][0]["unit_id"] == report["unit_id"]


def test_a_deadline_chooses_the_most_accurate_point(
    select, curves, profile, tmp_path
):
    out, plan = tmp_path / "selection.json", tmp_path / "live" / "plan.json"
    shown = select(
        f"--runs={curves}", f"--device_profile={profile}",
        f"--cloud_profile={profile}", "--networks=wifi", "--deadline_ms=5",
        "--message_overhead=0", f"--out={out}", f"--plan={plan}",
        "--all_points",
    )  # fmt: skip
    # 2 + 0.6 + 1 ms; 1.4 ms of Wi-Fi's 18.88 Mbit/s are 3,304 B.
    assert "Chosen: range at point 1" in shown
    assert "% in 5 ms" in shown
    assert "5.29 ms are more than 5 ms" in shown
    assert "range at point 2" in shown
    (decision,) = json.loads(out.read_text())["decisions"]
    assert decision["goal"]["deadline_ms"] == 5
    assert decision["limits"]["min_accuracy"] is None
    assert json.loads(plan.read_text())["deadline_ms"] == 5


def test_a_device_can_be_supposed_to_be_slower(
    select, sweep, profile, tmp_path
):
    out = tmp_path / "selection.json"
    select(
        f"--runs={sweep}", f"--device_profile={profile}",
        f"--cloud_profile={profile}", "--networks=wifi",
        "--max_accuracy_loss=100", "--device_slowdown=20", f"--out={out}",
    )  # fmt: skip
    selection = json.loads(out.read_text())
    assert selection["cloud"] == "Phone"
    assumed = "an assumed device, 20 times slower than Phone"
    assert selection["device"] == assumed
    (decision,) = selection["decisions"]
    heads = {s["choice"]["name"]: s["device_ms"] for s in decision["splits"]}
    assert heads == {"range": 40, "learned": 60}


def test_a_rival_that_was_not_measured_is_reported_with_what_measures_it(
    select, sweep, profile, tmp_path
):
    bare, out = tmp_path / "phone.csv", tmp_path / "selection.json"
    bare.write_text(profile.read_text().replace(",whole,10,2000\n", ""))
    shown = select(
        f"--runs={sweep}", f"--device_profile={bare}",
        f"--cloud_profile={profile}", "--networks=wifi",
        "--max_accuracy_loss=100", "--message_overhead=0", f"--out={out}",
    )  # fmt: skip
    reason = "phone.csv has no time of the unsplit network at load 0"
    for part in shown.split("== All networks =="):
        assert "range (not compared with mobile-only)" in part
        assert f"mobile-only and label-only: not measured. {bare}" in part
        assert "bottlenet-profile --deploy=DEPLOY" in part
    (decision,) = json.loads(out.read_text())["decisions"]
    assert reason in decision["unmeasured"]["mobile-only"]
    assert decision["link"]["message_overhead_bytes"] == 0
    for choice in decision["splits"]:
        assert choice["on_air_bytes"] == choice["choice"]["sent_bytes"]


def test_the_papers_totals_are_chosen_from_and_checked():
    ran = programs.run("selecting", "--flagfile=flags/paper_totals.flags")
    assert ran.returncode == 0, ran.stderr
    assert "3g, latency: RB1, 3.1 ms" in ran.stdout
    assert "4g: mobile-only is faster where a round trip" in ran.stdout
    assert "exceeds 13.9 ms" in ran.stdout
    assert "345.3 mJ of the printed energy 310.1 mJ" in ran.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("# network=", "# network=x"), "same network"),
        (lambda t: t.replace("learned,tail", "learned,head"), "phone.csv"),
        (lambda t: t.replace("head,2,", "head,-2,"), "median_ms"),
    ],
)
def test_unfit_profiles_are_refused(
    select, sweep, profile, tmp_path, change, message
):
    bad = tmp_path / "phone.csv"
    bad.write_text(change(profile.read_text()))
    with pytest.raises(ValueError, match=message):
        select(
            f"--runs={sweep}", f"--device_profile={bad}",
            f"--cloud_profile={bad}", f"--out={tmp_path / 's.json'}",
        )  # fmt: skip
    assert not (tmp_path / "s.json").exists()
