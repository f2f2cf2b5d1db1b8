"""`make demo-link`: what it drives through, and what it needs."""

import pytest

from bottlenet_tf.cli import demo_link
from bottlenet_tf.cli.demo_link_files import Files
from bottlenet_tf.selection.links import NAMED


def test_it_goes_from_wifi_to_a_cut_and_a_busy_server():
    phases = demo_link.script(4.0)
    assert [phase.mbps for phase in phases[:3]] == [
        NAMED[name].uplink_mbps for name in ("wifi", "4g", "3g")
    ]
    assert [p.name for p in phases if p.outage] == ["cut"]
    assert [p.name for p in phases if p.busy_ms is not None] == ["busy server"]
    assert {phase.seconds for phase in phases} == {4.0}


def test_without_the_demo_it_says_what_to_run(tmp_path):
    with pytest.raises(ValueError, match="`make demo` of this version"):
        Files(tmp_path)
