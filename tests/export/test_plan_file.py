"""Which plans go along with a deployment."""

import json

import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.export.plan_file import PlanFile
from tests import replay_plans

CODEC = create_codec("jpeg", quality=[9, 5])
UNIT, NEW = (PayloadFormat(i, (4, 4, 2), CODEC, False) for i in (77, 5))


def plan(tmp_path, names="a", **changes):
    """A plan whose first choice is a split of the first run, at point 1."""
    splits = {name: (0.1, ((300.0, 400, 90.0),)) for name in names}
    content = replay_plans.plan_values(splits, (), 92.0, 1e4, 1.0, 80.0)
    content["choices"][0].update({"unit_id": 77, "point": 1, **changes})
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(content))
    return PlanFile(path)


def test_a_plan_of_the_deployment_s_units_passes(tmp_path):
    found = plan(tmp_path)
    found.check_names(["a", "b"])
    found.check_unit("a", UNIT)
    found.check_unit("b", UNIT)
    assert found.content == json.loads((tmp_path / "plan.json").read_text())


def test_a_plan_may_leave_unit_and_point_open(tmp_path):
    plan(tmp_path, unit_id=None, point=None).check_unit("a", UNIT)


def test_splits_of_other_runs_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"unknown=\['c'\]"):
        plan(tmp_path, "ac").check_names(["a", "b"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"unit_id": 78}, "unit_id=78, exported=77"),  # Trained again.
        ({"point": 2}, "point=2"),
    ],
)
def test_a_plan_of_another_unit_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"--plan must.*{message}"):
        plan(tmp_path, **changes).check_unit("a", UNIT)


@pytest.mark.parametrize(
    "changes", [{"way": "boat"}, {"unit_id": "77"}, {"point": -1}]
)
def test_a_plan_that_a_device_would_refuse_is_refused(tmp_path, changes):
    with pytest.raises(ValueError, match="plan.json: Field.*Received"):
        plan(tmp_path, **changes)


ADAPTED = {"held_out": 9, "points": [[1.0] * 6, [120.0, 30.0, *[0.0] * 4]]}


def test_an_adapted_unit_s_bytes_stay_on_the_images_of_the_plan(tmp_path):
    found = plan(tmp_path)
    found.adapt("a", 77, NEW, ADAPTED)
    found.check_unit("a", NEW)
    row = found.content["choices"][0]
    # 300 and 400 bytes, by 30 / 120 of the photos.
    assert (row["wire_bytes_mean"], row["wire_bytes_p95"]) == (75.0, 100.0)
    assert row["accuracy"] == 90.0
    assert row["adapted"] == {"unit_id_before": 77, "held_out": 9}
    found.adapt("a", 77, NEW, ADAPTED)  # A plan of the deployment is kept.
    assert row["wire_bytes_mean"] == 75.0


@pytest.mark.parametrize("changes", [{"unit_id": 78}, {"point": 2}])
def test_a_plan_of_another_unit_is_not_adapted(tmp_path, changes):
    found = plan(tmp_path, **changes)
    found.adapt("a", 77, NEW, ADAPTED)
    with pytest.raises(ValueError, match="--plan must"):
        found.check_unit("a", NEW)


def test_runs_that_are_not_adapted_keep_their_choices(tmp_path):
    found = plan(tmp_path, "ab")
    before = json.dumps(found.content["choices"][1:])
    found.adapt("a", 77, NEW, ADAPTED)
    assert json.dumps(found.content["choices"][1:]) == before


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(ValueError, match="plan.json"):
        PlanFile(tmp_path / "plan.json")
