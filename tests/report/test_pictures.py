"""Drawings, and the data that is written beside them."""

import dataclasses
import json
import warnings
import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib import rc_context
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bottlenet_tf import report
from bottlenet_tf import selection as selection_lib
from bottlenet_tf.report import (
    costs,
    network,
    page,
    palette,
    picture,
    rate_accuracy,
    runs_picture,
    sensitivity,
    text,
)

HOSTILE = '<script>$x_1$&"\x01\n' + "long" * 20


@pytest.fixture
def sources(chosen):
    return report.read(chosen)


def _boxes(figure, texts):
    """Returns `(text, extent in pixels)` of those, without their lines."""
    renderer = figure.canvas.get_renderer()
    return [
        (t.get_text(), Text.get_window_extent(t, renderer))
        for t in texts
        if t.get_text()
    ]


def _texts(svg):
    root = ElementTree.fromstring(svg)
    return [node.text for node in root.iter() if node.tag.endswith("text")]


def test_parts_of_a_row_add_up(sources):
    found = costs.picture(sources.selection.decisions[0], sources.selection)
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


def test_the_winner_and_the_least_are_marked(sources):
    found = costs.picture(sources.selection.decisions[0], sources.selection)
    # 3g: early 6.31 ms; cloud-only, matched 1 + 4800 / 1100 = 5.36 ms.
    shown = _texts(found.svg(picture.WIDE))
    assert "6.31  chosen" in shown
    assert "5.36  least of all" in shown
    assert "late raw" not in shown  # The chosen split's alone.
    assert "early raw" in shown


def _drawn_by(chosen, choose_by, change=None, **goal):
    """Returns the picture of 3g; late takes less energy than early."""
    choose_by(chosen, ("3g",), **goal)
    selection = report.read(chosen).selection
    decision = selection.decisions[0]
    early, late = decision.costs
    late = dataclasses.replace(late, compute_mj=8.0)
    decision = dataclasses.replace(decision, costs=(early, late), winner=early)
    return costs.picture(decision, selection)


def test_each_panel_marks_what_is_least_there(chosen, choose_by):
    found = _drawn_by(chosen, choose_by)
    shown = _texts(found.svg(picture.WIDE))
    # early: 6.31 ms, which is the goal, and 5 mJ + 2.909 ms of the radio.
    assert "6.31  chosen" in shown
    assert "10.2" in shown
    assert "9.29  least energy of the splits" in shown
    assert not [t for t in shown if "least time of the splits" in t]
    assert "The goal was the least time: early is chosen." in found.caption
    narrow = " ".join(_texts(found.svg(picture.NARROW)))
    assert "least of the splits" in narrow


def test_what_no_limit_allows_is_not_the_least_of_all(chosen, choose_by):
    choose_by(chosen, ("3g",))
    selection = report.read(chosen).selection
    # As of a limit that rules all references out.
    decision = selection.decisions[0]
    decision = dataclasses.replace(decision, best=decision.winner)
    shown = _texts(costs.picture(decision, selection).svg(picture.WIDE))
    assert "6.31  chosen" in shown
    assert "5.36" in shown


def test_nothing_is_the_least_of_all_unless_all_were_measured(unwhole):
    selection = report.read(unwhole).selection
    found = costs.picture(selection.decisions[0], selection)
    shown = _texts(found.svg(picture.WIDE))
    assert "6.31  chosen" in shown
    assert not [told for told in shown if "least of all" in told]
    assert "early is chosen, not compared with mobile-only." in found.caption


def test_the_other_panel_keeps_to_the_limits_too(chosen, choose_by):
    choose_by(chosen, ("3g",))
    selection = report.read(chosen).selection
    decision = selection.decisions[0]
    shown = _texts(costs.picture(decision, selection).svg(picture.WIDE))
    # 600 B at 1.1 Mbit/s and 1.774 W; the next is early.
    assert "7.74  least of all" in shown
    decision = dataclasses.replace(
        decision,
        refused={"cloud-only, matched": ["600 B are more than 500 B"]},
    )
    shown = _texts(costs.picture(decision, selection).svg(picture.WIDE))
    assert "10.2  least of all" in shown


