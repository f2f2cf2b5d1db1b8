"""Choices out of reports."""

import pytest

from bottlenet_tf.selection.choices import (
    Choice,
    Image,
    Spread,
    Way,
    from_report,
)
from bottlenet_tf.selection.rivals import references


def _cloud(codec, quality, size, accuracy, side=32):
    return {
        "codec": codec, "quality": quality, "side": side, "bytes": size,
        "accuracy": accuracy,
    }  # fmt: skip


FIGURES = {
    "dataset_fingerprint": "f",
    "accuracy": 90.0,
    "wire_bytes_mean": 250.0,
    "baseline_accuracy": 91.7,
    "label_only": {"bits": 4, "bytes": 1, "accuracy": 91.7},
    "raw_features": {"deflated_bytes_mean": 12586.0, "accuracy": 91.75},
    "cloud_only": [
        _cloud("jpeg", 50, 300.0, 80.0),
        _cloud("jpeg", 95, 680.0, 89.8),
        _cloud("webp", 95, 709.0, 90.8),
        _cloud("webp", 88, 501.0, 89.9),
    ],
}
RUN = {
    "mode": "aware",
    "backbone": "net",
    "dataset": "digits",
    "split": "RB3",
    "flags": {
        "unit": {"channels": 4, "stride": 2, "codec": "jpeg", "quality": 75}
    },
}
# Of a run for choosing, whose figures are those on validation images.
REPORT = {**RUN, "measured_on": "validation", "validation": None, **FIGURES}
# Of a run as it is: on test images, where all figures are others.
TESTED = {
    **RUN,
    "measured_on": "test",
    "dataset_fingerprint": "t",
    "accuracy": 88.0,
    "wire_bytes_mean": 222.0,
    "baseline_accuracy": 90.0,
    "label_only": {"bits": 4, "bytes": 1, "accuracy": 90.0},
    "raw_features": {"deflated_bytes_mean": 11111.0, "accuracy": 89.0},
    "cloud_only": [
        {**point, "bytes": point["bytes"] - 100, "accuracy": 70.0 + i}
        for i, point in enumerate(FIGURES["cloud_only"])
    ],
    "validation": FIGURES,
}


def _points(*pairs):
    return [
        {
            "index": i, "accuracy": accuracy, "wire_bytes_mean": size,
            "wire_bytes_p95": size + 1, "wire_bytes_p99": size + 2,
            "wire_bytes_max": size + 3,
        }
        for i, (size, accuracy) in enumerate(pairs)
    ]  # fmt: skip


# A learned unit of three points; the coarsest is luckier than the one before.
LEARNED = {
    **TESTED,
    "unit_id": 0xABCD,
    "flags": {"unit": {"kind": "learned"}},
    "points": _points((219.0, 88.5), (111.0, 87.0), (51.0, 86.0)),
    "validation": {
        **FIGURES,
        "points": _points((220.0, 90.0), (110.0, 88.0), (50.0, 88.3)),
    },
}


def _of_choosing(choice):
    return choice.name, choice.sent_bytes, choice.accuracy, choice.detail


def test_validation_images_choose_and_test_images_are_reported():
    found = [*from_report("RB3", TESTED), *references({"RB3": TESTED}, 2.0)]
    wanted = [*from_report("RB3", REPORT), *references({"RB3": REPORT}, 2.0)]
    assert list(map(_of_choosing, found)) == list(map(_of_choosing, wanted))
    assert [c.test_accuracy for c in wanted] == [None] * 6
    # jpeg 95 is the second point of the sweep, webp 88 the fourth.
    told = [88.0, 90.0, 90.0, 71.0, 73.0, 89.0]
    assert [c.test_accuracy for c in found] == told


def test_a_run_without_validation_images_chooses_nothing():
    untold = {**TESTED, "validation": None}
    for choose in (
        lambda: from_report("RB3", untold),
        lambda: references({"RB3": untold}, 2.0),
    ):
        with pytest.raises(ValueError, match="--validation_fraction above 0"):
            choose()


def test_tuned_rivals_are_a_choice_of_their_own():
    points = [
        {**_cloud("avif", 30, 90.0, 88.0), "tuned_at": 30},
        {**_cloud("avif", 40, 110.0, 89.8), "tuned_at": 30},
        {**_cloud("avif", 40, 111.0, 89.9), "tuned_at": 40},
    ]
    rivals = {"codecs": ["avif"], "points": points}
    tested = {**rivals, "points": [{**p, "accuracy": 77.0} for p in points]}
    report = {
        **TESTED,
        "tuned_rivals": tested,
        "validation": {**FIGURES, "tuned_rivals": rivals},
    }
    found = {c.name: c for c in references({"RB3": report}, 2.0)}
    tuned = found["cloud-only, tuned"]
    assert (tuned.sent_bytes, tuned.accuracy, tuned.test_accuracy) == (
        110.0, 89.8, 77.0,
    )  # fmt: skip
    assert tuned.detail == "avif 40, network tuned for it"
    # Nobody deploys that network.
    assert tuned.image is None
    assert found["cloud-only, matched"].image == Image("webp", 88, 32)


