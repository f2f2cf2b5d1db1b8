"""What the flags of `bottlenet-select` ask for."""

import pathlib
import types

import pytest

from bottlenet_tf.cli import selecting_flags
from bottlenet_tf.selection import Goal, Limits

_UNSET = {
    "latency_weight": 1.0, "energy_weight": 0.0, "deadline_ms": None,
    "max_accuracy_loss": None, "max_bytes": None, "max_memory_mb": None,
    "out": "runs/selection.json", "plan": None,
}  # fmt: skip


def _values(**given):
    return types.SimpleNamespace(**_UNSET | given)


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({}, 89.0),
        ({"max_accuracy_loss": 0.5}, 90.5),
        ({"max_accuracy_loss": 100.0}, 0.0),
        # The most accuracy is asked for, whatever it is.
        ({"deadline_ms": 50.0}, None),
        ({"deadline_ms": 50.0, "max_accuracy_loss": 0.5}, 90.5),
    ],
)
def test_a_deadline_sets_no_least_accuracy_unless_one_is_named(given, least):
    assert selecting_flags.limits(_values(**given), 91.0) == Limits(least)
    assert selecting_flags.limits(_values(**given), None) == Limits()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -1.0])
def test_a_loss_that_is_none_is_refused(loss):
    with pytest.raises(ValueError, match="--max_accuracy_loss must be finite"):
        selecting_flags.limits(_values(max_accuracy_loss=loss), 91.0)


def test_the_goal_is_a_cost_or_a_deadline():
    assert selecting_flags.goal(_values()) == Goal(1.0, 0.0)
    found = selecting_flags.goal(_values(deadline_ms=50.0))
    assert found == Goal(deadline_ms=50.0)
    with pytest.raises(ValueError, match="one or the other"):
        selecting_flags.goal(_values(deadline_ms=50.0, energy_weight=1.0))


def test_the_plan_stands_beside_the_decisions():
    found = selecting_flags.plan_path(_values())
    assert found == pathlib.Path("runs/plan.json")
    assert selecting_flags.plan_path(_values(plan="a.json")).name == "a.json"


@pytest.mark.parametrize(
    "given", [{"out": "a/plan.json"}, {"out": "./x.json", "plan": "x.json"}]
)
def test_a_plan_overwrites_no_decisions(given):
    with pytest.raises(ValueError, match="must be two files.*Received: plan="):
        selecting_flags.plan_path(_values(**given))