def test_a_reference_that_a_limit_refuses_is_marked(chosen, choose_by):
    choose_by(chosen, ("3g",))
    decision = report.read(chosen).selection.decisions[0]
    reasons = {"mobile-only": ["90 MB are more than 85 MB"]}
    decision = dataclasses.replace(decision, refused=reasons)
    marks = {
        cost.choice.name: costs.mark(decision, cost)
        for cost in (*decision.costs, *decision.references)
    }
    assert marks["mobile-only"] == (
        "reference, refused: 90 MB are more than 85 MB"
    )
    assert (marks["early"], marks["early raw"]) == ("chosen", "reference")


def test_a_picture_tells_what_is_counted(chosen, choose_by):
    choose_by(chosen, ("3g",), 154)
    selection = report.read(chosen).selection
    found = costs.picture(selection.decisions[0], selection)
    assert "round trip 0 ms, 154 bytes a message" in found.caption
    row = dict(zip(found.header, found.rows[0], strict=True))
    assert (row["wire_bytes"], row["on_air_bytes"]) == (400.0, 554.0)
    # 10 ms for the whole network.
    assert row["break_even_rtt_ms"] == pytest.approx(10 - row["latency_ms"])


def test_another_goal_is_marked_in_its_own_panel(chosen, choose_by):
    goal = {"latency_weight": 0.0, "energy_weight": 1.0}
    shown = _texts(_drawn_by(chosen, choose_by, **goal).svg(picture.WIDE))
    assert "10.2  chosen" in shown
    assert "6.31  least time of the splits" in shown
    both = {"latency_weight": 1.0, "energy_weight": 1.0}
    found = _drawn_by(chosen, choose_by, **both)
    shown = _texts(found.svg(picture.WIDE))
    assert {"6.31  chosen", "10.2  chosen"} <= set(shown)
    assert "weighted sum (1 × ms + 1 × mJ)" in found.caption


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
def test_figures_at_bars_stay_in_their_panel(deep, width):
    selection = report.read(deep).selection
    for decision in selection.decisions:
        with rc_context(picture._STYLE):
            figure = costs.picture(decision, selection).draw(width)
            figure.draw_without_rendering()
            edge = figure.get_window_extent()
            for axes in figure.axes:
                for _, box in _boxes(figure, axes.texts):
                    assert box.x1 <= edge.x1
                    assert box.x1 <= axes.get_window_extent().x1 + 8


def test_an_unknown_energy_has_no_panel(chosen, change):
    file = chosen / "selection.json"
    # As without a meter: cloud-only's is that of the up-link alone.
    for i in range(2):
        change(file, ["decisions", 0, "splits", i, "compute_mj"], None)
    selection = report.read(chosen).selection
    found = costs.picture(selection.decisions[0], selection)
    shown = " ".join(_texts(found.svg(picture.NARROW)))
    assert "latency (ms)" in shown
    assert "energy" not in shown
    assert "energy is unknown" in found.caption


def test_what_is_unknown_has_no_bar_and_no_rivals(chosen, change):
    selection = report.read(chosen).selection
    decision = selection.decisions[0]
    early, late = decision.costs
    late = dataclasses.replace(late, compute_mj=None)
    decision = dataclasses.replace(decision, costs=(early, late), winner=early)
    figure = costs.picture(decision, selection).draw(picture.WIDE)
    _, energy = figure.axes
    of_late = [bars[1].get_width() for bars in energy.containers]
    assert of_late == [0.0] * len(of_late)
    told = [note.get_text() for note in energy.texts]
    assert "unknown" in told
    assert not [t for t in told if "least of all" in t]


def test_rate_accuracy_holds_every_point(sources):
    found = rate_accuracy.picture(sources.search)
    kinds = [row[0] for row in found.rows]
    assert [kinds.count(k) for k in ("candidate", "trial", "cloud-only")] == [
        2,
        4,
        3,
    ]


RUN = "candidates/early/report.json"
POINTS = [
    {
        **{f"wire_bytes_{n}": size for n in ("median", "p95", "p99", "max")},
        "wire_bytes_mean": size, "accuracy": accuracy,
    }
    for size, accuracy in ((500.0, 89.0), (400.0, 88.0), (60.0, 30.0))
]  # fmt: skip


