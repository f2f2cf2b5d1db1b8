"""Which plans go along with a deployment."""

import json

import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.export.plan_file import PlanFile

UNIT = PayloadFormat(77, (4, 4, 2), create_codec("jpeg", quality=[9, 5]), False)


def plan(tmp_path, *choices, **changes):
    content = {
        "format": "bottlenet_tf.plan.1",
        "choices": [
            {"way": "device", "split": None, "unit_id": None, "point": None},
            *choices,
        ],
        **changes,
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(content))
    return PlanFile(path)


def split(name="a", unit_id=77, point=1):
    return {"way": "split", "split": name, "unit_id": unit_id, "point": point}


def test_a_plan_of_the_deployment_s_units_passes(tmp_path):
    found = plan(tmp_path, split(), split(unit_id=None, point=None))
    found.check_names(["a", "b"])
    found.check_unit("a", UNIT)
    found.check_unit("b", UNIT)
    assert found.content["choices"][1] == split()


def test_splits_of_other_runs_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"unknown=\['c'\]"):
        plan(tmp_path, split(), split("c")).check_names(["a", "b"])


def test_a_unit_that_was_trained_again_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unit_id=78, exported=77"):
        plan(tmp_path, split(unit_id=78)).check_unit("a", UNIT)


@pytest.mark.parametrize("point", [2, -1])
def test_a_point_that_the_unit_has_not_is_refused(tmp_path, point):
    with pytest.raises(ValueError, match=f"point={point}"):
        plan(tmp_path, split(point=point)).check_unit("a", UNIT)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "bottlenet_tf.selection.1"},
        {"choices": {}},
        {"choices": [3]},
        {"choices": [{"way": "boat"}]},
        {"choices": [{"way": "split"}]},
        {"choices": [split(name=3)]},
        {"choices": [split(unit_id="77")]},
        {"choices": [split(point=True)]},
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, changes):
    with pytest.raises(ValueError, match="--plan must.*Received"):
        plan(tmp_path, **changes)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(ValueError):
        PlanFile(tmp_path / "plan.json")
