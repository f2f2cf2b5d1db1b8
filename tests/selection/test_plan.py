"""plan.json, and that all of a choice follows from it."""

import dataclasses
import json

import pytest

from bottlenet_tf.common import formats
from bottlenet_tf.selection.choices import Choice, Image, Way
from bottlenet_tf.selection.costs import Machines
from bottlenet_tf.selection.decision import decide
from bottlenet_tf.selection.goals import ENERGY, LATENCY, Goal, Limits
from bottlenet_tf.selection.links import Link
from bottlenet_tf.selection.plan import plan_values

LINKS = [
    Link("fast", 8.0, 100.0, 200.0, message_overhead_bytes=154),
    Link(
        "slow", 0.08, 1000.0, 200.0, rtt_ms=5.0, downlink_mbps=1.0,
        answer_bytes=100, waiting_mw=300.0, message_overhead_bytes=154,
    ),
]  # fmt: skip
OTHERS = [
    Choice("mobile-only", Way.DEVICE, 0, 91.7),
    Choice("label-only", Way.DEVICE, 1, 91.7),
    Choice(
        "cloud-only, best", Way.CLOUD, 900, 91.0,
        image=Image("webp", 90, 32, 950.0),
    ),
    Choice("cloud-only, tuned", Way.CLOUD, 1, 91.6),
    Choice("late raw", Way.RAW_SPLIT, 9000, 91.7, "late"),
]  # fmt: skip


@pytest.fixture
def make(device, cloud, curves):
    """Function that returns a plan as it is read back from JSON."""

    def make(goal=LATENCY, limits=Limits(), splits=curves, links=LINKS):
        machines = Machines(device, cloud)
        decisions = [
            decide(splits, OTHERS, machines, link, goal, limits)
            for link in links
        ]
        return json.loads(json.dumps(plan_values(decisions, machines)))

    return make


def _times(plan, choice, device_load, cloud_load):
    """Returns what a choice takes on both machines, as the plan tells it."""
    found = {"compute_mj": 0.0}
    for rows, load, way in (
        ("device_times", device_load, "cloud"),
        ("cloud_times", cloud_load, "device"),
    ):
        if choice["way"] == way:
            continue
        (row,) = (
            row
            for row in plan[rows]
            if (row["split"], row["load"]) == (choice["split"], load)
        )
        found |= row
    return found


def _cost(plan, choice, link):
    """Returns `(latency_ms, energy_mj)` by the formulas of the docstring."""
    t = _times(plan, choice, link["device_load"], link["cloud_load"])
    device_ms = t.get("device_ms", 0) + t.get("encode_ms", 0)
    server_ms = t.get("decode_ms", 0) + t.get("cloud_ms", 0)
    if not choice["wire_bytes_mean"]:
        return device_ms, t["compute_mj"]
    sent = choice["wire_bytes_mean"] + link["message_overhead_bytes"]
    uplink_ms = 8e-3 * sent / link["uplink_mbps"]
    answer_ms = link["rtt_ms"]
    if link["downlink_mbps"] is not None:
        answer_ms += 8e-3 * link["answer_bytes"] / link["downlink_mbps"]
    waiting_mj = 1e-3 * link["waiting_mw"] * (answer_ms + server_ms)
    return (
        device_ms + uplink_ms + answer_ms + server_ms,
        t["compute_mj"] + 1e-3 * link["uplink_mw"] * uplink_ms + waiting_mj,
    )


def _best(plan, link, ways):
    """Returns the name that a device would choose; None for none."""
    ranked = []
    for choice in plan["choices"]:
        if choice["way"] not in ways:
            continue
        latency_ms, energy_mj = _cost(plan, choice, link)
        rank = -choice["accuracy"], choice["wire_bytes_mean"]
        if plan["deadline_ms"] is None:
            value = plan["latency_weight"] * latency_ms
            rank = value + plan["energy_weight"] * energy_mj, *rank
        elif latency_ms > plan["deadline_ms"]:
            continue
        ranked.append((rank, choice["name"]))
    return min(ranked, key=lambda pair: pair[0], default=(None, None))[1]


@pytest.mark.parametrize(
    ("goal", "limits"),
    [
        (LATENCY, Limits()),
        (LATENCY, Limits(min_accuracy=88.2)),
        (ENERGY, Limits(min_accuracy=88.2)),
        (Goal(1.0, 0.3), Limits(max_bytes=600)),
        (Goal(deadline_ms=12.0), Limits()),
        (Goal(deadline_ms=3.8), Limits()),
    ],
)
def test_a_plan_read_back_has_the_same_winners(make, goal, limits):
    plan = make(goal, limits)
    assert len(plan["scenarios"]) == 2 * 3 * 2 * 2
    everything = ("split", "device", "cloud")
    for scenario in plan["scenarios"]:
        assert scenario["winner"] == _best(plan, scenario, ("split",))
        assert scenario["best"] == _best(plan, scenario, everything)