def _drawn_lines(figure):
    return [list(zip(*li.get_data())) for li in figure.axes[0].get_lines()]


def test_operating_points_of_a_candidate_are_a_line(search, change):
    change(search / RUN, ["points"], POINTS)
    found = rate_accuracy.picture(report.read(search).search)
    with rc_context(picture._STYLE):
        lines = _drawn_lines(found.draw(picture.WIDE))
    # What is 12 points below all that is accepted isn't drawn.
    assert [(400.0, 88.0), (500.0, 89.0)] in lines
    assert "Thick lines: all operating points" in found.caption
    rows = [row for row in found.rows if row[0] == "operating point"]
    assert [(row[2], *row[6:8]) for row in rows] == [
        (0, 500.0, 89.0), (1, 400.0, 88.0), (2, 60.0, 30.0),
    ]  # fmt: skip


def test_chosen_points_have_rings_on_their_curves(curved):
    sources = report.read(curved)
    found = rate_accuracy.picture(sources.search, (), sources.selection)
    with rc_context(picture._STYLE):
        figure = found.draw(picture.WIDE)
        lines = _drawn_lines(figure)
    # Chosen by validation images; drawn where test images are.
    assert [(40.0, 81.5), (190.0, 87.5), (390.0, 88.5)] in lines
    assert [(190.0, 87.5)] in lines
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "chosen" in legend
    assert "3g, wifi" in [t.get_text() for t in figure.axes[0].texts]
    assert (
        "Rings: what was chosen, early at point 1 for 3g and wifi."
        in found.caption
    )
    rows = [row for row in found.rows if row[0].startswith("chosen")]
    assert rows == [
        ["chosen for 3g wifi", "early", 1, "", "", "", 190.0, 87.5, 1000]
    ]


def test_without_a_choice_there_is_no_ring(sources):
    found = rate_accuracy.picture(sources.search)
    with rc_context(picture._STYLE):
        figure = found.draw(picture.WIDE)
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "chosen" not in legend
    assert "Rings" not in found.caption


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
def test_costs_have_a_bar_of_each_split_s_best_point(curved, width):
    selection = report.read(curved).selection
    found = costs.picture(selection.decisions[0], selection)
    shown = _texts(found.svg(width))
    assert {"early at point 1", "late at point 1"} <= set(shown)
    assert not {"early at point 0", "late at point 2"} & set(shown)
    assert "early at point 1 is chosen" in found.caption
    # The data hold all points.
    column = found.header.index("point")
    assert [row[column] for row in found.rows[:6]] == [0, 1, 2] * 2
    p95 = found.header.index("wire_bytes_p95")
    assert found.rows[1][p95] == 201.0


def test_a_deadline_is_a_line_in_the_panel_of_time(curved, choose_by):
    choose_by(curved, ("3g",), deadline_ms=5.5)
    selection = report.read(curved).selection
    found = costs.picture(selection.decisions[0], selection)
    with rc_context(picture._STYLE):
        figure = found.draw(picture.WIDE)
    latency, energy = figure.axes
    assert [list(li.get_xdata()) for li in latency.get_lines()[1:]] == [
        [5.5, 5.5]
    ]
    assert len(energy.get_lines()) == 1
    shown = [note.get_text() for note in latency.texts]
    # 3.4 ms, and 200 B; cloud-only needs 5.36 ms, for 88.5 %.
    assert "4.85  chosen" in shown and "5.36  best of all" in shown
    assert not [t for t in shown if "least" in t]
    assert "The goal was the most accuracy within 5.5 ms" in found.caption


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
def test_scenarios_tell_the_point_or_that_nothing_keeps_the_deadline(
    curved, choose_by, width
):
    choose_by(curved, ("3g",), deadline_ms=5.5)
    sources = report.read(curved)
    selection = sources.selection
    decision = selection.decisions[0]
    found = sensitivity.picture(decision, selection, sources.search.splits)
    with rc_context(picture._STYLE):
        figure = found.draw(width)
        figure.draw_without_rendering()
        boxes = [box for _, box in _boxes(figure, figure.axes[0].texts)]
    told = {t.get_text() for t in figure.axes[0].texts}
    # Of early, 88.5 % of test images at point 0, 87.5 % at point 1.
    point = "early\npoint 1\n" if width < 4 else "early at point 1: "
    assert {f"{point}87.50\u00a0%", "none"} <= told
    for box in boxes:
        assert box.count_overlaps([b for b in boxes if b is not box]) == 0
    winners = {row[4] for row in found.rows}
    assert winners == {"early at point 0", "early at point 1", "none"}
    nothing = [row for row in found.rows if row[4] == "none"]
    assert nothing[0][5:] == [None, None]


