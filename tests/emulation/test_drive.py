"""A link driven through phases around a device program that is a stand-in."""

import json
import subprocess
import sys

import pytest

from bottlenet_tf.emulation import drive, recording
from bottlenet_tf.emulation.phases import Phase
from bottlenet_tf.emulation.process import end
from tests import replay_plans

# Answers of one kind, as fast as they are taken; ends after so many.
DEVICE = """
import itertools, json, sys, time
line = {"image": "a.png", "label": "cat", "where": "split", "split": "rb1",
        "choice": "rb1 at point 0", "payload_bytes": 50, "latency_ms": 10.0,
        "problem": None}
for i in itertools.count() if sys.argv[1] == "-" else range(int(sys.argv[1])):
    line["label"] = "dog" if i % 4 == 3 else "cat"
    print(json.dumps(line), flush=True)
    time.sleep(0.01)
"""
PHASES = [
    Phase("fast", 0.2, 8.0, 5.0),
    Phase("cut", 0.2, 8.0, 5.0, outage=True),
    Phase("busy", 0.2, 1.0, 50.0, busy_ms=0.0),
]


class Link:
    """Notes what it was set to."""

    def __init__(self):
        self.changes = []

    def set(self, **changes):
        self.changes.append(changes)


def run(link, count="-", crowd=None, said=None):
    process = subprocess.Popen(
        [sys.executable, "-c", DEVICE, count],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        device = drive.Device(process, lambda path: "cat")
        say = [].append if said is None else said.append
        try:
            return drive.drive(link, PHASES, device, crowd, say, every_s=0.1)
        finally:
            end([process])


def test_a_link_is_driven_while_answers_are_read():
    link, events, said = Link(), [], []

    def crowd():
        events.append(("crowd", len(link.changes)))

        def stop():
            events.append(("no crowd", len(link.changes)))
            return {"median_ms": 30.0}

        return stop

    phases, answers, crowds = run(link, crowd=crowd, said=said)
    assert [c["outage"] for c in link.changes] == [False, True, False]
    assert [c["uplink"] for c in link.changes] == [8.0, 8.0, 1.0]
    assert link.changes[2]["delay_ms"] == 50.0
    assert events == [("crowd", 3), ("no crowd", 3)]
    assert crowds == {2: {"median_ms": 30.0}}
    assert [phase.busy_ms for phase in phases] == [None, None, 30.0]
    total_s = sum(phase.seconds for phase in phases)
    assert total_s >= 0.6
    assert answers and all(0 <= a.time_s < total_s + 1 for a in answers)
    share = sum(a.right for a in answers) / len(answers)
    assert share == pytest.approx(0.75, abs=0.1)
    line = said[0]
    for part in ("fast", "8 Mbit/s", "rb1 at point 0", "50 B", "10.0 ms"):
        assert part in line
    assert any("cut  " in line for line in said)


def test_a_device_that_ends_by_itself_is_an_error():
    with pytest.raises(RuntimeError, match="until it is stopped"):
        run(Link(), count="3")


@pytest.fixture
def found():
    """A short `Recording`, as `make demo-link` would write it."""
    about = recording.About(
        ["python", "demo"], "a machine", "an engine", "proxy", "It agrees.",
        9.0, 3, 159.0, None,
    )  # fmt: skip
    answers = [
        drive.Answered(0.1, "device", "mobile-only", 0, 100.0, True, None)
    ]
    plan = replay_plans.small_images_values()
    return recording.Recording(about, PHASES, answers, plan)


def test_a_recording_is_read_as_it_was_written(found, tmp_path):
    path = recording.write(tmp_path / "link.json", found)
    assert recording.read(path) == found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c.update(format="other"), "of this version"),
        (lambda c: c.pop("plan"), "lacks plan"),
        (lambda c: c.update(answers=[]), "have an answer"),
        (lambda c: c["phases"][0].pop("mbps"), "mbps"),
        (lambda c: c["about"].update(more=1), "more"),
    ],
)
def test_a_damaged_recording_is_named(found, tmp_path, change, named):
    path = recording.write(tmp_path / "link.json", found)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=named) as caught:
        recording.read(path)
    assert "link.json" in str(caught.value)
