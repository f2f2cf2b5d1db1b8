"""Profiles as files: what comes back, and what is refused with a reason."""

import dataclasses
import json

import pytest

from bottlenet_tf.profiling import profile_file
from bottlenet_tf.profiling.profiles import Profile, Row, Split

SPLIT = Split("RB1", "RB1", "rb1_out", (56, 56, 256), 900, 800, 50.5, 60, 310.2)
PROFILE = Profile(
    device="a Jetson",
    network="resnet50",
    splits=(SPLIT, Split("RB2", "RB2", "rb2_out", (28, 28, 512))),
    rows=(
        Row("RB1", "head", 0, 4.5, 5.0, 100, 5200.0),
        Row("RB1", "head", 2, 9.5, 11.0, 100),
        Row("RB2", "head", 0, 8.0),
        Row("", "whole", 0, 40.0, 41.0, 100),
    ),
    image_size=224,
    runtime="onnx",
    threads=2,
    meter="INA3221, rail VDD_IN",
    whole_macs=1600,
    reasons={"tail": "not asked for"},
    command=("bottlenet-profile", "--deploy=d"),
    versions={"python": "3.11"},
    made="2024-05-01T10:00:00+00:00",
)
BY_HAND = """\
# device=Jetson TX2
# network=resnet50

split,part,load,median_ms,power_mw
RB1,head,0,4.5,5200
RB1,head,2,9.5,
RB2,head,0,8,5100
,whole,0,40,
"""


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "profile.json"
    profile_file.write(PROFILE, path)
    return path


def _changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def _csv(tmp_path, text):
    path = tmp_path / "hand.csv"
    path.write_text(text)
    return path


def test_a_profile_comes_back_as_it_was_written(saved):
    assert profile_file.read(saved) == PROFILE


def test_a_csv_by_hand_holds_what_it_says(tmp_path):
    profile = profile_file.read(_csv(tmp_path, BY_HAND))
    assert (profile.device, profile.network) == ("Jetson TX2", "resnet50")
    assert [split.name for split in profile.splits] == ["RB1", "RB2"]
    assert profile.row("RB1", "head") == Row(
        "RB1", "head", 0, 4.5, None, None, 5200.0
    )
    assert profile.row("RB1", "head", 2).power_mw is None
    assert profile.row("", "whole").median_ms == 40.0
    assert profile.runtime == profile.meter == "by hand"


def test_a_csv_needs_no_load_and_no_power(tmp_path):
    text = "# device=a\n# network=b\nsplit,part,median_ms\nRB1,tail,3\n"
    row = profile_file.read(_csv(tmp_path, text)).row("RB1", "tail")
    assert row == Row("RB1", "tail", 0, 3.0)


@pytest.mark.parametrize("number", [".5", "0.50", "+5e-1"])
def test_a_csv_writes_numbers_as_people_do(tmp_path, number):
    header = "# device=a\n# network=b\nsplit,part,load,median_ms\n"
    text = f"{header}A,tail,01,{number}\n"
    row = profile_file.read(_csv(tmp_path, text)).row("A", "tail", 1)
    assert row.median_ms == 0.5


def test_a_csv_leaves_unknown_numbers_out(tmp_path):
    text = BY_HAND.replace("RB1,head,2,9.5,", "RB1,head,2,9.5,null")
    with pytest.raises(ValueError, match="line 6, power_mw.*null"):
        profile_file.read(_csv(tmp_path, text))


def test_a_csv_may_tell_peak_memory(tmp_path):
    text = (
        "# device=a\n# network=b\nsplit,part,load,median_ms,memory_mb\n"
        "RB1,head,0,3,80\nRB1,encode,0,1,\nRB1,head,2,6,95\n"
        "RB2,tail,0,3,700\n,whole,0,9,120.5\n"
    )
    profile = profile_file.read(_csv(tmp_path, text))
    first, second = profile.splits
    assert (first.head_memory_mb, first.tail_memory_mb) == (95.0, None)
    assert (second.head_memory_mb, second.tail_memory_mb) == (None, 700.0)
    assert profile.whole_memory_mb == 120.5


def test_memory_in_a_csv_is_an_amount(tmp_path):
    for value in ("-1", "nan", "much"):
        text = "# device=a\n# network=b\nsplit,part,median_ms,memory_mb\n"
        path = _csv(tmp_path, f"{text}RB1,head,3,80\nRB1,encode,3,{value}\n")
        with pytest.raises(ValueError, match="hand.csv: .*line 5, memory_mb"):
            profile_file.read(path)