def test_a_long_split_keeps_its_point_in_diagrams():
    choice = selection_lib.Choice(
        "block_12_expand_and_add at point 11", selection_lib.Way.SPLIT, 9.0,
        90.0, "block_12_expand_and_add", point=11,
    )  # fmt: skip
    told = text.short_choice(choice)
    assert told == "block_12_… at point 11"
    assert len(told) <= 22


def test_units_that_are_compared_with_are_drawn_beside_a_search(search, units):
    sources = report.read(search, against=[units / "learned"])
    found = rate_accuracy.picture(sources.search, sources.against)
    with rc_context(picture._STYLE):
        figure = found.draw(picture.WIDE)
        lines = _drawn_lines(figure)
    assert [(50.0, 82.0), (100.0, 88.0), (200.0, 89.5)] in lines
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "late frozen, learned …" in legend
    assert "Black: the units" in found.caption


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
def test_units_of_one_point_are_joined_in_the_picture_of_runs(units, width):
    found = runs_picture.picture(report.read(units).all)
    with rc_context(picture._STYLE), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = found.draw(width)
        lines = _drawn_lines(figure)
    both = [(150.0, 82.0), (600.0, 89.5)]
    assert lines.count(both) == 2  # A line, and large marks.
    assert [(100.0, 88.0)] in lines
    assert figure.axes[0].get_xscale() == "log"


def test_what_was_chosen_of_runs_has_a_ring(chosen_units):
    sources = report.read(chosen_units)
    (found,) = report.runs_page.pictures(sources)["rate"]
    with rc_context(picture._STYLE):
        lines = _drawn_lines(found.draw(picture.WIDE))
    assert lines.count([(100.0, 88.0)]) == 2  # The default point, and a ring.
    assert "learned at point 1 for 3g" in found.caption


def test_the_data_of_runs_hold_every_operating_point(units):
    found = runs_picture.picture(report.read(units).all)
    kinds = [row[:2] for row in found.rows]
    assert kinds.count(["operating point", "learned"]) == 3
    assert kinds.count(["operating point", "jpeg_q20"]) == 1
    assert kinds.count(["cloud-only", "jpeg"]) == 2


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
@pytest.mark.parametrize("count", [3, 27])
def test_the_legend_lies_below_the_plot(sources, deep, count, width):
    search = (sources if count == 3 else report.read(deep)).search
    with rc_context(picture._STYLE), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = rate_accuracy.picture(search).draw(width)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
        plot = figure.axes[0].get_tightbbox()
    assert box.count_overlaps([plot]) == 0
    assert figure.get_window_extent().containsy(box.y0)
    assert box.x1 <= figure.get_window_extent().x1
    assert figure.axes[0].get_window_extent().height > 150


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
@pytest.mark.parametrize("name", ["close", "deep"])
def test_names_in_the_plot_cover_no_marker(request, name, width):
    search = report.read(request.getfixturevalue(name)).search
    with rc_context(picture._STYLE):
        figure = rate_accuracy.picture(search).draw(width)
        boxes = [box for _, box in _boxes(figure, figure.axes[0].texts)]
    assert 0 < len(boxes) <= 9
    at = [(run.wire_bytes, run.accuracy) for run in search.runs.values()]
    half = 8.5 / 2 * figure.dpi / 72
    markers = [
        Bbox.from_extents(x - half, y - half, x + half, y + half)
        for x, y in figure.axes[0].transData.transform(at)
    ]
    assert [box.count_overlaps(markers) for box in boxes] == [0] * len(boxes)


