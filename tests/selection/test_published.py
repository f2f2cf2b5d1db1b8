"""The paper's printed totals, and what they leave unsaid."""

import math
import pathlib
import typing

import pytest

from bottlenet_tf.selection import links, published

TABLE = pathlib.Path(__file__).parents[2] / "docs" / "paper_totals.csv"


@pytest.fixture(scope="module")
def totals():
    return published.read(TABLE)


def test_a_network_is_one_of_the_named_links():
    kind = published.Total.__annotations__["network"]
    assert typing.get_args(kind) == tuple(links.NAMED)


@pytest.mark.parametrize("network", ["3g", "4g", "wifi"])
@pytest.mark.parametrize("target", ["latency_ms", "energy_mj"])
def test_the_paper_splits_after_rb1(totals, network, target):
    assert published.best_split(totals, network, target).name == "RB1"


@pytest.mark.parametrize(
    ("network", "latency", "energy"),
    [("3g", 63, 47), ("4g", 21, 41), ("wifi", 8, 31)],
)
def test_its_improvements_follow_from_its_tables(
    totals, network, latency, energy
):
    # Printed without decimals, once rounded (46.98) and once cut (31.63).
    for target, printed in (("latency_ms", latency), ("energy_mj", energy)):
        found = published.improvement(totals, network, target)
        assert printed in (math.floor(found), round(found))


@pytest.mark.parametrize(
    ("network", "rtt_ms"),
    # Mobile-only takes 15.7 ms, RB1 3.1, 1.8 and 1.6.
    [("3g", 12.6), ("4g", 13.9), ("wifi", 14.1)],
)
def test_a_round_trip_undoes_its_improvements(totals, network, rtt_ms):
    found = published.break_even_rtt_ms(totals, network)
    assert found == pytest.approx(rtt_ms)


def test_a_table_without_mobile_only_has_no_break_even(totals):
    splits = [total for total in totals if total.is_split]
    assert published.break_even_rtt_ms(splits, "3g") is None


def test_cloud_only_alone_contradicts_the_power_model(totals):
    found = {(t.network, t.name): t for t in totals}
    wrong = {n: t.contradiction for n, t in found.items() if t.contradiction}
    assert list(wrong) == [
        ("3g", "cloud-only"), ("4g", "cloud-only"), ("wifi", "cloud-only")
    ]  # fmt: skip
    # 194.66 ms at 1,773.758 mW are 345.3 mJ, of 310.1.
    energy_mj = found["3g", "cloud-only"].uplink_mj
    assert energy_mj == pytest.approx(345.29, abs=0.01)
    assert "(35.2 too much)" in wrong["3g", "cloud-only"]
    assert "latency" not in wrong["3g", "cloud-only"]
    # The device computes nothing, yet energy is left over 4G and Wi-Fi.
    assert "27.3 mJ of the printed" in wrong["4g", "cloud-only"]
    assert "48.6 mJ of the printed" in wrong["wifi", "cloud-only"]


@pytest.mark.parametrize(
    ("figure", "least", "most"),
    [
        # 3.1 - 316 x 8 / 1100 = 0.80 ms over 3G, 1.8 - 0.43 = 1.37 over 4G,
        # 1.6 - 0.13 = 1.47 over Wi-Fi.
        ("computing_ms", 0.802, 1.466),
        # 6.6 - 2.298 ms x 1.774 W = 2.52 mJ over 3G, 4.1 - 1.66 = 2.44 over
        # 4G, 3.5 - 0.73 = 2.77 over Wi-Fi.
        ("computing_mj", 2.435, 2.766),
    ],
)
def test_networks_disagree_on_what_rb1_computes(totals, figure, least, most):
    found = published.computing_spread(totals, figure)["RB1"]
    assert found == pytest.approx((least, most), abs=0.001)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "must begin with the header network,name"),
        ("", "must begin with the header"),
        ("HEAD\n", "at least one row"),
        ("HEAD\n3g,RB1,1\n", "line 2: six fields"),
        ("HEAD\n# x\n5g,RB1,1,1,1,\n", "line 3, network'.*'5g'"),
        ("HEAD\n3g,RB1,-1,1,1,\n", "line 2, bytes' must be.*bytes='-1'"),
        ("HEAD\n3g,RB1,1,nan,1,\n", "latency_ms' must be.*'nan'"),
        ("HEAD\n3g,RB1,1,1,one,\n", "energy_mj' must be.*'one'"),
        ("HEAD\n3g,RB1,1,1,1,x\n", "accuracy' must be.*'x'"),
        ("HEAD\n3g,,1,1,1,\n", "name' must be.*length >= 1"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text.replace("HEAD", ",".join(published.FIELDS)))
    with pytest.raises(ValueError, match=message):
        published.read(path)


def test_a_table_without_cloud_only_has_no_improvement(totals):
    splits = [total for total in totals if total.is_split]
    with pytest.raises(ValueError, match="a row cloud-only"):
        published.improvement(splits, "3g", "latency_ms")
    with pytest.raises(ValueError, match="one row cloud-only"):
        published.improvement([*totals, *totals], "3g", "latency_ms")
