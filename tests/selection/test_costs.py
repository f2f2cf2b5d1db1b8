"""Costs worked out by hand."""

import dataclasses

import pytest

from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.costs import Machines, cost
from bottlenet_tf.selection.links import Link

LINK = Link("x", 8.0, 100.0, 200.0)  # 1 B in 1 us; 1 W while sending.


def _cost(choice, device, cloud, link=LINK, **loads):
    return cost(choice, Machines(device, cloud, **loads), link)


def test_a_split_pays_head_codec_link_and_tail(device, cloud):
    found = _cost(Choice("e", Way.SPLIT, 1000, 90.0, "early"), device, cloud)
    assert found.device_ms == 2.0
    assert found.codec_ms == pytest.approx(0.6)
    assert found.uplink_ms == pytest.approx(1.0)
    assert found.cloud_ms == pytest.approx(0.8)
    assert found.latency_ms == pytest.approx(4.4)
    # 2.5 ms at 2 W on the device, 1 ms at 1 W for sending.
    assert found.compute_mj == pytest.approx(5.0)
    assert found.uplink_mj == pytest.approx(1.0)
    assert found.energy_mj == pytest.approx(6.0)


def test_mobile_only_sends_nothing(device, cloud):
    found = _cost(Choice("m", Way.DEVICE, 0), device, cloud)
    assert found.latency_ms == 10.0
    assert found.energy_mj == pytest.approx(20.0)


def test_mobile_only_waits_for_no_answer(device, cloud):
    link = Link("x", 8.0, 0.0, 0.0, rtt_ms=50.0, waiting_mw=1000.0)
    found = _cost(Choice("m", Way.DEVICE, 0), device, cloud, link)
    assert found.latency_ms == 10.0
    assert found.waiting_mj == 0


def test_cloud_only_takes_no_energy_but_the_radios(device, cloud):
    found = _cost(Choice("c", Way.CLOUD, 4000), device, cloud)
    assert found.latency_ms == pytest.approx(4.0 + 1.0)
    assert found.energy_mj == pytest.approx(4.0)


def test_a_raw_split_pays_no_codec(device, cloud):
    raw = Choice("r", Way.RAW_SPLIT, 2000, None, "late")
    found = _cost(raw, device, cloud)
    assert found.codec_ms == 0
    assert found.latency_ms == pytest.approx(6.0 + 2.0 + 0.4)


def test_waiting_costs_energy_if_it_is_given(device, cloud):
    link = Link("x", 8.0, 0.0, 0.0, rtt_ms=9.1, waiting_mw=100.0)
    found = _cost(
        Choice("e", Way.SPLIT, 0.001, 90.0, "early"), device, cloud, link
    )
    # Round trip 9.1 ms, decode 0.1 and tail 0.8, at 100 mW.
    assert found.waiting_mj == pytest.approx(0.1 * (9.1 + 0.8), abs=0.011)


def test_the_device_waits_while_the_server_decodes_too(device, cloud):
    link = Link("x", 8.0, 0.0, 0.0, waiting_mw=1000.0)
    found = _cost(
        Choice("e", Way.SPLIT, 1000, 90.0, "early"), device, cloud, link
    )
    # Decode 0.1 ms and tail 0.8 at 1 W.
    assert found.waiting_mj == pytest.approx(0.9)


@pytest.mark.parametrize(
    "choice",
    [
        Choice("split", Way.SPLIT, 1000, 90.0, "early"),
        Choice("raw", Way.RAW_SPLIT, 1000, 90.0, "early"),
        Choice("cloud-only", Way.CLOUD, 1000),
        Choice("label-only", Way.DEVICE, 1000),
    ],
    ids=lambda choice: choice.name,
)
def test_whatever_is_sent_pays_for_its_message(choice, device, cloud):
    link = dataclasses.replace(LINK, message_overhead_bytes=154)
    bare = _cost(choice, device, cloud)
    found = _cost(choice, device, cloud, link)
    assert (bare.on_air_bytes, found.on_air_bytes) == (1000, 1154)
    # 154 B at 1 B in 1 us, at 1 W.
    assert found.latency_ms - bare.latency_ms == pytest.approx(0.154)
    assert found.energy_mj - bare.energy_mj == pytest.approx(0.154)


def test_mobile_only_pays_for_no_message(device, cloud):
    link = dataclasses.replace(LINK, message_overhead_bytes=154)
    choice = Choice("m", Way.DEVICE, 0)
    found = _cost(choice, device, cloud, link)
    assert found == _cost(choice, device, cloud)
    assert found.on_air_bytes == 0


def test_loads_slow_their_own_machine(device, cloud):
    early = Choice("e", Way.SPLIT, 0, 90.0, "early")
    busy = _cost(early, device, cloud, device_load=1, cloud_load=4)
    assert busy.device_ms == pytest.approx(6.0)
    assert busy.cloud_ms == pytest.approx(16.0)


def test_an_unknown_power_leaves_the_energy_unknown(make_profile, cloud):
    device = make_profile("x", {("", "whole", 0): (10.0, None)})
    found = _cost(Choice("m", Way.DEVICE, 0), device, cloud)
    assert found.energy_mj is None
    assert found.latency_ms == 10.0


def test_a_radio_of_unknown_power_does_too(device, cloud):
    found = _cost(Choice("c", Way.CLOUD, 10), device, cloud, Link("x", 1.0))
    assert found.energy_mj is None