def test_a_run_is_a_choice_of_its_wire_bytes():
    assert from_report("RB3", REPORT, "runs/x") == [
        Choice(
            "RB3", Way.SPLIT, 250.0, 90.0, "RB3", "c'=4, s=2, jpeg 75", "runs/x"
        )
    ]


def test_every_operating_point_is_a_choice():
    first, second, _ = found = from_report("RB6", LEARNED)
    assert [c.name for c in found] == [
        "RB6 at point 0", "RB6 at point 1", "RB6 at point 2",
    ]  # fmt: skip
    assert {(c.split, c.unit_id, c.detail) for c in found} == {
        ("RB6", 0xABCD, "RB3, learned unit")
    }
    assert second == Choice(
        "RB6 at point 1", Way.SPLIT, 110.0, 88.0, "RB6", "RB3, learned unit",
        test_accuracy=87.0, point=1, finer_accuracy=90.0,
        spread=Spread(111.0, 112.0, 113.0), unit_id=0xABCD,
    )  # fmt: skip
    assert first.finer_accuracy is None


def test_no_point_counts_as_more_accurate_than_the_next_finer_one():
    found = from_report("RB3", LEARNED)
    assert [c.accuracy for c in found] == [90.0, 88.0, 88.3]
    assert [c.sure_accuracy for c in found] == [90.0, 88.0, 88.0]


def test_points_are_compared_in_the_order_of_their_bytes():
    # A coarser point that takes more bytes than a finer one.
    points = _points((100.0, 90.0), (110.0, 88.0))
    found = from_report("RB3", {**REPORT, "points": points})
    assert [(c.point, c.finer_accuracy) for c in found] == [
        (1, None), (0, 88.0),
    ]  # fmt: skip


def test_the_only_point_of_a_unit_has_no_index():
    points = _points((250.0, 90.0))
    (found,) = from_report("RB3", {**REPORT, "points": points})
    assert (found.name, found.point) == ("RB3", None)
    assert found.spread == Spread(251.0, 252.0, 253.0)


def test_units_of_one_split_point_have_their_runs_names():
    (found,) = from_report("rb3_small", REPORT)
    assert (found.name, found.split) == ("rb3_small", "rb3_small")
    assert found.detail == "RB3, c'=4, s=2, jpeg 75"


def test_a_baseline_is_no_choice():
    with pytest.raises(ValueError, match="a run with a unit"):
        from_report("x", {**REPORT, "mode": "baseline", "split": None})


def test_references_are_what_the_field_compares_with():
    found = {
        c.name: c for c in references({"RB3": REPORT}, max_accuracy_loss=2.0)
    }
    assert list(found) == [
        "mobile-only",
        "label-only",
        "cloud-only, best",
        "cloud-only, matched",
        "RB3 raw",
    ]
    assert found["mobile-only"].sent_bytes == 0
    assert found["label-only"].sent_bytes == 1
    assert found["cloud-only, best"].detail == "jpeg 95, highest quality"
    # 89.7 % are asked for: webp 88 is the smallest of three.
    assert found["cloud-only, matched"].detail == "webp 88"
    assert found["RB3 raw"].sent_bytes == 12586.0


def test_without_a_trained_network_mobile_only_is_timed_all_the_same():
    untrained = {
        **REPORT,
        "baseline_accuracy": None,
        "label_only": None,
        "raw_features": None,
        "cloud_only": [],
    }
    (found,) = references({"RB3": untrained}, 2.0)
    assert (found.name, found.accuracy) == ("mobile-only", None)


def test_cloud_only_of_smaller_images_tells_their_side():
    points = [
        _cloud("jpeg", 95, 65.0, 90.5, side=8),
        _cloud("jpeg", 20, 50.0, 90.0, side=8),
        _cloud("jpeg", 95, 420.0, 91.7),
    ]
    found = references({"RB3": {**REPORT, "cloud_only": points}}, 2.0)
    best, matched = found[2:4]
    # The images as they are stored: the fewest bytes of the highest quality.
    assert (best.sent_bytes, best.accuracy) == (65.0, 90.5)
    assert best.detail == "jpeg 95 at 8 px, highest quality"
    assert matched.detail == "jpeg 20 at 8 px"


def test_cloud_only_that_is_never_good_enough_is_left_out():
    names = [c.name for c in references({"RB3": REPORT}, max_accuracy_loss=0.5)]
    assert "cloud-only, matched" not in names


@pytest.mark.parametrize(
    "field", ["backbone", "dataset", "dataset_fingerprint"]
)
def test_reports_of_different_networks_are_refused(field):
    with pytest.raises(ValueError, match=f"{field} differs.*other='x'"):
        references({"a": REPORT, "b": {**REPORT, field: "x"}}, 2.0)


def test_a_split_must_name_its_point():
    with pytest.raises(ValueError, match="must name its split point"):
        Choice("a", Way.SPLIT, 1.0)
    with pytest.raises(ValueError, match="must name its split point"):
        Choice("a", Way.CLOUD, 1.0, split="RB1")


def test_bytes_are_not_negative():
    with pytest.raises(ValueError, match="sent_bytes=-1"):
        Choice("a", Way.CLOUD, -1.0)
