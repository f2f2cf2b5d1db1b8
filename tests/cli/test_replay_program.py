"""bottlenet-replay as a person starts it."""

import json

import pytest

from bottlenet_tf.common import formats
from tests import replay_plans
from tests.cli import programs

SPLITS = {"RB3": (0.3, ((200.0, 240, 91.0),))}


@pytest.fixture
def plan(tmp_path):
    values = replay_plans.plan_values(SPLITS, (), 91.7, 100.0, 4.0, 80.0)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(values))
    return str(path)


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "radio.up"
    path.write_text("\n".join(str(ms) for ms in range(7, 20_000, 7)))
    return str(path)


def test_a_replay_writes_table_values_and_picture(tmp_path, plan, trace):
    out = tmp_path / "out"
    done = programs.run(
        "replay", plan, trace, trace, f"--out={out}", "--seconds=5",
        "--outage=1:2,3:4", "--goal=accuracy", "--deadline_ms=150",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads((out / "replay.json").read_text())
    assert content["format"] == formats.REPLAY
    assert len(content["traces"]) == 2
    assert content["outages"] == [[1.0, 2.0], [3.0, 4.0]]
    assert content["rate"] == pytest.approx(1e3 / 150)
    controller = content["traces"][0]["policies"]["controller"]
    assert controller["in_time"] == 1.0
    assert "| radio.up | oracle" in done.stdout
    assert "cut from 1 to 2 s" in (out / "replay.md").read_text()
    assert (out / "replay.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--outage=3"], "FROM:TO"),
        (["--goal=accuracy"], "--deadline_ms"),
        (["--min_accuracy=99.9"], "most_accurate=91.7"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    tmp_path, plan, trace, arguments, named
):
    done = programs.run(
        "replay", plan, trace, f"--out={tmp_path / 'out'}", *arguments
    )
    assert done.returncode == 1
    assert named in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_is_no_trace_is_named(tmp_path, plan):
    done = programs.run("replay", plan, plan, f"--out={tmp_path / 'out'}")
    assert done.returncode == 1
    assert plan in done.stderr and "Traceback" not in done.stderr