def test_loads_are_sorted_and_named_once():
    assert PROFILE.loads == (0, 2)


def test_a_missing_row_is_named_with_file_and_what_there_is(saved):
    profile = profile_file.read(saved)
    with pytest.raises(ValueError) as error:
        profile.row("RB1", "tail", 1)
    for part in (str(saved), "'rows'", "part='tail'", "load=1", "head at 2"):
        assert part in str(error.value)


def test_whole_will_do_for_what_a_server_serves():
    assert PROFILE.row("", "served") == PROFILE.row("", "whole")
    served = Row("", "served", 0, 4.0)
    profile = dataclasses.replace(PROFILE, rows=(*PROFILE.rows, served))
    assert profile.row("", "served") == served
    assert profile.row("", "whole").median_ms == 40.0


def test_a_missing_network_comes_with_the_reason():
    profile = dataclasses.replace(
        PROFILE, rows=PROFILE.rows[:1], reasons={"whole": "an early export"}
    )
    for part in ("whole", "served"):
        with pytest.raises(ValueError, match="part='whole'.*an early export"):
            profile.row("", part)


def test_a_missing_split_is_named_with_the_file_and_the_others(saved):
    profile = profile_file.read(saved)
    with pytest.raises(ValueError, match="'splits'.*'RB9'.*RB1, RB2") as error:
        profile.row("RB9", "head")
    assert str(saved) in str(error.value)


def test_a_profile_that_read_would_refuse_is_not_written(tmp_path):
    bad = dataclasses.replace(
        PROFILE, rows=(Row("RB1", "head", 0, float("nan")),)
    )
    with pytest.raises(ValueError, match=r"rows\[0\].median_ms.*nan"):
        profile_file.write(bad, tmp_path / "profile.json")
    assert not list(tmp_path.iterdir())


def test_half_a_file_is_refused(saved):
    saved.write_text(saved.read_text()[:200])
    with pytest.raises(ValueError, match="only partly written") as error:
        profile_file.read(saved)
    assert str(saved) in str(error.value)


def test_another_version_is_named(saved):
    def change(content):
        content["format"] = "bottlenet_tf.profile.9"
        del content["rows"]

    with pytest.raises(ValueError, match="format=.*profile.1.*profile.9"):
        profile_file.read(_changed(saved, change))


@pytest.mark.parametrize(
    "place, field, value",
    [
        ((), "device", ""),
        ((), "network", None),
        ((), "image_size", 0),
        ((), "threads", True),
        ((), "meter", 3),
        ((), "rows", []),
        ((), "splits", {}),
        ((), "reasons", [1]),
        ((), "command", "text"),
        (("splits", 0), "name", ""),
        (("splits", 1), "feature_shape", [28, 28]),
        (("splits", 0), "head_macs", -1),
        (("splits", 0), "payload_bytes", -0.5),
        (("rows", 0), "part", "neck"),
        (("rows", 1), "load", -1),
        (("rows", 1), "load", 1.5),
        (("rows", 0), "median_ms", -4.0),
        (("rows", 0), "median_ms", float("nan")),
        (("rows", 0), "median_ms", "4"),
        (("rows", 0), "median_ms", None),
        (("rows", 2), "p95_ms", float("inf")),
        (("rows", 0), "n", 0),
        (("rows", 0), "power_mw", -1),
        (("rows", 0), "split", "RB7"),
        (("rows", 0), "split", ""),
        (("rows", 3), "split", "RB1"),
    ],
)
def test_a_bad_value_is_named_with_file_and_field(saved, place, field, value):
    def change(content):
        for key in place:
            content = content[key]
        content[field] = value

    with pytest.raises(ValueError) as error:
        profile_file.read(_changed(saved, change))
    where = f"{place[0]}[{place[1]}]." if place else ""
    assert f"{saved}: field '{where}{field}'" in str(error.value)
    assert f"Received: {field}={value!r}" in str(error.value)


def test_a_reason_is_text(saved):
    with pytest.raises(ValueError, match="'reasons.a' must be `str`.*a=1"):
        profile_file.read(
            _changed(saved, lambda c: c["reasons"].update({"a": 1}))
        )


@pytest.mark.parametrize("field", ["device", "rows", "threads"])
def test_a_missing_field_is_named(saved, field):
    with pytest.raises(ValueError, match=f"profile.json lacks {field}"):
        profile_file.read(_changed(saved, lambda c: c.pop(field)))


