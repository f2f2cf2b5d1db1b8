"""Bars of time and energy, and what would be chosen elsewhere."""

import dataclasses

import pytest

from bottlenet_tf import report
from bottlenet_tf.common.diagrams import NARROW, WIDE
from bottlenet_tf.report import costs, sensitivity
from bottlenet_tf.selection import tables
from tests.report.drawn import boxes, words


def _selection(root, choose_by=None, *message, **goal):
    """Returns `(selection, its first decision)`, chosen again over 3g."""
    if choose_by:
        choose_by(root, ("3g",), *message, **goal)
    selection = report.read(root).selection
    return selection, selection.decisions[0]


@pytest.fixture
def drawn(chosen, choose_by):
    """Function that returns the picture of 3g, its decision changed."""

    def draw(change=lambda decision: {}, *message, **goal):
        selection, decision = _selection(chosen, choose_by, *message, **goal)
        decision = dataclasses.replace(decision, **change(decision))
        return costs.of_decision(decision, selection)

    return draw


def _frugal(decision):
    """As if late took less energy than early."""
    early, late = decision.costs
    late = dataclasses.replace(late, compute_mj=8.0)
    return {"costs": (early, late), "winner": early}


def test_parts_of_a_row_add_up(drawn):
    found = drawn()
    assert len(found.rows) == 2 + 2 + 2 + 2  # Splits, two pairs, raw splits.
    for row in found.rows:
        row = dict(zip(found.header, row, strict=True))
        times = ("device_ms", "codec_ms", "uplink_ms", "answer_ms", "cloud_ms")
        assert row["latency_ms"] == pytest.approx(sum(row[t] for t in times))
        energies = row["compute_mj"] + row["uplink_mj"] + row["waiting_mj"]
        assert row["energy_mj"] == pytest.approx(energies)
    marks = {row[0]: row[-1] for row in found.rows}
    assert marks["early"] == "chosen"
    assert marks["mobile-only"] == "reference"


_REFUSED = {"refused": {"cloud-only, matched": ["600 B are more than 500 B"]}}
_ENERGY = {"latency_weight": 0.0, "energy_weight": 1.0}


@pytest.mark.parametrize(
    ("change", "goal", "there", "nowhere"),
    [
        # 3g: early 6.31 ms; cloud-only, matched 1 + 4800 / 1100 = 5.36 ms, and
        # 600 B at 1.1 Mbit/s and 1.774 W. Of raw splits the chosen one alone.
        (lambda d: {}, {}, ["6.31  chosen", "5.36  least of all", "early raw",
                            "7.74  least of all"], ["late raw"]),
        # early: 5 mJ, and 2.909 ms of the radio.
        (_frugal, {}, ["6.31  chosen", "10.2",
                       "9.29  least energy of the splits"],
         ["least time of the splits"]),
        # As of a limit that rules all references out.
        (lambda d: {"best": d.winner}, {}, ["6.31  chosen", "5.36"], []),
        # The other panel keeps to the limits, too: the next is early.
        (lambda d: _REFUSED, {}, ["10.2  least of all"], ["7.74  least"]),
        (_frugal, _ENERGY, ["10.2  chosen", "6.31  least time of the splits"],
         []),
        (_frugal, {"energy_weight": 1.0}, ["6.31  chosen", "10.2  chosen"],
         []),
    ],
)  # fmt: skip
def test_chosen_and_least_are_marked_in_each_panel(
    drawn, change, goal, there, nowhere
):
    shown = words(drawn(change, **goal))
    assert set(there) <= set(shown)
    assert not [t for t in shown if any(part in t for part in nowhere)]


def test_a_phone_has_room_for_less(drawn):
    shown = " ".join(words(drawn(_frugal), NARROW))
    assert "least of the splits" in shown


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ({}, "The goal was the least time: early is chosen."),
        ({"energy_weight": 1.0}, "weighted sum (1 × ms + 1 × mJ)"),
    ],
)
def test_the_goal_is_reported(drawn, goal, told):
    assert told in drawn(_frugal, **goal).caption


def test_nothing_is_the_least_of_all_unless_all_were_measured(unwhole):
    selection, decision = _selection(unwhole)
    found = costs.of_decision(decision, selection)
    shown = words(found)
    assert "6.31  chosen" in shown
    assert not [told for told in shown if "least of all" in told]
    assert "early is chosen, not compared with mobile-only." in found.caption


def test_a_reference_that_a_limit_refuses_is_marked(chosen, choose_by):
    _, decision = _selection(chosen, choose_by)
    reasons = {"mobile-only": ["90 MB are more than 85 MB"]}
    decision = dataclasses.replace(decision, refused=reasons)
    marks = {
        cost.choice.name: tables.mark(decision, cost)
        for cost in (*decision.costs, *decision.references)
    }
    assert marks["mobile-only"] == (
        "reference, refused: 90 MB are more than 85 MB"
    )
    assert (marks["early"], marks["early raw"]) == ("chosen", "reference")


