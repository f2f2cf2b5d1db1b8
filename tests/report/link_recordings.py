"""A drive that is made up, small enough to check by hand."""

from bottlenet_tf.emulation.drive import Answered
from bottlenet_tf.emulation.phases import Phase
from bottlenet_tf.emulation.recording import About, Recording
from tests import replay_plans

WILD = "<b onclick='alert(1)'>$" + "W" * 300
PHASES = [
    Phase("Wi-Fi", 2.0, 8.0, 5.0),
    Phase("cut", 2.0, 8.0, 5.0, outage=True),
    Phase("busy", 2.0, 8.0, 5.0, busy_ms=300.0),
]
CROWD = {
    "clients": 4, "answered": 70, "refused": 6, "failed": 5, "median_ms": 300.0
}  # fmt: skip


def make(name="early at point 0", machine="a machine"):
    """Returns a `Recording`; the split's name stands in its plan."""
    split = name.removesuffix(" at point 0")
    plan = replay_plans.plan_values(
        {split: (0.2, ((400.0, 400, 90.0),))}, (), 91.7, 100.0, 0.0, 80.0
    )
    about = About(
        ["python", "-m", "demo", name], machine, "Triton", "namespaces",
        "It agrees.", 9.0, 3, 100.0, CROWD,
    )  # fmt: skip
    answers = [
        # 20.5 + 10 + 0.45 + 0.7 ms replayed.
        Answered(0.1, "split", name, 400, 63.3, True, None),
        Answered(1.0, "split", name, 400, 63.3, False, None),
        Answered(3.0, "device", "mobile-only", 0, 100.0, True, None),
        Answered(5.0, "device", name, 400, 130.0, True, "busy"),
        Answered(5.5, None, None, 0, None, False, "broken"),
    ]
    return Recording(about, PHASES, answers, plan)
