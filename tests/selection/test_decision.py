"""A decision in full, and what is shown of it."""

import dataclasses
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


def test_limits_refuse_references_too_but_show_them(make):
    decision = make(limits=Limits(min_accuracy=91.5))
    assert set(decision.refused) == {"early", "late", "cloud-only, best"}
    assert len(decision.references) == 3
    told = "reference; 91.00 % is below 91.50 %"
    assert told in tables.cost_table(decision)[-1]
    assert decision.winner is None
    assert decision.scenarios == ()
    assert decision.best.choice.name == "mobile-only"


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


@pytest.fixture
def without_whole(make, device):
    """A decision on a device whose profile lacks the whole network."""
    for load in device.loads:
        del device._rows["", "whole", load]
    return make()


def test_what_a_profile_cannot_time_is_told_with_what_measures_it(
    without_whole,
):
    reason = without_whole.unmeasured["mobile-only"]
    assert "phone.json has no time of the unsplit network at load 0" in reason
    assert "bottlenet-profile --deploy=DEPLOY" in reason
    assert set(without_whole.unmeasured) == {"mobile-only", "label-only"}
    assert without_whole.uncompared == ("mobile-only",)
    names = [c.choice.name for c in without_whole.references]
    assert names == ["cloud-only, best"]


def test_a_rival_that_the_server_cannot_time_is_told(make, cloud):
    del cloud._rows["", "whole", 0]
    decision = make()
    assert decision.uncompared == ("cloud-only, best",)
    assert "server.json has no time" in decision.unmeasured["cloud-only, best"]


def test_what_a_load_lacks_is_measured_beside_the_others(make, device, cloud):
    del device._rows["", "whole", 1]
    machines = Machines(device, cloud, device_load=1)
    decision = decide(SPLITS, OTHERS, machines, LINK, LATENCY, Limits())
    reason = decision.unmeasured["mobile-only"]
    assert "at load 1" in reason and "--loads=0,1" in reason


def test_a_rival_of_unknown_energy_is_not_compared(make, device):
    device._rows["", "whole", 0] = (10.0, None)
    assert make(goal=LATENCY).uncompared == ()
    decision = make(goal=ENERGY)
    assert decision.uncompared == ("mobile-only",)
    assert "no power" in decision.unmeasured["mobile-only"]
    assert "10.00 ms, energy not measured" in "\n".join(
        tables.winners_table([decision])
    )


def test_a_winner_that_was_not_compared_is_told_as_that(without_whole):
    assert tables.chosen(without_whole) == (
        "early (not compared with mobile-only)"
    )
    header, _, row, *notes = tables.winners_table([without_whole] * 2)
    cells = dict(zip(*map(_cells, (header, row)), strict=True))
    assert cells["mobile-only"] == "not measured"
    assert cells["chosen"] == tables.chosen(without_whole)
    assert cells["break-even RTT ms"] == "–"
    # Once, not for each network.
    assert [line for line in notes if "bottlenet-profile" in line] == [
        "mobile-only and label-only: not measured. "
        + without_whole.unmeasured["mobile-only"]
    ]


def test_what_was_not_measured_has_a_row(without_whole):
    lines = tables.cost_table(without_whole)
    assert [_cells(line)[0] for line in lines[-2:]] == [
        "mobile-only", "label-only"
    ]  # fmt: skip
    assert _cells(lines[-1])[-1] == "not measured"
    assert len({len(line) for line in lines}) == 1


def test_what_was_not_measured_stands_in_json(without_whole):
    values = tables.as_values(without_whole)
    assert values["unmeasured"] == without_whole.unmeasured
    assert values["splits"][0]["break_even_rtt_ms"] is None


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_adds_up_and_marks_the_winner(make):
    link = dataclasses.replace(LINK, message_overhead_bytes=500)
    lines = tables.cost_table(make(link=link))
    # The whole network takes 10 ms, 5.1 more.
    assert _cells(lines[2]) == [
        "early", "c'=4, s=2, jpeg 75", "88.00", "–", "1000", "1500", "2.00",
        "0.60", "1.50", "0.00", "0.80", "4.90", "6.50", "5.10", "chosen",
    ]  # fmt: skip
    assert _cells(lines[4])[4:6] == ["0", "0"]
    assert _cells(lines[4])[-2:] == ["–", "reference"]
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
    assert values["splits"][0]["on_air_bytes"] == 1000
    assert values["splits"][0]["break_even_rtt_ms"] == pytest.approx(5.6)
    assert values["references"][0]["break_even_rtt_ms"] is None
    assert values["references"][1]["break_even_rtt_ms"] == "always"
    assert values["link"]["message_overhead_bytes"] == 0
    assert len(values["sensitivity"]) == 12