def test_a_picture_tells_what_is_counted(drawn):
    found = drawn(lambda decision: {}, 154)
    assert "round trip 0 ms, 154 bytes per message" in found.caption
    row = dict(zip(found.header, found.rows[0], strict=True))
    assert (row["wire_bytes"], row["on_air_bytes"]) == (400.0, 554.0)
    # 10 ms for the whole network.
    assert row["break_even_rtt_ms"] == pytest.approx(10 - row["latency_ms"])


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_figures_at_bars_stay_in_their_panel(deep, width):
    selection, decision = _selection(deep)
    figure = costs.of_decision(decision, selection).figure(width)
    figure.draw_without_rendering()
    edge = figure.get_window_extent()
    for axes in figure.axes:
        for _, box in boxes(figure, axes.texts):
            assert box.x1 <= edge.x1
            assert box.x1 <= axes.get_window_extent().x1 + 8


def test_an_unknown_energy_has_no_panel(chosen, change):
    # As without a meter: cloud-only's is that of the up-link alone.
    for i in range(2):
        field = f"decisions.0.splits.{i}.compute_mj"
        change(chosen / "selection.json", field, None)
    selection, decision = _selection(chosen)
    found = costs.of_decision(decision, selection)
    shown = " ".join(words(found, NARROW))
    assert "latency (ms)" in shown
    assert "energy" not in shown
    assert "energy is unknown" in found.caption


def test_what_is_unknown_has_no_bar_and_no_rivals(drawn):
    def unknown(decision):
        early, late = decision.costs
        late = dataclasses.replace(late, compute_mj=None)
        return {"costs": (early, late), "winner": early}

    _, energy = drawn(unknown).figure(WIDE).axes
    of_late = [bars[1].get_width() for bars in energy.containers]
    assert of_late == [0.0] * len(of_late)
    told = [note.get_text() for note in energy.texts]
    assert "unknown" in told
    assert not [t for t in told if "least of all" in t]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_costs_have_a_bar_of_each_split_s_best_point(curved, width):
    selection, decision = _selection(curved)
    found = costs.of_decision(decision, selection)
    shown = words(found, width)
    assert {"early at point 1", "late at point 1"} <= set(shown)
    assert not {"early at point 0", "late at point 2"} & set(shown)
    assert "early at point 1 is chosen" in found.caption
    # The data hold all points.
    column = found.header.index("point")
    assert [row[column] for row in found.rows[:6]] == [0, 1, 2] * 2
    p95 = found.header.index("wire_bytes_p95")
    assert found.rows[1][p95] == 201.0


def test_a_deadline_is_a_line_in_the_panel_of_time(curved, choose_by):
    selection, decision = _selection(curved, choose_by, deadline_ms=5.5)
    found = costs.of_decision(decision, selection)
    latency, energy = found.figure(WIDE).axes
    assert [list(li.get_xdata()) for li in latency.get_lines()[1:]] == [
        [5.5, 5.5]
    ]
    assert len(energy.get_lines()) == 1
    shown = [note.get_text() for note in latency.texts]
    # 3.4 ms, and 200 B; cloud-only needs 5.36 ms, for 88.5 %.
    assert "4.85  chosen" in shown and "5.36  best of all" in shown
    assert not [t for t in shown if "least" in t]
    assert "The goal was the most accuracy within 5.5 ms" in found.caption


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_scenarios_tell_the_point_or_that_nothing_keeps_the_deadline(
    curved, choose_by, width
):
    selection, decision = _selection(curved, choose_by, deadline_ms=5.5)
    found = sensitivity.of_decision(decision, selection, ["early", "late"])
    figure = found.figure(width)
    figure.draw_without_rendering()
    told = boxes(figure, figure.axes[0].texts)
    # Of early, 88.5 % of test images at point 0, 87.5 % at point 1.
    point = "early\npoint 1\n" if width < 4 else "early at point 1: "
    assert {f"{point}87.50\u00a0%", "none"} <= {word for word, _ in told}
    for _, box in told:
        assert box.count_overlaps([b for _, b in told if b is not box]) == 0
    winners = {row[4] for row in found.rows}
    assert winners == {"early at point 0", "early at point 1", "none"}
    nothing = [row for row in found.rows if row[4] == "none"]
    assert nothing[0][5:] == [None, None]


def test_sensitivity_has_a_row_for_each_scenario(chosen):
    selection, decision = _selection(chosen)
    found = sensitivity.of_decision(decision, selection, ["early", "late"])
    # Three rates, two loads of the device, two of the server.
    assert len(found.rows) == 12
    assert len([t for t in words(found) if ": " in t]) == 12


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_one_row_of_loads_is_named_in_full(chosen, width):
    selection, decision = _selection(chosen)
    idle = [s for s in decision.scenarios if not s.device_load + s.cloud_load]
    decision = dataclasses.replace(decision, scenarios=tuple(idle))
    found = sensitivity.of_decision(decision, selection, ["early", "late"])
    assert "the least time around 3g" in found.caption
    figure = found.figure(width)
    figure.draw_without_rendering()
    (name,) = figure.axes[0].get_yticklabels()
    box = name.get_window_extent()
    assert name.get_text() == "load 0 / 0"
    assert figure.bbox.x0 <= box.x0 and figure.bbox.y0 <= box.y0
    assert box.y1 <= figure.bbox.y1
    assert not figure.axes[0].get_ylabel()
