"""Cells of a curve's table, worked out by hand."""

from bottlenet_tf.common import curve_cells
from bottlenet_tf.common.rate_curves import Unit, UnitCurve

OURS = [(50, 70.0), (100, 78.0), (200, 80.0)]
TWICE = [(2 * size, accuracy) for size, accuracy in OURS]


def test_bytes_at_drops_stand_above_bd_rates():
    compared = {"JPEG": TWICE, "WebP": [(450, 79.5)]}
    header, rows = curve_cells.cells(OURS, 80.0, compared)
    assert header == ("points lost", "wire B", "JPEG", "WebP")
    # 100 and 200 bytes times the square root of 2, and 2 ** 0.75.
    assert rows == [
        ["2", "100", "200", "≤ 450"],
        ["1", "141", "283", "≤ 450"],
        ["0.5", "168", "336", "450"],
        ["BD-rate %", "", "-50.0", "–"],
        ["accuracies %", "", "70.0–80.0", "–"],
    ]


def test_fewer_than_100_bytes_have_a_decimal():
    _, rows = curve_cells.cells(OURS, 72.0, {})
    assert rows[0] == ["2", "50.0"]


def test_what_is_not_accurate_enough_has_no_bytes():
    _, rows = curve_cells.cells(OURS, 82.5, {})
    assert [row[1] for row in rows] == ["–", "–", "–"]


def test_a_curve_alone_has_no_bd_rate():
    _, rows = curve_cells.cells(OURS, 80.0, {})
    assert [row[0] for row in rows] == ["2", "1", "0.5"]


def test_anchors_are_named_for_people():
    jpeg = Unit("RB3", "aware", "jpeg", ((90, 85.0),), (90, 85.0))
    found = curve_cells.anchors(
        {"jxl": TWICE}, {"webp": OURS}, [jpeg, jpeg._replace(points=OURS)]
    )
    assert list(found) == ["JPEG XL", "tuned WebP", "JPEG unit"]
    assert found["JPEG unit"] == [(90, 85.0), *OURS]
    learned = jpeg._replace(kind="learned")
    assert list(curve_cells.anchors({}, {}, [jpeg, learned])) == ["given units"]


def test_a_curve_is_named_by_its_units():
    curve = UnitCurve("RB3", "aware", "jpeg", (), (), (0, 1))
    assert curve_cells.unit_label(curve) == "RB3 aware, 2 JPEG units"
    one = UnitCurve("RB6", "tail", "learned", (), (), (0,))
    assert curve_cells.unit_label(one) == "RB6 tail, learned unit"
