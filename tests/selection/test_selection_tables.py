"""Decisions as Markdown and as JSON."""

import dataclasses
import json

import pytest

from bottlenet_tf.selection import tables
from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.goals import ENERGY, Goal, Limits
from bottlenet_tf.selection.links import Link

LINK = Link("fast", 8.0, 100.0, 200.0)


def test_a_winner_that_was_not_compared_is_shown_as_that(without_whole):
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


def test_the_choice_is_shown_with_other_messages(make):
    # 8 Mbit/s: a byte takes 1 us, so early's 1,000 B take 1 ms.
    decision = make(limits=Limits(max_bytes=1154))
    names = {size: won and won.choice.name for size, won in
             decision.messages.items()}  # fmt: skip
    assert names == {0.0: "early", 154.0: "early", 382.0: "late"}
    lines = tables.messages_table(decision)
    assert "382 B per message" in lines[0]
    assert "early (4.40 ms)" in lines[2] and "early (4.55 ms)" in lines[2]
    values = json.loads(json.dumps(tables.as_values(decision)))
    assert values["messages"][1] == {
        "message_overhead_bytes": 154.0,
        "winner": "early",
        "latency_ms": pytest.approx(4.554),
        "energy_mj": pytest.approx(decision.messages[154.0].energy_mj),
    }
    nothing = make(limits=Limits(max_bytes=1)).messages
    assert set(nothing.values()) == {None}


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


def test_each_split_has_one_row_of_its_best_point(make, curves):
    decision = make(limits=Limits(min_accuracy=88.5), splits=curves)
    names = [c.choice.name for c in decision.shown]
    assert names == ["early at point 0", "late at point 1"]
    lines = tables.cost_table(decision)
    assert [_cells(line)[0] for line in lines[2:4]] == names
    assert len(tables.cost_table(decision, all_points=True)) == len(lines) + 5


def test_between_points_the_curve_has_the_bytes_for_an_accuracy(make, curves):
    decision = make(limits=Limits(min_accuracy=89.25), splits=curves)
    # Of early from 400 B at 88.5 to 1000 at 90; of late from 40 at 89 to 80.
    assert decision.between["early"].value == pytest.approx(400 * 2.5**0.5)
    assert decision.between["late"].value == pytest.approx(40 * 2**0.125)
    lines = tables.cost_table(decision)
    column = _cells(lines[0]).index("wire B for 89.25 %")
    cells = [_cells(line)[column] for line in lines[2:]]
    assert cells == ["632", "43.6", "–", "–", "–"]


def test_the_sizes_of_the_chosen_point_are_shown(curves):
    assert tables.sizes(curves[3]) == (
        "late at point 0: 80 wire bytes on average, at most 96 for 95 % of "
        "the images and 120 for 99 %, 160 for the largest."
    )
    late = Choice("late", Way.SPLIT, 10, 91.0, "late")
    assert tables.sizes(late) == "late: 10 wire bytes on average."


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
