"""A link's time and power against the paper's numbers."""

import pytest

from bottlenet_tf.selection.links import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Link,
    message_overhead_bytes,
    named,
)


def test_sending_takes_bits_over_rate():
    # 26,766 B over 1.1 Mbit/s: 214,128 bit / 1.1e6 bit/s = 194.66 ms.
    assert NAMED["3g"].uplink_ms(26766) == pytest.approx(194.66, abs=0.01)


@pytest.mark.parametrize(
    ("name", "mw"),
    # alpha t + beta: 868.98 x 1.1 + 817.88, and so on.
    [("3g", 1773.758), ("4g", 3852.6215), ("wifi", 5479.1096)],
)
def test_power_of_the_radio_is_the_papers_model(name, mw):
    assert NAMED[name].uplink_mw == pytest.approx(mw)


def test_the_paper_leaves_out_the_way_back_and_the_message():
    for link in NAMED.values():
        assert link.answer_ms == link.waiting_mw == 0
        assert link.on_air_bytes(316) == 316


def test_a_message_takes_its_own_time():
    link = Link("x", 8.0, message_overhead_bytes=154)
    # 316 B and 154 B at 1 MB/s.
    assert link.on_air_bytes(316) == 470
    assert link.uplink_ms(316) == pytest.approx(0.470)
    # It doesn't shrink with the rate.
    assert link.scaled(0.5).on_air_bytes(316) == 470


@pytest.mark.parametrize(
    ("given", "num_bytes"),
    [("http_raw", 154.0), ("http_json", 382.0), ("0", 0.0), (12.5, 12.5)],
)
def test_a_message_is_a_transport_s_or_a_number(given, num_bytes):
    assert message_overhead_bytes(given) == num_bytes


def test_the_default_is_the_least_that_was_measured():
    least = min(transport.num_bytes for transport in TRANSPORTS.values())
    assert message_overhead_bytes(DEFAULT_TRANSPORT) == least


@pytest.mark.parametrize("given", ["http", "-1", "nan", "inf", ""])
def test_another_message_is_refused_with_the_choices(given):
    with pytest.raises(
        ValueError, match=f"http_raw, grpc, .*message_overhead='{given}'"
    ):
        message_overhead_bytes(given)


def test_an_answer_takes_the_round_trip_and_its_own_bytes():
    link = Link("x", 1.0, rtt_ms=20.0, downlink_mbps=2.0, answer_bytes=1000)
    assert link.answer_ms == pytest.approx(20 + 4)


def test_a_scaled_link_scales_both_rates():
    link = Link("x", 4.0, 1.0, 2.0, downlink_mbps=8.0).scaled(0.5)
    assert (link.uplink_mbps, link.downlink_mbps) == (2.0, 4.0)
    assert link.uplink_mw == 4.0


def test_a_radio_of_unknown_power_has_none():
    assert Link("x", 1.0).uplink_mw is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uplink_mbps": 0.0}, "--uplink_mbps must be positive"),
        ({"uplink_mbps": -1.0}, "Received: uplink_mbps=-1.0, link='x'"),
        ({"downlink_mbps": 0.0}, "--downlink_mbps must be positive"),
        ({"rtt_ms": -1.0}, "--rtt_ms must be finite and not negative"),
        ({"message_overhead_bytes": -1.0}, "message_overhead_bytes=-1.0"),
        ({"beta_mw": 1.0}, "must both be given"),
    ],
)
def test_impossible_links_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Link(**{"name": "x", "uplink_mbps": 1.0, **changes})


def test_an_unknown_network_lists_the_choices():
    with pytest.raises(ValueError, match="one of 3g, 4g, wifi.*network='5g'"):
        named("5g")
