"""A decision in full, and what is shown of it."""

import pytest

from bottlenet_tf.selection import tables
from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.goals import ENERGY, LATENCY, Goal, Limits
from bottlenet_tf.selection.links import Link


def test_everything_is_there(make):
    decision = make()
    assert [c.choice.name for c in decision.costs] == ["early", "late"]
    assert [c.choice.name for c in decision.references] == [
        "mobile-only",
        "label-only",
        "cloud-only, best",
    ]
    assert decision.winner.choice.name == "early"
    assert decision.front == ("early", "late")
    assert len(decision.scenarios) == 12


def test_limits_refuse_references_too_but_show_them(make):
    decision = make(limits=Limits(min_accuracy=91.5))
    assert set(decision.refused) == {"early", "late", "cloud-only, best"}
    assert len(decision.references) == 3
    told = "reference, refused: 91.00 % is below 91.50 %"
    assert told in tables.cost_table(decision)[-1]
    assert decision.winner is None
    assert decision.scenarios == ()
    assert decision.best.choice.name == "mobile-only"


def test_a_reference_may_cost_less_than_any_split(make):
    quick = Link("quick", 8000.0, 0.0, 0.0)
    decision = make(link=quick)
    # 1.009 ms for the image in the cloud; 3.4 ms for the early split.
    assert decision.best.choice.name == "cloud-only, best"
    assert decision.winner.choice.name == "early"


def test_a_rival_of_unknown_energy_is_no_hindrance(make, device):
    device._rows["", "whole", 0] = (10.0, None)
    decision = make(goal=ENERGY)
    assert decision.winner.choice.name == "early"
    names = {c.choice.name: c.energy_mj for c in decision.references}
    assert names["mobile-only"] is None
    assert decision.best.choice.name != "mobile-only"


def test_rivals_keep_to_the_limits_too(make, device):
    device.whole_memory_mb = 90.0
    quick = Link("quick", 8000.0, 0.0, 0.0)
    limits = Limits(max_bytes=2000, max_memory_mb=85)
    decision = make(link=quick, limits=limits)
    # The image has 9,000 bytes, the whole network needs 90 MB.
    assert decision.best == decision.winner
    assert "cloud-only, best" in [c.choice.name for c in decision.references]


def test_a_load_that_was_measured_in_part_is_no_scenario(make, device):
    whole = make()
    device.loads = (0, 1, 2)
    device._rows["early", "head", 2] = (9.0, 2000.0)
    assert make().scenarios == whole.scenarios


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(value):
    for make_one in (
        lambda: Limits(min_accuracy=value),
        lambda: Limits(max_bytes=-abs(value)),
        lambda: Goal(1.0, value),
        lambda: Link("fast", value),
        lambda: Link("fast", 1.0, rtt_ms=value),
    ):
        with pytest.raises(ValueError, match="finite"):
            make_one()


def test_the_label_only_bound_is_no_rival(make):
    decision = make(link=Link("slow", 0.01, 0.0, 0.0))
    assert decision.best.choice.name == "mobile-only"


def test_what_a_profile_cannot_time_is_reported_with_what_measures_it(
    without_whole,
):
    reason = without_whole.unmeasured["mobile-only"]
    assert "phone.json has no time of the unsplit network at load 0" in reason
    assert "bottlenet-profile --deploy=DEPLOY" in reason
    assert set(without_whole.unmeasured) == {"mobile-only", "label-only"}
    assert without_whole.uncompared == ("mobile-only",)
    names = [c.choice.name for c in without_whole.references]
    assert names == ["cloud-only, best"]


def test_a_rival_that_the_server_cannot_time_is_reported(make, cloud):
    del cloud._rows["", "whole", 0]
    decision = make()
    assert decision.uncompared == ("cloud-only, best",)
    assert "server.json has no time" in decision.unmeasured["cloud-only, best"]


def test_what_a_load_lacks_is_measured_beside_the_others(make, device):
    del device._rows["", "whole", 1]
    decision = make(device_load=1)
    reason = decision.unmeasured["mobile-only"]
    assert "at load 1" in reason and "--loads=0,1" in reason


