"""`bottlenet-select` from files to a decision."""

import json
import pathlib

import pytest

from tests.cli import programs


@pytest.fixture(scope="module")
def profile(sweep, tmp_path_factory):
    """A profile by hand of both runs of the sweep."""
    report = json.loads((sweep / "range" / "report.json").read_text())
    # A file's name, as bottlenet-profile has it, without its folders.
    network = pathlib.Path(report["backbone"]).name
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


def test_it_chooses_and_writes_what_it_chose(sweep, profile, tmp_path):
    out = tmp_path / "selection.json"
    ran = programs.run("selecting",
        f"--runs={sweep}", f"--device_profile={profile}",
        f"--cloud_profile={profile}", "--networks=3g,wifi",
        "--max_accuracy_loss=100", f"--out={out}",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    selection = json.loads(out.read_text())
    assert selection["device_profile"] == str(profile)
    decisions = selection["decisions"]
    assert [d["link"]["name"] for d in decisions] == ["3g", "wifi"]
    # A ms of the head outweighs a few bytes over Wi-Fi.
    assert decisions[1]["winner"] == "range"
    assert "Chosen: range" in ran.stdout
    assert "mobile-only" in ran.stdout
    assert "| wifi    | range " in ran.stdout.split("== All networks ==")[1]


def test_the_papers_totals_are_chosen_from_and_checked():
    ran = programs.run("selecting", "--flagfile=flags/paper_totals.flags")
    assert ran.returncode == 0, ran.stderr
    assert "3g, latency: RB1, 3.1 ms" in ran.stdout
    assert "345.3 mJ of the printed energy 310.1 mJ" in ran.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("# network=", "# network=x"), "same network"),
        (lambda t: t.replace("learned,tail", "learned,head"), "phone.csv"),
        (lambda t: t.replace("head,2,", "head,-2,"), "median_ms"),
    ],
)
def test_unfit_profiles_are_refused(sweep, profile, tmp_path, change, message):
    bad = tmp_path / "phone.csv"
    bad.write_text(change(profile.read_text()))
    ran = programs.run("selecting",
        f"--runs={sweep}", f"--device_profile={bad}",
        f"--cloud_profile={bad}", f"--out={tmp_path / 's.json'}",
    )  # fmt: skip
    assert ran.returncode == 1
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "s.json").exists()


def test_a_negative_rate_is_refused():
    ran = programs.run("selecting", "--networks=", "--uplink_mbps=-1")
    assert ran.returncode == 1
    assert "--uplink_mbps must be positive" in ran.stderr
