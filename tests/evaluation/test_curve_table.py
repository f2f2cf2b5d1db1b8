"""Tables of curves, below that of all units."""

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.config.unit import LearnedUnitConfig
from bottlenet_tf.evaluation import Baselines, CloudPoint, Curve, SplitResult

BASELINES = Baselines(
    80.0,
    tuple(
        CloudPoint("jpeg", quality, 32, size, size, accuracy)
        for quality, size, accuracy in (
            (10, 100.0, 70.0),
            (50, 200.0, 78.0),
            (90, 400.0, 80.0),
        )
    ),
)


def _result(size, accuracy):
    wire = np.array([size - 1, size + 1], np.int64)
    return SplitResult(accuracy, wire - 6, wire)


SEVERAL = Curve(
    (-1.0, 0.0, 1.0),
    (_result(50, 70.0), _result(100, 78.0), _result(200, 80.0)),
    default_point=1,
)
LEARNED = TrainConfig(
    split="RB3", mode="frozen", unit=LearnedUnitConfig(),
    backbone_weights="imagenet",
)  # fmt: skip


@pytest.fixture
def make_report(dataset):
    def make(config=LEARNED, curve=SEVERAL, baselines=BASELINES):
        measured = evaluation.Measured(dataset, baselines, curve)
        return evaluation.build_report(config, dataset, measured, command=[])

    return make


@pytest.fixture
def jpeg_units(make_report):
    """Two reports of one-point units at RB3, of 80 and 160 bytes."""
    return [
        make_report(
            TrainConfig(split="RB3", unit=UnitConfig(quality=quality)),
            Curve((quality,), (_result(size, accuracy),)),
        )
        for quality, size, accuracy in ((10, 80, 72.0), (50, 160, 79.0))
    ]


def _tables(text):
    """Returns `{title: [rows of cells]}` of those that have a title."""
    blocks = text.split("\n\n")
    found, title = {}, None
    for block in blocks:
        if not block.startswith("|"):
            title = block
            continue
        rows = [
            [cell.strip() for cell in line.split("|")[1:-1]]
            for line in block.splitlines()
        ]
        found.setdefault(title, []).append([rows[0], *rows[2:]])
    return found


def test_every_operating_point_has_a_row(make_report):
    text = evaluation.markdown_table([make_report()])
    points, _ = _tables(text)["RB3 frozen, learned unit:"]
    assert points[0] == [
        "point", "wire B mean", "median", "p95", "p99", "max", "accuracy %",
        "drop",
    ]  # fmt: skip
    assert points[1] == [
        "0", "50.0", "50", "51", "51", "51", "70.00", "10.00",
    ]  # fmt: skip
    assert [row[0] for row in points[1:]] == ["0", "1 (default)", "2"]


def test_a_curve_s_bytes_stand_beside_its_rivals(make_report):
    text = evaluation.markdown_table([make_report()])
    _, drops = _tables(text)["RB3 frozen, learned unit:"]
    assert drops == [
        ["points lost", "wire B", "JPEG"],
        ["2", "100", "200"],
        ["1", "141", "283"],
        ["0.5", "168", "336"],
        ["BD-rate %", "", "-50.0"],
        ["accuracies %", "", "70.0–80.0"],
    ]
    assert "Nothing is extrapolated" in text


def test_a_unit_of_one_point_has_no_curve(jpeg_units):
    text = evaluation.markdown_table(jpeg_units[:1])
    assert "points lost" not in text and "extrapolated" not in text


def test_units_of_one_point_have_a_curve_together(jpeg_units):
    text = evaluation.markdown_table(jpeg_units)
    (drops,) = _tables(text)["RB3 aware, 2 JPEG units:"]
    # 78 is six sevenths of the way from 72 to 79: 80 * 2 ** (6 / 7).
    assert drops[1] == ["2", "145", "200"]


def test_a_learned_unit_is_compared_with_jpeg_units_of_its_split(
    make_report, jpeg_units
):
    text = evaluation.markdown_table([*jpeg_units, make_report()])
    _, drops = _tables(text)["RB3 frozen, learned unit:"]
    assert drops[0] == ["points lost", "wire B", "JPEG", "JPEG unit"]
    assert drops[1] == ["2", "100", "200", "145"]
    assert drops[-1][-1] == "72.0–79.0"


def test_tuned_rivals_have_columns_of_their_own(make_report):
    report = make_report()
    point = {
        "codec": "jpeg", "quality": 20, "side": 32, "bytes": 150.0,
        "file_bytes": 150.0, "accuracy": 78.0, "tuned_at": 20,
    }  # fmt: skip
    evaluation.add_tuned(report, [point], {"codecs": ["jpeg"]})
    text = evaluation.markdown_table([report])
    _, drops = _tables(text)["RB3 frozen, learned unit:"]
    assert drops[0][-1] == "tuned JPEG"
    assert drops[1] == ["2", "100", "200", "150"]


def test_points_without_an_untouched_network_have_no_drop(make_report):
    text = evaluation.markdown_table([make_report(baselines=None)])
    points, drops = _tables(text)["RB3 frozen, learned unit:"]
    assert points[1][-1] == "–"
    assert drops == [
        ["points lost", "wire B"], ["2", "–"], ["1", "–"], ["0.5", "–"],
    ]  # fmt: skip