def test_winners_are_those_of_the_decision(make, device, cloud, curves):
    goal = Goal(deadline_ms=12.0)
    machines = Machines(device, cloud)
    decided = decide(curves, OTHERS, machines, LINKS[0], goal, Limits())
    plan = make(goal, links=LINKS[:1])
    names = [s.winner and s.winner.choice.name for s in decided.scenarios]
    assert [s["winner"] for s in plan["scenarios"]] == names
    assert len(set(names)) > 1 and None in names


@pytest.mark.parametrize("deadline_ms", [4.0, 7.5, 20.0, 60.0])
@pytest.mark.parametrize("uplink_mbps", [0.01, 0.3, 50.0])
def test_whatever_the_link_the_best_point_is_in_the_plan(
    make, device, cloud, curves, uplink_mbps, deadline_ms
):
    plan = make(LATENCY)
    known = {choice["name"] for choice in plan["choices"]}
    link = Link("any", uplink_mbps, 50.0, 100.0, message_overhead_bytes=30)
    for goal, limits in (
        (Goal(deadline_ms=deadline_ms), Limits()),
        (ENERGY, Limits(min_accuracy=86.0)),
    ):
        machines = Machines(device, cloud)
        found = decide(curves, OTHERS, machines, link, goal, limits)
        winners = {s.winner.choice.name for s in found.scenarios if s.winner}
        assert winners <= known


def test_what_another_point_beats_in_all_is_left_out(make, curves):
    names = [choice["name"] for choice in make()["choices"]]
    # It counts as accurate as point 2, and takes more bytes.
    assert "early at point 1" not in names
    assert names == [
        *(c.name for c in curves if c.name != "early at point 1"),
        "mobile-only",
        "cloud-only, best",
    ]


def test_what_a_limit_refuses_is_left_out(make):
    plan = make(limits=Limits(min_accuracy=91.0))
    names = [choice["name"] for choice in plan["choices"]]
    assert names == ["late at point 0", "mobile-only", "cloud-only, best"]
    assert plan["min_accuracy"] == 91.0


def test_a_choice_tells_what_a_device_sends(make):
    choices = {choice["name"]: choice for choice in make()["choices"]}
    assert choices["late at point 1"] == {
        "name": "late at point 1", "way": "split", "split": "late",
        "unit_id": 0xABC1, "point": 1, "codec": None, "quality": None,
        "side": None, "wire_bytes_mean": 40, "wire_bytes_p95": 48.0,
        "wire_bytes_p99": 60.0, "wire_bytes_max": 80.0, "accuracy": 89.0,
    }  # fmt: skip
    assert choices["early at point 2"]["accuracy"] == 88.0
    assert choices["mobile-only"]["wire_bytes_max"] == 0
    cloud = choices["cloud-only, best"]
    assert cloud["wire_bytes_mean"] == 950.0  # The whole file's.
    assert (cloud["codec"], cloud["quality"], cloud["side"]) == (
        "webp", 90, 32,
    )  # fmt: skip
    assert cloud["wire_bytes_p95"] is None


def test_times_stand_by_split_and_load(make):
    plan = make()
    assert plan["format"] == formats.PLAN
    assert plan["device_times"][1] == {
        "split": "early", "load": 1, "device_ms": 6.0, "encode_ms": 1.5,
        "compute_mj": 15.0,
    }  # fmt: skip
    assert {row["split"] for row in plan["cloud_times"]} == {
        "early", "late", None,
    }  # fmt: skip
    (slow,) = (
        row
        for row in plan["cloud_times"]
        if (row["split"], row["load"]) == ("late", 4)
    )
    assert (slow["decode_ms"], slow["cloud_ms"]) == (2.0, 8.0)


def test_what_was_not_measured_is_in_no_scenario(make, device, cloud):
    device._rows["", "whole", 0] = (10.0, None)
    del cloud._rows["", "whole", 4]
    plan = make(ENERGY)
    best = {(s["device_load"], s["cloud_load"]): s["best"]
            for s in plan["scenarios"] if s["link"] == "slow"}  # fmt: skip
    assert "mobile-only" not in (best[0, 0], best[0, 4])
    (row,) = (
        row
        for row in plan["device_times"]
        if (row["split"], row["load"]) == (None, 0)
    )
    assert row["compute_mj"] is None
    loads = [r["load"] for r in plan["cloud_times"] if r["split"] is None]
    assert loads == [0]


def test_without_a_deadline_of_its_own_a_plan_serves_any(make):
    late = [c for c in make()["choices"] if c["split"] == "late"]
    within = make(Goal(deadline_ms=7.5))
    assert [c for c in within["choices"] if c["split"] == "late"] == late


def test_links_are_reported_as_they_were_counted(make):
    plan = make()
    link = plan["scenarios"][12]
    assert (link["link"], link["uplink_mbps"]) == ("slow", 0.04)
    assert link["uplink_mw"] == pytest.approx(1000 * 0.04 + 200)
    assert link["downlink_mbps"] == 0.5
    bare = dataclasses.replace(LINKS[0], alpha_mw_per_mbps=None, beta_mw=None)
    assert make(links=[bare])["scenarios"][0]["uplink_mw"] is None
