"""Tests of which split the demo deploys."""

from bottlenet_tf.cli.demo_halves import choose


def _report(split, accuracy, wire_bytes):
    return {
        "split": split,
        "accuracy": accuracy,
        "wire_bytes_mean": wire_bytes,
        "baseline_accuracy": 90.0,
    }


def test_the_smallest_that_is_accurate_enough_is_deployed():
    reports = [
        _report("RB1", 88.0, 40.0),
        _report("RB2", 89.5, 60.0),
        _report("RB3", 87.9, 10.0),
    ]
    assert choose(reports)["split"] == "RB1"


def test_the_most_accurate_is_deployed_if_none_is_enough():
    reports = [_report("RB1", 50.0, 40.0), _report("RB2", 60.0, 60.0)]
    assert choose(reports)["split"] == "RB2"
