"""What the flags of `bottlenet-select` ask for."""

import pathlib

import pytest

from bottlenet_tf.cli.selecting_flags import CostConfig, SelectConfig
from bottlenet_tf.selection.goals import Goal, Limits

_PROFILES = CostConfig(device_profile="phone.csv", cloud_profile="server.csv")


def _config(costs=_PROFILES, runs=("runs",), **given):
    return SelectConfig(costs, runs, **given)


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
    assert _config(**given).limits(91.0) == Limits(least)
    assert _config(**given).limits(None) == Limits()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -1.0])
def test_a_loss_that_is_none_is_refused(loss):
    with pytest.raises(ValueError, match="--max_accuracy_loss must be"):
        _config(max_accuracy_loss=loss).limits(91.0)


def test_the_goal_is_a_cost_or_a_deadline():
    assert _config().goal == Goal(1.0, 0.0)
    found = _config(deadline_ms=50.0).goal
    assert found == Goal(deadline_ms=50.0)
    with pytest.raises(ValueError, match="one or the other"):
        _config(CostConfig("a", "b", energy_weight=1.0), deadline_ms=50.0).goal


def test_the_plan_stands_beside_the_decisions():
    found = _config(out="runs/selection.json").plan_path
    assert found == pathlib.Path("runs/plan.json")
    assert _config(plan="a.json").plan_path.name == "a.json"


@pytest.mark.parametrize(
    "given", [{"out": "a/plan.json"}, {"out": "./x.json", "plan": "x.json"}]
)
def test_a_plan_overwrites_no_decisions(given):
    with pytest.raises(ValueError, match="must be two files.*Received: .*out="):
        _config(**given).plan_path


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"runs": ()}, "runs"),
        ({"costs": CostConfig(cloud_profile="a")}, "device_profile"),
        ({"costs": CostConfig(device_profile="a")}, "cloud_profile"),
    ],
)
def test_runs_and_both_profiles_are_needed(given, name):
    with pytest.raises(ValueError, match=f"--{name} must be given"):
        _config(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"message_overhead": "http"},
            "one of http_raw, grpc.*message_overhead='http'",
        ),
        (
            {"networks": (), "uplink_mbps": -1.0},
            "--uplink_mbps must be positive",
        ),
        ({"networks": ()}, "must name a network"),
        ({"networks": ("5g",)}, "one of 3g, 4g, wifi"),
    ],
)
def test_an_impossible_link_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        CostConfig(**given).links()