def test_what_is_no_object_is_refused(saved):
    with pytest.raises(ValueError, match=r"'rows\[1\]' must be `object`"):
        profile_file.read(
            _changed(saved, lambda c: c["rows"].__setitem__(1, 3))
        )
    saved.write_text("[]")
    with pytest.raises(ValueError, match="must be of this version.*list"):
        profile_file.read(saved)


def test_the_same_row_twice_is_refused(saved):
    with pytest.raises(ValueError, match="'rows'.*twice.*'RB1', 'head', 0"):
        profile_file.read(
            _changed(saved, lambda c: c["rows"].append(c["rows"][0]))
        )


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("# device=Jetson TX2", "", "'device' must be given"),
        ("# network=resnet50", "# network=", "'network' must be given"),
        ("median_ms", "median", "must name the columns.*Received.*median,"),
        ("split,part,load", "split,part,part", "each once"),
        ("RB1,head,0,4.5,5200", "RB1,head,0,-1,", "line 5, median_ms.*-1"),
        ("RB1,head,0,4.5,5200", "RB1,head,0,fast,", "line 5, median_ms.*fast"),
        ("RB1,head,0,4.5,5200", "RB1,head,0,,", "line 5, median_ms.*''"),
        ("RB1,head,0,4.5,5200", "RB1,head,0.5,4,", "line 5, load.*0.5"),
        ("RB1,head,0,4.5,5200", "RB1,neck,0,4,", "line 5, part.*neck"),
        ("RB1,head,0,4.5,5200", "RB1,head,0,nan,", "line 5, median_ms.*nan"),
        (",whole,0,40,", "RB3,hea", "line 8 .*partly written.*RB3,hea"),
        ("RB1,head,2", "RB1,head,0", "'rows'.*twice"),
    ],
)
def test_a_bad_csv_is_refused_with_line_and_field(tmp_path, old, new, message):
    path = _csv(tmp_path, BY_HAND.replace(old, new))
    with pytest.raises(ValueError, match=message) as error:
        profile_file.read(path)
    assert str(path) in str(error.value)


def test_an_empty_csv_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'device'"):
        profile_file.read(_csv(tmp_path, ""))


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match="profile.txt"):
        profile_file.read(tmp_path / "profile.txt")


def test_the_same_network_by_hand_and_measured_may_be_combined(tmp_path):
    by_hand = profile_file.read(_csv(tmp_path, BY_HAND))
    profile_file.check_same_network(PROFILE, by_hand)
    profile_file.check_same_network(by_hand, PROFILE)


@pytest.mark.parametrize(
    "field, change",
    [
        ("network", {"network": "resnet18"}),
        ("image_size", {"image_size": 192}),
        ("splits", {"splits": (SPLIT,)}),
        (
            "tail_macs of split RB1",
            {
                "splits": (
                    dataclasses.replace(SPLIT, tail_macs=801),
                    Split("RB2"),
                )
            },
        ),
        (
            "layer of split RB2",
            {"splits": (SPLIT, Split("RB2", layer="conv4"))},
        ),
        (
            "feature_shape of split RB2",
            {"splits": (SPLIT, Split("RB2", feature_shape=(28, 28, 256)))},
        ),
    ],
)
def test_different_networks_are_named_with_both_files(field, change):
    first = dataclasses.replace(PROFILE, file="a.json")
    second = dataclasses.replace(PROFILE, file="b.json", **change)
    with pytest.raises(ValueError, match=f"'{field}'") as error:
        profile_file.check_same_network(first, second)
    assert "a.json" in str(error.value) and "b.json" in str(error.value)


def test_an_assumed_device_is_slower_and_says_so(saved):
    profile = profile_file.read(saved)
    slow = profile_file.slowed(profile, 20)
    assert slow.device == (
        f"an assumed device, 20 times slower than {profile.device}"
    )
    for ours, theirs in zip(slow.rows, profile.rows, strict=True):
        assert ours.median_ms == pytest.approx(20 * theirs.median_ms)
        assert (ours.p95_ms is None) == (theirs.p95_ms is None)
        assert ours.power_mw == theirs.power_mw
    assert slow.splits == profile.splits


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_an_assumed_device_needs_a_positive_factor(factor):
    with pytest.raises(ValueError, match="positive number of times slower"):
        profile_file.slowed(PROFILE, factor)


@pytest.mark.parametrize("name", ["no.json", "no.csv"])
def test_a_missing_profile_is_named_with_the_program_that_writes_it(name):
    with pytest.raises(FileNotFoundError, match=f"bottlenet-profile.*{name}"):
        profile_file.read(name)
