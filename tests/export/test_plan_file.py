"""Which plans go along with a deployment."""

import json

import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.export.plan_file import PlanFile
from tests import replay_plans

UNIT = PayloadFormat(77, (4, 4, 2), create_codec("jpeg", quality=[9, 5]), False)


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


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(ValueError, match="plan.json"):
        PlanFile(tmp_path / "plan.json")
