"""A decision in full, and what is shown of it."""

import json

import pytest

from bottlenet_tf.selection import (
    ENERGY,
    LATENCY,
    Choice,
    Goal,
    Limits,
    Link,
    Machines,
    Way,
    decide,
    tables,
)

SPLITS = [
    Choice("early", Way.SPLIT, 1000, 88.0, "early", "c'=4, s=2, jpeg 75"),
    Choice("late", Way.SPLIT, 10, 91.0, "late"),
]
OTHERS = [
    Choice("mobile-only", Way.DEVICE, 0, 91.7),
    Choice("label-only", Way.DEVICE, 1, 91.7),
    Choice("cloud-only, best", Way.CLOUD, 9000, 91.0),
]
LINK = Link("fast", 8.0, 100.0, 200.0)


@pytest.fixture
def make(device, cloud):
    def make(goal=LATENCY, limits=Limits(), link=LINK, others=OTHERS):
        machines = Machines(device, cloud)
        return decide(SPLITS, others, machines, link, goal, limits)

    return make


def test_everything_is_there(make):
    decision = make()
    assert [c.choice.name for c in decision.costs] == ["early", "late"]
    assert [c.choice.name for c in decision.references] == [
        "mobile-only",
        "label-only",
        "cloud-only, best",
    ]
    assert decision.winner.choice.name == "early"
    assert decision.front == ("early", "late")
    assert len(decision.scenarios) == 12


def test_limits_rule_splits_out_but_not_references(make):
    decision = make(limits=Limits(min_accuracy=91.5))
    assert set(decision.refused) == {"early", "late"}
    assert decision.winner is None
    assert decision.scenarios == ()
    # 9 ms up and 1 ms of the server, or 10 ms on the device: the first wins.
    assert decision.best.choice.name in ("mobile-only", "cloud-only, best")


def test_a_reference_may_cost_less_than_any_split(make):
    quick = Link("quick", 8000.0, 0.0, 0.0)
    decision = make(link=quick)
    # 1.009 ms for the image in the cloud; 3.4 ms for the early split.
    assert decision.best.choice.name == "cloud-only, best"
    assert decision.winner.choice.name == "early"


def test_a_rival_of_unknown_energy_is_no_hindrance(make, device):
    device._rows["", "whole", 0] = (10.0, None)
    decision = make(goal=ENERGY)
    assert decision.winner.choice.name == "early"
    names = {c.choice.name: c.energy_mj for c in decision.references}
    assert names["mobile-only"] is None
    assert decision.best.choice.name != "mobile-only"


def test_rivals_keep_to_the_limits_too(make, device):
    device.whole_memory_mb = 90.0
    quick = Link("quick", 8000.0, 0.0, 0.0)
    limits = Limits(max_bytes=2000, max_memory_mb=85)
    decision = make(link=quick, limits=limits)
    # The image has 9,000 bytes, the whole network needs 90 MB.
    assert decision.best == decision.winner
    assert "cloud-only, best" in [c.choice.name for c in decision.references]


def test_a_load_that_was_measured_in_part_is_no_scenario(make, device):
    whole = make()
    device.loads = (0, 1, 2)
    device._rows["early", "head", 2] = (9.0, 2000.0)
    assert make().scenarios == whole.scenarios


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(value):
    for make_one in (
        lambda: Limits(min_accuracy=value),
        lambda: Goal(1.0, value),
        lambda: Link("fast", value),
        lambda: Link("fast", 1.0, rtt_ms=value),
    ):
        with pytest.raises(ValueError, match="finite"):
            make_one()


def test_the_label_only_bound_is_no_rival(make):
    decision = make(link=Link("slow", 0.01, 0.0, 0.0))
    assert decision.best.choice.name == "mobile-only"


def test_what_a_profile_cannot_time_is_told(make_profile, device, cloud):
    rows = {
        (split, part, 0): device.row(split, part)
        for split in ("early", "late")
        for part in ("head", "encode")
    }
    rows = {k: (r.median_ms, r.power_mw) for k, r in rows.items()}

    class Missing(type(device)):
        def row(self, split, part, load=0):
            if part == "whole":
                raise ValueError("phone.json: no whole")
            return super().row(split, part, load)

    machines = Machines(Missing("phone", rows), cloud)
    decision = decide(SPLITS, OTHERS, machines, LINK, LATENCY, Limits())
    assert decision.untimed["mobile-only"] == "phone.json: no whole"
    assert [c.choice.name for c in decision.references] == ["cloud-only, best"]


def test_the_table_adds_up_and_marks_the_winner(make):
    lines = tables.cost_table(make())
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == [
        "early", "c'=4, s=2, jpeg 75", "88.00", "1000", "2.00", "0.60",
        "1.00", "0.00", "0.80", "4.40", "6.00", "chosen",
    ]  # fmt: skip
    assert "on the front" in lines[3]
    assert all("reference" in line for line in lines[4:])
    assert len({len(line) for line in lines}) == 1


def test_refusals_stand_in_the_table(make):
    lines = tables.cost_table(make(limits=Limits(max_bytes=100)))
    assert "1000.0 B are more than 100 B" in lines[2]


def test_the_sensitivity_table_has_a_column_for_each_rate(make):
    lines = tables.sensitivity_table(make(goal=ENERGY))
    assert "4 Mbit/s" in lines[0] and "16 Mbit/s" in lines[0]
    assert len(lines) == 2 + 4
    assert "mJ)" in lines[2] and " ms" not in lines[2]


def test_a_decision_goes_into_json(make):
    values = json.loads(json.dumps(tables.as_values(make())))
    assert values["winner"] == "early"
    assert values["splits"][0]["choice"]["way"] == "split"
    assert values["splits"][0]["latency_ms"] == pytest.approx(4.4)
    assert len(values["sensitivity"]) == 12
