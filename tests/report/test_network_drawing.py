"""The network's blocks: bytes, accuracies, and who computes how much."""

import dataclasses

import msgspec
import pytest

from bottlenet_tf import report
from bottlenet_tf.common.diagrams import NARROW, WIDE
from bottlenet_tf.report import network
from tests.report.drawn import boxes, words


@pytest.fixture
def computed(chosen, macs):
    """Sources with a profile that knows the server's part."""
    return report.read(chosen, profiles=(chosen / "phone.csv", macs))


def test_the_network_tells_what_every_split_sends(chosen):
    (found,) = network.pictures(report.read(chosen))
    rows = {row[0]: row for row in found.rows}
    assert rows["early"][2:] == (
        ["16×16×8", 2056, 400.0, 88.0, 0.2, None, "3g wifi"]
    )
    assert rows["never"][1] == "none acceptable"
    shown = words(found, NARROW)
    assert {"image", "early", "the rest", "answer"} <= set(shown)
    assert "400 B of 2,056" in shown
    assert "chosen for 3g, wifi" in shown
    assert "no acceptable unit" in shown


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (WIDE, "rest of the unsplit network"),
        (NARROW, "rest of unsplit network"),
    ],
)
def test_without_a_profile_the_rest_of_the_network_is_no_server_s(
    chosen, width, told
):
    (found,) = network.pictures(report.read(chosen))
    shown = words(found, width)
    assert told in shown
    assert "on the server" not in shown
    assert "grey is what remains of the unsplit network" in found.caption


def test_the_server_s_bar_is_the_tail_s_own(computed):
    (found,) = network.pictures(computed)
    rows = {row[0]: row for row in found.rows}
    assert rows["early"][6:8] == [0.2, 0.767]
    axes = found.figure(WIDE).axes[0]
    bars = [b for group in axes.containers for b in group]
    wide = [bar.get_width() for bar in bars]
    assert wide == pytest.approx([0.2, 0.767, 0.9, 0.434])
    assert max(b.get_x() + b.get_width() for b in bars) <= axes.get_xlim()[1]
    shown = words(found)
    assert {"on the server", "100 %", "77\u00a0%"} <= set(shown)


def test_a_picked_set_of_split_points_is_reported(chosen, change):
    (found,) = network.pictures(report.read(chosen))
    assert "Only the searched ones" not in found.caption
    change(chosen / "search.json", "config.splits", ["early", "late"])
    (found,) = network.pictures(report.read(chosen))
    assert "Only the searched ones are drawn" in found.caption


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", ["computed", "deep"])
def test_words_touch_neither_bars_nor_each_other(request, name, width):
    given = request.getfixturevalue(name)
    sources = report.read(given) if name == "deep" else given
    (found,) = network.pictures(sources)
    figure = found.figure(width)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = boxes(figure, axes.texts)
    assert [told for told, _ in texts if "chosen" in told]
    bars = [bar.get_window_extent() for bar in axes.patches]
    for told, box in texts:
        others = [other for _, other in texts if other is not box]
        # A share stands in its bar, above no other word.
        around = others if told.endswith("%") else [*bars, *others]
        if "100 %" not in told:
            assert box.count_overlaps(around) == 0, told
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 + 1
    blocks = [label.get_window_extent() for label in axes.get_yticklabels()]
    for block in blocks:
        assert block.count_overlaps([b for b in blocks if b is not block]) == 0
        assert figure.bbox.x0 <= block.x0


def test_a_deep_network_is_readable_in_print(deep):
    (drawn,) = network.pictures(report.read(deep))
    figure = drawn.figure(WIDE)
    # At most 200 mm are printed: text of 7 pt stays above 6.
    wide, high = figure.get_size_inches()
    shrunk = min(1.0, 200 / 25.4 / high, 182 / 25.4 / wide)
    sizes = [t.get_fontsize() for t in figure.axes[0].texts if t.get_text()]
    assert shrunk * min(sizes) > 5.9


def test_a_deeper_network_takes_more_drawings(deep):
    sources = report.read(deep)
    splits = tuple(f"RB{i + 1}" for i in range(54))
    stated = msgspec.structs.replace(sources.search.stated, splits=splits)
    search = dataclasses.replace(sources.search, stated=stated)
    found = network.pictures(dataclasses.replace(sources, search=search))
    assert [drawn.name for drawn in found] == ["network", "network_2"]
    assert found[1].caption.startswith("Part 2 of 2, RB28 to RB54.")
    assert tuple(row[0] for drawn in found for row in drawn.rows) == splits
    assert "answer" not in words(found[0])
    assert "image" not in words(found[1])