def test_a_rival_of_unknown_energy_is_not_compared(make, device):
    device._rows["", "whole", 0] = (10.0, None)
    assert make(goal=LATENCY).uncompared == ()
    decision = make(goal=ENERGY)
    assert decision.uncompared == ("mobile-only",)
    assert "no power" in decision.unmeasured["mobile-only"]
    assert "10.00 ms, energy not measured" in "\n".join(
        tables.winners_table([decision])
    )


def test_the_cheapest_point_that_is_accurate_enough_wins(make, curves):
    decision = make(limits=Limits(min_accuracy=88.0), splits=curves)
    # 3.4 ms and 0.4 for the bytes; late takes 7.
    assert decision.winner.choice.name == "early at point 2"
    decision = make(limits=Limits(min_accuracy=88.2), splits=curves)
    # A lucky point alone isn't enough.
    assert decision.winner.choice.name == "early at point 0"
    assert set(decision.refused) == {
        "early at point 1", "early at point 2", "late at point 2",
        "late at point 3",
    }  # fmt: skip


def test_a_split_that_is_refused_shows_its_nearest_point(make, curves):
    decision = make(limits=Limits(min_accuracy=90.5), splits=curves)
    early, late = decision.shown
    assert (early.choice.point, late.choice.point) == (0, 0)
    assert "early at point 0" in decision.refused
    decision = make(goal=Goal(deadline_ms=6.0), splits=curves)
    early, late = decision.shown
    assert (early.choice.point, late.choice.point) == (0, 3)
    assert decision.refused["late at point 3"] == ["7.01 ms are more than 6 ms"]


def test_nothing_is_reported_beyond_the_measured_points(make, curves):
    decision = make(limits=Limits(min_accuracy=90.5), splits=curves)
    assert decision.between["early"].value is None
    decision = make(limits=Limits(min_accuracy=60.0), splits=curves)
    assert decision.between["late"].value is None
    assert " ≤ 10.0 " in tables.cost_table(decision)[3]
    assert make(splits=curves).between == {}


def test_between_points_the_curve_tells_the_accuracy_at_a_deadline(
    make, curves
):
    # A message of 100 B; late may send 56.57 more, half-way of a doubling.
    link = Link("fast", 8.0, 100.0, 200.0, message_overhead_bytes=100)
    deadline_ms = 7.0 + 1e-3 * (100 + 80 / 2**0.5)
    goal = Goal(deadline_ms=deadline_ms)
    decision = make(goal=goal, link=link, splits=curves)
    assert decision.between["late"].value == pytest.approx(90.0)
    # More than the finest point's bytes are no use.
    assert decision.between["early"].value == 90.0
    # Sent is a point that was measured.
    assert decision.winner.choice.name == "early at point 0"


def test_a_deadline_chooses_the_most_accurate_and_tells_the_rest_why(
    make, curves
):
    decision = make(goal=Goal(deadline_ms=7.05), splits=curves)
    assert decision.winner.choice.name == "early at point 0"
    assert decision.refused["late at point 0"] == [
        "7.08 ms are more than 7.05 ms"
    ]
    # The whole network takes 10 ms.
    assert "mobile-only" in decision.refused
    assert decision.best is decision.winner
    decision = make(goal=Goal(deadline_ms=10.0), splits=curves)
    assert decision.winner.choice.name == "late at point 0"
    assert decision.best.choice.name == "mobile-only"


def test_what_misses_the_deadline_may_keep_it_at_another_rate(make, curves):
    decision = make(goal=Goal(deadline_ms=3.7), splits=curves)
    assert decision.winner is None
    found = {
        s.rate_factor: s.winner and s.winner.choice.name
        for s in decision.scenarios
        if (s.device_load, s.cloud_load) == (0, 0)
    }
    # Half of 0.4 and 0.5 ms of sending.
    assert found == {0.5: None, 1.0: None, 2.0: "early at point 2"}
    lines = tables.sensitivity_table(decision)
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[2:] == ["none", "none", "early at point 2 (88.50 %, 3.60 ms)"]


def test_an_unknown_accuracy_is_not_compared_within_a_deadline(make):
    others = [Choice("mobile-only", Way.DEVICE, 0)]
    decision = make(goal=Goal(deadline_ms=50.0), others=others)
    assert decision.uncompared == ("mobile-only",)
    assert "accuracy of the unsplit" in decision.unmeasured["mobile-only"]
