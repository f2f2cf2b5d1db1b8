"""plan.json as a device reads it: every field checked, every error named."""

import copy
import json

import pytest

from bottlenet_tf.link import plan, plan_file
from tests import replay_plans

SPLITS = {"RB3": (0.36, ((200.0, 240, 91.0), (100.0, 120, 89.0)))}
CLOUD = (("avif", 75, 32, 400.0, 90.0),)


@pytest.fixture
def values():
    return replay_plans.plan_values(SPLITS, CLOUD, 91.7, 100.0, 4.0, 88.0)


def read(tmp_path, values):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(values))
    return plan_file.read(path)


def test_choices_have_their_times_and_bytes(tmp_path, values):
    found = read(tmp_path, values)
    assert [choice.name for choice in found.choices] == [
        "RB3 at point 0", "RB3 at point 1", "mobile-only",
        "cloud-only avif 75",
    ]  # fmt: skip
    split, _, whole, cloud = found.choices
    assert (split.bytes_mean, split.bytes_p95) == (200.0, 240.0)
    assert split.device_ms == pytest.approx(0.36 * 100 + 0.5)
    assert split.server_ms == pytest.approx(0.2 + 4.0 * 0.64 + 0.5)
    assert (whole.device_ms, whole.server_ms, whole.sends) == (100.0, 0, False)
    assert (cloud.device_ms, cloud.compute_mj) == (0.0, 0.0)
    assert cloud.bytes_p95 == 400.0  # Unknown: the mean.
    assert found.whole is whole
    assert found.radios["4g"].uplink_mw == 3852.6
    assert found.min_accuracy == 88.0


def test_a_plan_that_was_written_by_select_can_be_read(tmp_path, values):
    values["choices"][0]["wire_bytes_p95"] = 150  # Below a skewed mean.
    values["device_times"].append(
        {"split": "RB3", "load": 4, "device_ms": 1e3, "encode_ms": 1.0,
         "compute_mj": None}
    )  # fmt: skip
    found = read(tmp_path, values)
    assert found.choices[0].bytes_p95 == 200.0
    assert found.choices[0].device_ms < 100  # That of no load.


def test_a_unit_of_one_rate_has_its_only_point(tmp_path, values):
    values["choices"][0]["point"] = None
    assert read(tmp_path, values).choices[0].point == 0


def change(path, value):
    def apply(values):
        place = values
        for key in path[:-1]:
            place = place[key]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["format"], "bottlenet_tf.plan.2", "version"),
        (["choices"], [], "have a choice"),
        (["choices"], {"name": 1}, "list of objects"),
        (["choices"], [1, 2], "list of objects"),
        (["choices", 0, "name"], "", "'name'"),
        (["choices", 0, "name"], "mobile-only", "different names"),
        (["choices", 0, "way"], "tunnel", "'way'"),
        (["choices", 0, "way"], ["split"], "'way'"),
        (["choices", 0, "split"], None, "'split'"),
        (["choices", 0, "split"], "RB9", "load 0"),
        (["choices", 0, "point"], True, "'point'"),
        (["choices", 0, "point"], -1, "'point'"),
        (["choices", 0, "point"], KeyError, "'point'"),
        (["choices", 0, "wire_bytes_mean"], KeyError, "'wire_bytes_mean'"),
        (["choices", 0, "wire_bytes_mean"], 0, "must have bytes"),
        (["choices", 2, "wire_bytes_mean"], 5, "must have bytes"),
        (["choices", 0, "wire_bytes_mean"], 10**400, "'wire_bytes_mean'"),
        (["choices", 0, "accuracy"], 101, "'accuracy'"),
        (["choices", 0, "accuracy"], "91", "'accuracy'"),
        (["choices", 0, "unit_id"], 1.5, "'unit_id'"),
        (["device_times"], None, "'device_times'"),
        (["device_times", 0, "device_ms"], -1.0, "'device_ms'"),
        (["device_times", 0, "load"], "0", "'load'"),
        (["device_times", 1, "split"], None, "one row"),
        (["cloud_times", 0, "cloud_ms"], None, "'cloud_ms'"),
        (["cloud_times"], [], "load 0"),
        (["scenarios", 0, "waiting_mw"], None, "'waiting_mw'"),
        (["min_accuracy"], "88", "'min_accuracy'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_named(tmp_path, values, path, value, named):
    change(path, value)(values)
    with pytest.raises(ValueError, match=named) as caught:
        read(tmp_path, values)
    assert "plan.json" in str(caught.value)
    assert "Received" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"\xff\xfe", b"null", b"[]", b"3",
        b"[" * 200_000, b'{"a":' * 100_000,
        b'{"format": "bottlenet_tf.plan.1", "choices": NaN}',
        b"9" * 10_000,
    ],
    ids=lambda data: str(len(data)),
)  # fmt: skip
def test_what_is_no_plan_is_refused(tmp_path, data):
    path = tmp_path / "plan.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="plan.json: .*"):
        plan_file.read(path)


def test_a_file_without_an_end_is_not_read_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_file, "MAX_BYTES", 1000)
    path = tmp_path / "plan.json"
    path.write_bytes(b" " * 5000)
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        plan_file.read(path)


def test_what_a_deployment_lacks_is_dropped_by_name(values):
    found = plan_file.parse(values)
    kept, dropped = found.only(["RB3 at point 1", "mobile-only", "unknown"])
    assert [c.name for c in kept.choices] == ["RB3 at point 1", "mobile-only"]
    assert dropped == ["RB3 at point 0", "cloud-only avif 75"]
    assert kept.radios == found.radios
    kept, dropped = found.only(lambda choice: choice.way != plan.CLOUD)
    assert dropped == ["cloud-only avif 75"]
    with pytest.raises(ValueError, match="offer a choice"):
        found.only([])


def test_the_radio_is_that_of_the_rate_in_the_middle(values):
    scenario = values["scenarios"][0]
    values["scenarios"] = []
    for factor, power in ((0.5, 1.0), (1.0, 2.0), (2.0, 3.0)):
        row = copy.deepcopy(scenario)
        row["uplink_mbps"] *= factor
        row["uplink_mw"] = power
        values["scenarios"].append(row)
    assert plan_file.parse(values).radios["4g"].uplink_mw == 2.0


def test_within_a_limit_bytes_and_accuracies_are_those_of_the_limit(values):
    found = plan_file.parse(values)
    fine, coarse, *rivals = found.within(150).choices
    # Halfway on the curve, in log bytes, at the square root of 100 * 200.
    half = found.within(100 * 2**0.5).choices[0]
    assert half.accuracy == pytest.approx(90.0)
    assert (fine.bytes_mean, fine.bytes_p95) == (150.0, 150.0)
    assert 90.0 < fine.accuracy < 91.0
    assert coarse == found.choices[1] and rivals == list(found.choices[2:])
    assert found.within(200).choices[0].accuracy == 91.0
    tail = found.within(110).choices[1]
    assert (tail.bytes_mean, tail.bytes_p95, tail.accuracy) == (100, 110, 89)
    below = found.within(99).choices[:2]
    assert [(c.bytes_mean, c.accuracy) for c in below] == [(99.0, None)] * 2
