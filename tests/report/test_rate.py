"""Accuracy over bytes: what is drawn, and the data beside it."""

import json
import warnings

import pytest
from matplotlib.transforms import Bbox

from bottlenet_tf import report
from bottlenet_tf.common.diagrams import NARROW, WIDE
from bottlenet_tf.report import page, rate
from tests.report.drawn import boxes, lines, words

RUN = "candidates/early/report.json"


def _legend(figure):
    return [t.get_text() for t in figure.legends[0].get_texts()]


def test_the_data_hold_every_point(chosen):
    found = rate.of_search(report.read(chosen))
    kinds = [row[0] for row in found.rows]
    counts = [kinds.count(k) for k in ("candidate", "trial", "cloud-only")]
    assert counts == [2, 4, 3]


def test_a_trial_without_bytes_has_no_place_on_a_logarithmic_axis(
    search, change
):
    change(search / "results.json", "trials.0.points.0.wire_bytes", 0)
    found = rate.of_search(report.read(search))
    assert min(x for line in lines(found.figure(WIDE)) for x, _ in line) >= 0
    assert [(400.0, 88.0)] in lines(found.figure(WIDE))


def test_operating_points_of_a_candidate_are_a_line(search, change):
    points = [
        {
            "index": i, "wire_bytes_mean": size, "accuracy": accuracy,
            **{f"wire_bytes_{n}": size for n in ("median", "p95", "p99", "max")}
        }
        for i, (size, accuracy) in enumerate(
            ((500.0, 89.0), (400.0, 88.0), (60.0, 30.0))
        )
    ]  # fmt: skip
    change(search / RUN, "points", points)
    found = rate.of_search(report.read(search))
    # What is 12 points below all that is accepted isn't drawn.
    assert [(400.0, 88.0), (500.0, 89.0)] in lines(found.figure(WIDE))
    assert "Thick lines: all operating points" in found.caption
    rows = [row for row in found.rows if row[0] == "operating point"]
    assert [(row[2], *row[6:8]) for row in rows] == [
        (0, 500.0, 89.0), (1, 400.0, 88.0), (2, 60.0, 30.0),
    ]  # fmt: skip


def test_chosen_points_have_rings_on_their_curves(curved):
    found = rate.of_search(report.read(curved))
    figure = found.figure(WIDE)
    # Chosen by validation images; drawn where test images are.
    assert [(40.0, 81.5), (190.0, 87.5), (390.0, 88.5)] in lines(figure)
    assert [(190.0, 87.5)] in lines(figure)
    assert "chosen" in _legend(figure)
    assert "3g, wifi" in [t.get_text() for t in figure.axes[0].texts]
    assert (
        "Rings: the choices, early at point 1 for 3g and wifi." in found.caption
    )
    rows = [row for row in found.rows if row[0].startswith("chosen")]
    assert rows == [
        ["chosen for 3g wifi", "early", 1, "", "", "", 190.0, 87.5, 1000]
    ]


def test_without_a_choice_there_is_no_ring(search):
    found = rate.of_search(report.read(search))
    assert "chosen" not in words(found)
    assert "Rings" not in found.caption


def test_units_that_are_compared_with_are_drawn_beside_a_search(search, units):
    found = rate.of_search(report.read(search, against=[units / "learned"]))
    figure = found.figure(WIDE)
    assert [(50.0, 82.0), (100.0, 88.0), (200.0, 89.5)] in lines(figure)
    assert "late frozen, learned …" in _legend(figure)
    assert "Black: the units" in found.caption


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_units_of_one_point_are_joined_in_the_picture_of_runs(units, width):
    found = rate.of_runs(report.read(units).all_runs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = found.figure(width)
    # A line, and large marks.
    assert lines(figure).count([(150.0, 82.0), (600.0, 89.5)]) == 2
    assert [(100.0, 88.0)] in lines(figure)
    assert figure.axes[0].get_xscale() == "log"


def test_what_was_chosen_of_runs_has_a_ring(chosen_units):
    (found,) = page.pictures(report.read(chosen_units))["rate"]
    assert found.name == "rate_accuracy"
    # The default point, and a ring.
    assert lines(found.figure(WIDE)).count([(100.0, 88.0)]) == 2
    assert "learned at point 1 for 3g" in found.caption


def test_the_data_of_runs_hold_every_operating_point(units):
    found = rate.of_runs(report.read(units).all_runs)
    kinds = [row[:2] for row in found.rows]
    assert kinds.count(["operating point", "learned"]) == 3
    assert kinds.count(["operating point", "jpeg_q20"]) == 1
    assert kinds.count(["cloud-only", "jpeg"]) == 2


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", ["close", "deep"])
def test_names_cover_no_marker_and_the_legend_no_plot(request, name, width):
    sources = report.read(request.getfixturevalue(name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = rate.of_search(sources).figure(width)
        figure.draw_without_rendering()
    axes = figure.axes[0]
    named = [box for _, box in boxes(figure, axes.texts)]
    assert 0 < len(named) <= 10
    at = [(run.wire_bytes, run.accuracy) for run in sources.runs.values()]
    half = 8.5 / 2 * figure.dpi / 72
    markers = [
        Bbox.from_extents(x - half, y - half, x + half, y + half)
        for x, y in axes.transData.transform(at)
    ]
    assert [box.count_overlaps(markers) for box in named] == [0] * len(named)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.count_overlaps([axes.get_tightbbox()]) == 0
    assert figure.get_window_extent().containsy(box.y0)
    assert box.x1 <= figure.get_window_extent().x1
    assert axes.get_window_extent().height > 150


def test_cloud_only_of_two_sides_differs_in_the_data(deep):
    found = rate.of_search(report.read(deep))
    side = found.header.index("side_px")
    cloud = [
        row[side - 2 : side + 1] for row in found.rows if row[0] == "cloud-only"
    ]
    assert ["jpeg", 10, 8] in cloud
    assert ["jpeg", 10, 32] in cloud


def test_image_codec_that_is_left_out_is_reported(search):
    for file in search.glob("candidates/*/report.json"):
        content = json.loads(file.read_text())
        content["reasons"] = {"cloud_only.avif": "no Pillow"}
        file.write_text(json.dumps(content))
    caption = rate.of_search(report.read(search)).caption
    assert "AVIF is left out: no Pillow." in caption
