"""bottlenet-replay: what it writes, and what it refuses."""

import json

import pytest

from bottlenet_tf.cli import replay
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


def _replay(*arguments):
    programs.call(replay.main, [replay._ReplayConfig], *arguments)


def test_a_replay_writes_table_values_and_picture(
    tmp_path, plan, trace, capsys
):
    out = tmp_path / "out"
    _replay(
        plan, trace, trace, f"--out={out}", "--seconds=5",
        "--outage=1:2,3:4", "--goal=accuracy", "--deadline_ms=150",
    )  # fmt: skip
    content = json.loads((out / "replay.json").read_text())
    assert content["format"] == formats.REPLAY
    assert len(content["traces"]) == 2
    assert content["outages"] == [[1.0, 2.0], [3.0, 4.0]]
    assert content["rate"] == pytest.approx(1e3 / 150)
    controller = content["traces"][0]["policies"]["controller"]
    assert controller["in_time"] == 1.0
    assert "| radio.up | oracle" in capsys.readouterr().out
    assert "outage 1 to 2 s" in (out / "replay.md").read_text()
    assert (out / "replay.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--outage=3"], "FROM:TO"),
        (["--goal=accuracy"], "--deadline_ms"),
        (["--min_accuracy=99.9"], "most_accurate=91.7"),
    ],
)
def test_what_makes_no_sense_is_refused(plan, trace, arguments, named):
    with pytest.raises(ValueError, match=named):
        _replay(plan, trace, *arguments)


def test_a_file_that_is_not_a_trace_is_named(plan):
    done = programs.run("replay", plan, plan)
    assert done.returncode == 1
    assert plan in done.stderr and "Traceback" not in done.stderr
