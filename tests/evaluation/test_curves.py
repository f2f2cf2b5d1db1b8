"""What a report tells of its unit's curve, worked out by hand."""

import math

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.evaluation import (
    Baselines,
    CloudPoint,
    Curve,
    SplitResult,
    curves,
)

# Bytes double from one point to the next, twice ours for JPEG.
BASELINES = Baselines(
    80.0,
    (
        CloudPoint("jpeg", 10, 32, 100.0, 719.0, 70.0),
        CloudPoint("jpeg", 50, 32, 200.0, 819.0, 78.0),
        CloudPoint("jpeg", 90, 32, 400.0, 1019.0, 80.0),
        CloudPoint("webp", 90, 32, 450.0, 450.0, 79.5),
    ),
)


def _result(size, accuracy):
    wire = np.array([size, size], np.int64)
    return SplitResult(accuracy, wire - 6, wire)


CURVE = Curve(
    (-1.0, 0.0, 1.0),
    (_result(50, 70.0), _result(100, 78.0), _result(200, 80.0)),
    default_point=1,
)


@pytest.fixture
def make_report(dataset):
    def make(curve=CURVE, baselines=BASELINES, **kwargs):
        measured = evaluation.Measured(dataset, baselines, curve)
        config = TrainConfig(split="RB3")
        return evaluation.build_report(
            config, dataset, measured, command=[], **kwargs
        )

    return make


def test_bytes_at_drops_of_the_unit(make_report):
    found = make_report()["bytes_at_drop"]
    # 78, 79 and 79.5 %: none, a half and three quarters of a doubling.
    expected = {"2": 100.0, "1": 100 * 2**0.5, "0.5": 100 * 2**0.75}
    assert found == pytest.approx(expected)


def test_bytes_at_drops_of_each_rival(make_report):
    report = make_report()
    found = report["rival_bytes_at_drop"]
    assert list(found) == ["untouched", "tuned"] and found["tuned"] == {}
    jpeg, webp = found["untouched"]["jpeg"], found["untouched"]["webp"]
    assert jpeg["1"] == pytest.approx(200 * 2**0.5)
    assert webp == {"2": None, "1": None, "0.5": pytest.approx(450.0)}
    reason = report["reasons"]["rival_bytes_at_drop.untouched.webp.1"]
    assert "79.00 % is below the 79.50 %" in reason


def test_bd_rate_against_each_rival(make_report):
    report = make_report()
    # Half of JPEG's bytes at every accuracy.
    assert report["bd_rate"]["untouched"]["jpeg"] == pytest.approx(-50.0)
    assert report["bd_rate_range"]["untouched"]["jpeg"] == [70.0, 80.0]
    assert report["bd_rate"]["untouched"]["webp"] is None
    assert report["bd_rate_range"]["untouched"]["webp"] is None
    assert "the anchor has 1" in report["reasons"]["bd_rate.untouched.webp"]


def test_the_validation_section_has_figures_of_its_own(make_report, dataset):
    better = Curve((0.0, 1.0), (_result(25, 70.0), _result(50, 78.0)))
    validation = evaluation.Measured(dataset, BASELINES, better)
    report = make_report(validation=validation)
    assert report["bytes_at_drop"]["2"] == pytest.approx(100.0)
    own = report["validation"]
    assert own["bytes_at_drop"]["2"] == pytest.approx(50.0)
    assert own["bytes_at_drop"]["1"] is None
    assert "bytes_at_drop.1" in own["reasons"]
    assert own["bd_rate_range"]["untouched"]["jpeg"] == [70.0, 78.0]


def test_a_unit_of_one_point_has_reasons(make_report):
    report = make_report(Curve((50,), (_result(50, 70.0),)))
    assert report["bytes_at_drop"] == {"2": None, "1": None, "0.5": None}
    assert "most accurate" in report["reasons"]["bytes_at_drop.2"]
    assert "the curve has 1" in report["reasons"]["bd_rate.untouched.jpeg"]


def test_without_an_untouched_network_there_are_no_rivals(make_report):
    report = make_report(baselines=None)
    assert report["bytes_at_drop"]["2"] is None
    assert "isn't known" in report["reasons"]["bytes_at_drop.2"]
    assert report["bd_rate"] == {"untouched": {}, "tuned": {}}


def _tuned(size, accuracy):
    return {
        "codec": "webp", "quality": 20, "side": 32, "bytes": size,
        "file_bytes": size, "accuracy": accuracy, "tuned_at": 20,
    }  # fmt: skip


def test_tuned_rivals_have_a_curve_with_the_untouched_points(make_report):
    report = make_report()
    evaluation.add_tuned(report, [_tuned(225.0, 78.5)], {"codecs": ["webp"]})
    # From 225 bytes at 78.5 to the untouched network's 450 at 79.5.
    found = report["rival_bytes_at_drop"]["tuned"]["webp"]
    assert found["1"] == pytest.approx(225 * math.sqrt(2))
    assert report["bd_rate_range"]["tuned"]["webp"] == [78.5, 79.5]
    assert report["bd_rate"]["untouched"]["webp"] is None


def test_adding_rivals_renews_the_reasons(make_report):
    report = make_report()
    name = "rival_bytes_at_drop.tuned.webp.1"
    evaluation.add_tuned(report, [_tuned(470.0, 79.0)], {"codecs": ["webp"]})
    assert "smallest" in report["reasons"][name]
    evaluation.add_tuned(report, [_tuned(225.0, 78.5)], {"codecs": ["webp"]})
    assert name not in report["reasons"]
    assert "bd_rate.untouched.webp" in report["reasons"]


def test_figures_without_points_have_the_one_that_they_tell():
    figures = {"wire_bytes_mean": 90.0, "accuracy": 70.0}
    assert curves.measured_points(figures) == [(90.0, 70.0)]


def test_a_report_is_a_unit_with_its_default_point(make_report):
    unit = curves.unit_of(make_report())
    assert (unit.split, unit.mode, unit.kind) == ("RB3", "aware", "jpeg")
    assert unit.points == ((50.0, 70.0), (100.0, 78.0), (200.0, 80.0))
    assert unit.default == (100.0, 78.0)