def test_cloud_only_of_two_sides_differs_in_the_data(deep):
    found = rate_accuracy.picture(report.read(deep).search)
    side = found.header.index("side_px")
    cloud = [
        row[side - 2 : side + 1] for row in found.rows if row[0] == "cloud-only"
    ]
    assert ["jpeg", 10, 8] in cloud
    assert ["jpeg", 10, 32] in cloud


def test_image_codec_that_is_left_out_is_told(search):
    for file in search.glob("candidates/*/report.json"):
        content = json.loads(file.read_text())
        content["reasons"] = {"cloud_only.avif": "no Pillow"}
        file.write_text(json.dumps(content))
    caption = rate_accuracy.picture(report.read(search).search).caption
    assert "AVIF is left out: no Pillow." in caption


def test_the_network_tells_what_every_split_sends(sources):
    (found,) = network.pictures(sources.search, sources.selection)
    rows = {row[0]: row for row in found.rows}
    assert rows["early"][2:] == (
        ["16×16×8", 2056, 400.0, 88.0, 0.2, None, "3g wifi"]
    )
    assert rows["never"][1] == "none acceptable"
    shown = _texts(found.svg(picture.NARROW))
    assert "400 B of 2,056" in shown
    assert "chosen for 3g, wifi" in shown
    assert "no acceptable unit" in shown


def test_without_a_profile_the_rest_of_the_network_is_no_server_s(sources):
    (found,) = network.pictures(sources.search, sources.selection)
    for width, told in (
        (picture.WIDE, "rest of the unsplit network"),
        (picture.NARROW, "rest of unsplit network"),
    ):
        shown = _texts(found.svg(width))
        assert told in shown
        assert "on the server" not in shown
    assert "grey is what remains of the unsplit network" in found.caption


def test_the_server_s_bar_is_the_tail_s_own(sources):
    computing = network.Computing({"early": 1.0, "late": 0.9})
    (found,) = network.pictures(sources.search, None, computing)
    rows = {row[0]: row for row in found.rows}
    assert rows["early"][6:8] == [0.2, 1.0]
    with rc_context(picture._STYLE):
        figure = found.draw(picture.WIDE)
    bars = [b for group in figure.axes[0].containers for b in group]
    wide = [bar.get_width() for bar in bars]
    # 20 % and 100 %, 90 % and 90 %.
    assert wide[1] / wide[0] == pytest.approx(5.0)
    assert wide[3] / wide[2] == pytest.approx(1.0)
    assert max(bar.get_x() + bar.get_width() for bar in bars) <= picture.WIDE
    shown = _texts(found.svg(picture.WIDE))
    assert {"on the server", "100 %", "100\u00a0%"} <= set(shown)


def test_a_picked_set_of_split_points_is_told(chosen, change):
    change(chosen / "search.json", ["config", "splits"], ["early", "late"])
    search = report.read(chosen).search
    (found,) = network.pictures(search, None)
    assert "Only those that were searched are drawn" in found.caption


@pytest.mark.parametrize("width", [picture.WIDE, picture.NARROW])
def test_words_of_the_network_touch_neither_bars_nor_each_other(
    sources, deep, width
):
    both = report.read(deep)
    for some, computing in (
        (sources, network.Computing({"early": 1.0, "late": 0.9})),
        (both, network.Computing({})),
    ):
        (found,) = network.pictures(some.search, some.selection, computing)
        with rc_context(picture._STYLE):
            figure = found.draw(width)
            texts = _boxes(figure, figure.axes[0].texts)
        named = [box for told, box in texts if "chosen" in told]
        assert named
        bars = [bar.get_window_extent() for bar in figure.axes[0].patches]
        for box in named:
            others = [other for _, other in texts if other is not box]
            assert box.count_overlaps([*bars, *others]) == 0


def test_a_deep_network_is_readable_in_print(deep):
    found = report.read(deep)
    (drawn,) = network.pictures(found.search, found.selection)
    with rc_context(picture._STYLE):
        figure = drawn.draw(picture.WIDE)
    # At most 200 mm are printed: text of 7 pt stays above 6.
    wide, high = figure.get_size_inches()
    shrunk = min(1.0, 200 / 25.4 / high, 182 / 25.4 / wide)
    sizes = [t.get_fontsize() for t in figure.axes[0].texts if t.get_text()]
    assert shrunk * min(sizes) > 5.9


