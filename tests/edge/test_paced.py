"""The device program on an emulated device: as slow as its plan."""

import pytest

from bottlenet_tf.edge import program
from bottlenet_tf.edge.arguments import parse
from bottlenet_tf.edge.paced import Paced
from tests import replay_plans
from tests.edge.stand_ins import StandIn, write_images
from tests.link.simulated_clock import SimulatedClock

SPLITS = {"early": (0.2, ((400.0, 480, 90.0),))}


class Network:
    """Takes `self.ms` for whatever it computes."""

    classes = ("cat",)

    def __init__(self, clock):
        self._clock, self.ms = clock, 5.0

    def encode(self, picture, choice, max_bytes=None):
        self._clock.pass_ms(self.ms)
        return picture, choice, max_bytes

    def predict(self, picture):
        self._clock.pass_ms(self.ms)
        if picture == "broken":
            raise ValueError("It must be whole.")
        return picture


@pytest.fixture
def made():
    clock = SimulatedClock()
    plan = replay_plans.make(SPLITS, (), 91.7, 100.0, 0.0, 80.0)
    network = Network(clock)
    paced = Paced(network, plan, clock, lambda s: clock.pass_ms(1e3 * s))
    return paced, network, plan, clock


@pytest.mark.parametrize(
    ("own_ms", "head_ms", "whole_ms"), [(5.0, 20.5, 100.0), (30.0, 30.0, 100)]
)
def test_what_is_computed_takes_the_plans_time(made, own_ms, head_ms, whole_ms):
    paced, network, plan, clock = made
    network.ms, choice = own_ms, plan.named("early at point 0")
    begun_s = clock()
    assert paced.encode("a", choice, 9) == ("a", choice, 9)
    assert 1e3 * (clock() - begun_s) == pytest.approx(head_ms)
    begun_s = clock()
    assert paced.predict("a") == "a"
    assert 1e3 * (clock() - begun_s) == pytest.approx(whole_ms)
    assert paced.classes == ("cat",)


def test_a_failure_is_as_slow(made):
    paced, _, _, clock = made
    begun_s = clock()
    with pytest.raises(ValueError, match="whole"):
        paced.predict("broken")
    assert clock() - begun_s == pytest.approx(0.1)


@pytest.mark.parametrize("plan", [None, "gone.json"])
def test_without_a_plan_it_says_so(tmp_path, capsys, plan):
    args = parse([*write_images(tmp_path, 1), "--paced"], deploy="nowhere")
    assert program.run(args, StandIn(), plan, program.Stop()) == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("error: ")
