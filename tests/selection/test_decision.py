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
    def make(
        goal=LATENCY, limits=Limits(), link=LINK, others=OTHERS, splits=SPLITS
    ):
        machines = Machines(device, cloud)
        return decide(splits, others, machines, link, goal, limits)

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
        lambda: Limits(max_bytes=-abs(value)),
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


def test_the_cheapest_point_that_is_accurate_enough_wins(make, curves):
    decision = make(limits=Limits(min_accuracy=88.0), splits=curves)
    # 3.4 ms and 0.4 for the bytes; late takes 7.
    assert decision.winner.choice.name == "early at point 2"
    decision = make(limits=Limits(min_accuracy=88.2), splits=curves)
    # A lucky point alone isn't enough.
    assert decision.winner.choice.name == "early at point 0"
    assert set(decision.refused) == {
        "early at point 1", "early at point 2", "late at point 2",
        "late at point 3",
    }  # fmt: skip


def test_each_split_has_one_row_of_its_best_point(make, curves):
    decision = make(limits=Limits(min_accuracy=88.5), splits=curves)
    names = [c.choice.name for c in decision.shown]
    assert names == ["early at point 0", "late at point 1"]
    lines = tables.cost_table(decision)
    assert [_cells(line)[0] for line in lines[2:4]] == names
    assert len(tables.cost_table(decision, all_points=True)) == len(lines) + 5


def test_a_split_that_is_refused_shows_its_nearest_point(make, curves):
    decision = make(limits=Limits(min_accuracy=90.5), splits=curves)
    early, late = decision.shown
    assert (early.choice.point, late.choice.point) == (0, 0)
    assert "early at point 0" in decision.refused
    decision = make(goal=Goal(deadline_ms=6.0), splits=curves)
    early, late = decision.shown
    assert (early.choice.point, late.choice.point) == (0, 3)
    assert decision.refused["late at point 3"] == ["7.01 ms are more than 6 ms"]


def test_between_points_the_curve_tells_the_bytes_for_an_accuracy(make, curves):
    decision = make(limits=Limits(min_accuracy=89.25), splits=curves)
    # Of early from 400 B at 88.5 to 1000 at 90; of late from 40 at 89 to 80.
    assert decision.between["early"].value == pytest.approx(400 * 2.5**0.5)
    assert decision.between["late"].value == pytest.approx(40 * 2**0.125)
    lines = tables.cost_table(decision)
    column = _cells(lines[0]).index("wire B for 89.25 %")
    cells = [_cells(line)[column] for line in lines[2:]]
    assert cells == ["632", "43.6", "–", "–", "–"]


def test_nothing_is_told_beyond_the_measured_points(make, curves):
    decision = make(limits=Limits(min_accuracy=90.5), splits=curves)
    assert decision.between["early"].value is None
    decision = make(limits=Limits(min_accuracy=60.0), splits=curves)
    assert decision.between["late"][:1] == (None,)
    cells = _cells(tables.cost_table(decision)[3])
    assert "≤ 10.0" in cells
    assert make(splits=curves).between == {}


def test_between_points_the_curve_tells_the_accuracy_at_a_deadline(
    make, curves
):
    # A message of 100 B; late may send 56.57 more, half-way of a doubling.
    link = dataclasses.replace(LINK, message_overhead_bytes=100)
    deadline_ms = 7.0 + 1e-3 * (100 + 80 / 2**0.5)
    goal = Goal(deadline_ms=deadline_ms)
    decision = make(goal=goal, link=link, splits=curves)
    assert decision.between["late"].value == pytest.approx(90.0)
    # More than the finest point's bytes are no use.
    assert decision.between["early"].value == 90.0
    # Sent is a point that was measured.
    assert decision.winner.choice.name == "early at point 0"


def test_a_deadline_chooses_the_most_accurate_and_tells_the_rest_why(
    make, curves
):
    decision = make(goal=Goal(deadline_ms=7.05), splits=curves)
    assert decision.winner.choice.name == "early at point 0"
    assert decision.refused["late at point 0"] == [
        "7.08 ms are more than 7.05 ms"
    ]
    # The whole network takes 10 ms.
    assert "mobile-only" in decision.refused
    assert decision.best is decision.winner
    decision = make(goal=Goal(deadline_ms=10.0), splits=curves)
    assert decision.winner.choice.name == "late at point 0"
    assert decision.best.choice.name == "mobile-only"


def test_what_misses_the_deadline_may_keep_it_at_another_rate(make, curves):
    decision = make(goal=Goal(deadline_ms=3.7), splits=curves)
    assert decision.winner is None
    found = {
        s.rate_factor: s.winner and s.winner.choice.name
        for s in decision.scenarios
        if (s.device_load, s.cloud_load) == (0, 0)
    }
    # Half of 0.4 and 0.5 ms of sending.
    assert found == {0.5: None, 1.0: None, 2.0: "early at point 2"}
    lines = tables.sensitivity_table(decision)
    assert _cells(lines[2])[2:] == [
        "none", "none", "early at point 2 (88.50 %, 3.60 ms)",
    ]  # fmt: skip


def test_an_unknown_accuracy_is_not_compared_within_a_deadline(make):
    others = [Choice("mobile-only", Way.DEVICE, 0)]
    decision = make(goal=Goal(deadline_ms=50.0), others=others)
    assert decision.uncompared == ("mobile-only",)
    assert "accuracy of the unsplit" in decision.unmeasured["mobile-only"]


def test_the_sizes_of_the_chosen_point_are_told(curves):
    assert tables.sizes(curves[3]) == (
        "late at point 0: 80 wire bytes in the mean, at most 96 for 95 % of "
        "the images and 120 for 99 %, 160 for the largest."
    )
    assert tables.sizes(SPLITS[1]) == "late: 10 wire bytes in the mean."


def test_every_point_goes_into_json(make, curves):
    limits = Limits(min_accuracy=89.25)
    decision = make(limits=limits, splits=curves)
    values = json.loads(json.dumps(tables.as_values(decision)))
    assert len(values["splits"]) == 7
    choice = values["splits"][3]["choice"]
    assert (choice["split"], choice["point"]) == ("late", 0)
    assert choice["spread"] == {"p95": 96.0, "p99": 120.0, "max": 160.0}
    assert values["winner"] == "early at point 0"
    assert values["limits"]["min_accuracy"] == 89.25
    assert values["between"]["late"]["reason"] is None
    decision = make(goal=Goal(deadline_ms=3.0), splits=curves)
    values = json.loads(json.dumps(tables.as_values(decision)))
    assert values["sensitivity"][0]["winner"] is None
