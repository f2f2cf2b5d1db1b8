"""Profiles whose arithmetic can be done by hand."""

import types

import pytest

from bottlenet_tf.selection.choices import Choice, Spread, Way
from bottlenet_tf.selection.costs import Machines
from bottlenet_tf.selection.decision import decide
from bottlenet_tf.selection.goals import LATENCY, Limits
from bottlenet_tf.selection.links import Link


class ByHand:
    """A profile of two split points; times and powers from a dictionary."""

    network = "tiny"
    whole_memory_mb = None
    reasons = {}

    def __init__(self, device, rows, loads=(0,), peaks=None):
        self.device, self.file = device, f"{device}.json"
        self.loads = loads
        self._rows = rows
        self._peaks = peaks or {}

    def row(self, split, part, load=0):
        if part == "served":
            part = "whole"
        if (split, part, load) not in self._rows:
            raise ValueError(f"{self.file}: no {part} of {split} at {load}")
        median_ms, power_mw = self._rows[split, part, load]
        return types.SimpleNamespace(
            part=part, median_ms=median_ms, power_mw=power_mw
        )

    def split(self, name):
        return types.SimpleNamespace(head_memory_mb=self._peaks.get(name))


@pytest.fixture
def make_profile():
    return ByHand


@pytest.fixture
def device():
    """10 ms for the whole network, 2 W; three times that under load 1."""
    rows = {}
    for load, factor in ((0, 1), (1, 3)):
        rows["", "whole", load] = (10.0 * factor, 2000.0)
        for split, head in (("early", 2.0), ("late", 6.0)):
            rows[split, "head", load] = (head * factor, 2000.0)
            rows[split, "encode", load] = (0.5 * factor, 2000.0)
    return ByHand("phone", rows, (0, 1), {"early": 50.0, "late": 80.0})


@pytest.fixture
def cloud():
    """1 ms for the whole network; 20 times that under load 4."""
    rows = {}
    for load, factor in ((0, 1), (4, 20)):
        rows["", "whole", load] = (1.0 * factor, None)
        for split, tail in (("early", 0.8), ("late", 0.4)):
            rows[split, "tail", load] = (tail * factor, None)
            rows[split, "decode", load] = (0.1 * factor, None)
    return ByHand("server", rows, (0, 4))


@pytest.fixture
def curves():
    """Operating points of both splits, most bytes first.

    Of early, the coarsest is a lucky one; of late, each has half the bytes of
    the one before.
    """
    points = {
        "early": ((1000, 90.0), (500, 88.0), (400, 88.5)),
        "late": ((80, 91.0), (40, 89.0), (20, 85.0), (10, 70.0)),
    }
    found = []
    for i, (split, curve) in enumerate(points.items()):
        finer = None
        for point, (size, accuracy) in enumerate(curve):
            spread = Spread(1.2 * size, 1.5 * size, 2.0 * size)
            found.append(
                Choice(
                    f"{split} at point {point}", Way.SPLIT, size, accuracy,
                    split, "learned unit", None, accuracy - 0.5, point, finer,
                    spread, 0xABC0 + i,
                )
            )  # fmt: skip
            finer = accuracy
    return found


SPLITS = [
    Choice("early", Way.SPLIT, 1000, 88.0, "early", "c'=4, s=2, jpeg 75"),
    Choice("late", Way.SPLIT, 10, 91.0, "late"),
]
OTHERS = [
    Choice("mobile-only", Way.DEVICE, 0, 91.7),
    Choice("label-only", Way.DEVICE, 1, 91.7),
    Choice("cloud-only, best", Way.CLOUD, 9000, 91.0),
]
LINK = Link("fast", 8.0, 100.0, 200.0)


@pytest.fixture
def make(device, cloud):
    """Decides by hand: `make(goal, limits, link, others, splits)`."""

    def make(
        goal=LATENCY,
        limits=Limits(),
        link=LINK,
        others=OTHERS,
        splits=SPLITS,
        **loads,
    ):
        machines = Machines(device, cloud, **loads)
        return decide(splits, others, machines, link, goal, limits)

    return make


@pytest.fixture
def without_whole(make, device):
    """A decision on a device whose profile lacks the whole network."""
    for load in device.loads:
        del device._rows["", "whole", load]
    return make()
