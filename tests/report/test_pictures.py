"""Drawings, and the data that is written beside them."""

import xml.etree.ElementTree as ElementTree

import pytest

from bottlenet_tf import report
from bottlenet_tf.report import (
    costs,
    network,
    page,
    palette,
    picture,
    rate_accuracy,
    sensitivity,
    text,
)

HOSTILE = '<script>$x_1$&"\x01\n' + "long" * 20


@pytest.fixture
def sources(chosen):
    return report.read(chosen)


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


def test_an_unknown_energy_has_no_panel(chosen, change):
    file = chosen / "selection.json"
    for group, count in (("splits", 2), ("references", 6)):
        for i in range(count):
            for field in ("compute_mj", "uplink_mj"):
                change(file, ["decisions", 0, group, i, field], None)
    selection = report.read(chosen).selection
    found = costs.picture(selection.decisions[0], selection)
    shown = " ".join(_texts(found.svg(picture.NARROW)))
    assert "latency (ms)" in shown
    assert "energy" not in shown


def test_the_front_rises_in_bytes_and_accuracy():
    points = [(3, 50), (1, 40), (2, 30), (2, 45), (4, 50)]
    assert rate_accuracy.front(points) == [(1, 40), (2, 45), (3, 50)]


def test_rate_accuracy_holds_every_point(sources):
    found = rate_accuracy.picture(sources.search)
    kinds = [row[0] for row in found.rows]
    assert [kinds.count(k) for k in ("candidate", "trial", "cloud-only")] == [
        2,
        4,
        3,
    ]


def test_the_network_tells_what_every_split_sends(sources):
    found = network.picture(sources.search, sources.selection)
    rows = {row[0]: row for row in found.rows}
    assert rows["early"][2:] == (["16×16×8", 2056, 400.0, 88.0, 0.2, "3g wifi"])
    assert rows["never"][1] == "none acceptable"
    shown = _texts(found.svg(picture.NARROW))
    assert "400 B of 2,056" in shown
    assert "chosen for 3g, wifi" in shown
    assert "no acceptable unit" in shown


def test_sensitivity_has_a_row_for_each_scenario(sources):
    decision = sources.selection.decisions[0]
    found = sensitivity.picture(
        decision, sources.selection, sources.search.splits
    )
    # Three rates, two loads of the device, two of the server.
    assert len(found.rows) == 12
    assert len([t for t in _texts(found.svg(picture.WIDE)) if ": " in t]) == 13


def test_drawings_are_the_same_twice(sources):
    found = network.picture(sources.search, None)
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


def test_text_is_cut_and_cleaned_for_drawings():
    assert text.short("a\x00b") == "a\ufffdb"
    assert text.short("x" * 30) == "x" * 21 + "…"