def test_a_deeper_network_takes_more_drawings(deep):
    search = dataclasses.replace(
        report.read(deep).search, splits=tuple(f"RB{i + 1}" for i in range(54))
    )
    found = network.pictures(search, None)
    assert [drawn.name for drawn in found] == ["network", "network_2"]
    assert found[1].caption.startswith("Part 2 of 2, RB28 to RB54.")
    assert [row[0] for drawn in found for row in drawn.rows] == list(
        search.splits
    )
    assert "answer" not in _texts(found[0].svg(picture.WIDE))
    assert "image" not in _texts(found[1].svg(picture.WIDE))


def test_sensitivity_has_a_row_for_each_scenario(sources):
    decision = sources.selection.decisions[0]
    found = sensitivity.picture(
        decision, sources.selection, sources.search.splits
    )
    # Three rates, two loads of the device, two of the server.
    assert len(found.rows) == 12
    assert len([t for t in _texts(found.svg(picture.WIDE)) if ": " in t]) == 12


def test_one_row_of_loads_is_named_in_full(sources):
    decision = sources.selection.decisions[0]
    idle = [s for s in decision.scenarios if not s.device_load + s.cloud_load]
    decision = dataclasses.replace(decision, scenarios=tuple(idle))
    found = sensitivity.picture(
        decision, sources.selection, sources.search.splits
    )
    assert "the least time around 3g" in found.caption
    for width in (picture.WIDE, picture.NARROW):
        with rc_context(picture._STYLE):
            figure = found.draw(width)
            figure.draw_without_rendering()
            (name,) = figure.axes[0].get_yticklabels()
            box = name.get_window_extent()
        assert name.get_text() == "load 0 / 0"
        assert figure.bbox.x0 <= box.x0 and figure.bbox.y0 <= box.y0
        assert box.y1 <= figure.bbox.y1
        assert not figure.axes[0].get_ylabel()


def test_drawings_are_the_same_twice(sources):
    (found,) = network.pictures(sources.search, None)
    assert found.svg(picture.WIDE) == found.svg(picture.WIDE)


def test_hostile_names_draw_as_text(chosen, choose_by, change):
    choose_by(chosen, ("3g",))
    path = ["decisions", 0, "references", 0, "choice", "name"]
    change(chosen / "selection.json", path, HOSTILE)
    change(chosen / "selection.json", ["device"], HOSTILE)
    change(chosen / "selection.json", ["decisions", 0, "link", "name"], HOSTILE)
    for group in page.pictures(report.read(chosen)).values():
        for found in group:
            tree = ElementTree.fromstring(found.svg(picture.NARROW))
            assert not [n for n in tree.iter() if "script" in n.tag]


def test_splits_keep_their_looks_and_differ():
    looks = palette.of_splits([f"RB{i}" for i in range(16)])
    assert len(set(looks.values())) == 16
    assert palette.ink_on("#000000") == "#FFFFFF"
    assert palette.ink_on("#FFFFFF") == "#000000"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (12345.6, "12,346"),
        (99.94, "99.9"),
        (1.234, "1.23"),
        (0.9549, "0.955"),
        (0, "0"),
    ],
)
def test_numbers_have_three_digits_that_count(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (
            ["/x/bottlenet_tf/bottlenet_tf/cli/demo.py", "--workdir=a b"],
            "python -m bottlenet_tf.cli.demo '--workdir=a b'",
        ),
        (["/opt/bin/bottlenet-search"], "bottlenet-search"),
        (["/x/train.py", "--seed=1"], "python train.py --seed=1"),
        (["/x/bottlenet_tf/train.py"], "python train.py"),
        ([], ""),
    ],
)
def test_commands_are_what_a_shell_runs(arguments, shown):
    assert text.command(arguments) == shown


def test_text_is_cut_and_cleaned_for_drawings():
    assert text.short("a\x00b") == "a\ufffdb"
    assert text.short("x" * 30) == "x" * 21 + "…"
