"""What is said of a decision, in words."""

import dataclasses

import pytest

from bottlenet_tf import report
from bottlenet_tf.report import verdict


@pytest.fixture
def decide(search, choose_by):
    """Function of a network's name that returns its decision."""

    def decision(network, message=0.0, **goal):
        choose_by(search, (network,), message, **goal)
        return report.read(search).selection.decisions[0]

    return decision


def test_a_split_that_wins_is_told_with_its_figures(decide):
    decision = decide("3g")
    # Without cloud-only, since that wins: 1 ms of server and 600 B.
    decision = dataclasses.replace(
        decision, references=decision.references[:2], best=decision.winner
    )
    found = verdict.of_decision(decision, 90.0)
    # early: 3.4 ms + 3200 bit / 1.1 Mbit/s.
    assert found.title == "3g (1.1 Mbit/s up): early"
    assert not found.beaten
    (sentence,) = found.sentences
    for words in (
        "early takes the least time: 6.31\u00a0ms",
        "400 bytes on the air (400 wire bytes, 0 of the message) and 88.00",
        "88.00\u00a0% accuracy (2.00 points below",
    ):
        assert words in sentence
    # Mobile-only: 10 ms; 10 / 6.309 is 1.585, and 10 - 6.309 is 3.691.
    assert found.others == (
        "Mobile-only: 10.0\u00a0ms and 20.0\u00a0mJ, 1.59 times the time of "
        "early.",
        "Mobile-only is ahead of early in time once a round trip exceeds "
        "3.69\u00a0ms; 0\u00a0ms is counted here.",
    )


def test_it_is_said_when_no_split_pays(decide):
    found = verdict.of_decision(decide("wifi"), 90.0)
    assert found.beaten
    assert found.title.endswith(
        "early of the splits, but cloud-only at matched accuracy takes less "
        "time"
    )
    # 600 B at 18.88 Mbit/s take 0.254 ms, the server 1 ms.
    assert "No split pays here" in found.sentences[1]
    assert "1.25\u00a0ms" in found.sentences[1]
    assert "600 bytes on the air (webp 50, 88.50\u00a0%)" in found.sentences[1]
    assert len(found.others) == 3


def test_the_goal_is_named(decide):
    by_energy = decide("3g", latency_weight=0.0, energy_weight=1.0)
    found = verdict.of_decision(by_energy, 90.0)
    assert "early takes the least energy: " in found.sentences[0]
    assert "times the energy of early" in found.others[0]
    assert found.title.endswith("takes less energy")
    both = decide("3g", latency_weight=0.5, energy_weight=2.0)
    told = verdict.of_decision(both, 90.0).sentences[0]
    assert "the least weighted sum (0.5 × ms + 2 × mJ): " in told


def test_a_rival_of_unknown_energy_is_not_compared_by_energy(decide):
    decision = decide("3g", latency_weight=0.0, energy_weight=1.0)
    mobile, *others = decision.references
    mobile = dataclasses.replace(mobile, compute_mj=None)
    decision = dataclasses.replace(decision, references=(mobile, *others))
    told = verdict.of_decision(decision, 90.0).others
    assert "Mobile-only: 10.0\u00a0ms." in told


def test_the_split_of_least_energy_is_named_beside_that_of_least_time(decide):
    decision = decide("3g")
    early, late = decision.costs
    decision = dataclasses.replace(
        decision, costs=(early, dataclasses.replace(late, compute_mj=1.0))
    )
    # late: 9.7 ms and 800 bit / 1.1 Mbit/s; the radio takes
    # (868.98 * 1.1 + 817.88) mW for 0.727 ms.
    assert verdict.of_decision(decision, 90.0).others[-1] == (
        "The least energy of the splits: late, 10.4\u00a0ms and 2.29\u00a0mJ."
    )


def test_a_message_is_told_with_what_carries_it(decide):
    found = verdict.of_decision(decide("3g", message=154), 90.0)
    told = "554 bytes on the air (400 wire bytes, 154 of the message)"
    assert told in found.sentences[0]
    assert "754 bytes on the air (webp 50" in found.sentences[1]


def test_the_break_even_is_that_of_the_goal(decide):
    by_energy = decide("3g", latency_weight=0.0, energy_weight=1.0)
    # Waiting costs no energy here.
    assert (
        "Mobile-only is ahead of early in energy at no round trip."
        in verdict.of_decision(by_energy, 90.0).others
    )
    slow = dataclasses.replace(
        by_energy, break_even={**by_energy.break_even, "early": "always"}
    )
    assert (
        "Mobile-only is ahead of early in energy at any round trip."
        in verdict.of_decision(slow, 90.0).others
    )


def test_a_rival_that_a_limit_refuses_is_told(decide):
    decision = dataclasses.replace(
        decide("3g"), refused={"mobile-only": ["90 MB are more than 85 MB"]}
    )
    told = [
        line
        for line in verdict.of_decision(decision, 90.0).others
        if line.startswith("Mobile-only: ")
    ]
    assert told[0].endswith(" (refused: 90 MB are more than 85 MB).")


def test_a_rival_that_was_not_measured_leaves_the_verdict_open(
    unwhole,
):
    decision = report.read(unwhole).selection.decisions[0]
    # As if cloud-only were worse: the split wins, of what was measured.
    decision = dataclasses.replace(decision, best=decision.winner)
    found = verdict.of_decision(decision, 90.0)
    assert found.beaten
    assert found.title.endswith("early, not compared with mobile-only")
    told = found.sentences[-1]
    assert told.startswith("mobile-only and label-only: not measured. ")
    assert "phone.csv has no time of the unsplit network" in told
    assert "bottlenet-profile --deploy=DEPLOY" in told
    assert not [line for line in found.others if "ahead of" in line]


@pytest.fixture
def decide_points(curved, choose_by):
    """The same of splits with three operating points each."""

    def decision(network, message=0.0, **goal):
        choose_by(curved, (network,), message, **goal)
        return report.read(curved).selection.decisions[0]

    return decision


def test_split_and_point_are_named_with_their_sizes(decide_points):
    found = verdict.of_decision(decide_points("3g", 154), 90.0)
    assert found.title.startswith("3g (1.1 Mbit/s up): early at point 1")
    first, sizes, *_ = found.sentences
    assert first.startswith("Of the splits, early at point 1 takes the least")
    # 87.5 % of test images.
    assert "354 bytes on the air (200 wire bytes" in first
    assert "87.50\u00a0% accuracy (2.50 points below" in first
    assert sizes == (
        "early at point 1: 200 wire bytes in the mean, at most 201 for 95 % "
        "of the images and 202 for 99 %, 203 for the largest."
    )


def test_a_deadline_is_told_with_what_is_left_of_it(decide_points):
    found = verdict.of_decision(decide_points("3g", deadline_ms=5.0), 90.0)
    assert found.sentences[0].startswith(
        "Of the splits, early at point 1 reaches the most accuracy within 5 "
        "ms: 4.85\u00a0ms"
    )
    # 5 - 3.4 - 1600 / 1100 ms.
    assert (
        "early at point 1 keeps the deadline up to a round trip of "
        "0.145\u00a0ms, for an image of mean size."
    ) in found.others
    assert not found.beaten
    assert not [line for line in found.others if "The least" in line]


def test_who_does_better_within_a_deadline_is_told(decide_points):
    found = verdict.of_decision(decide_points("3g", deadline_ms=11.0), 90.0)
    assert found.beaten
    # All 90 %, in 10 ms.
    assert found.title.endswith(
        "early at point 0 of the splits, but mobile-only does better within "
        "11 ms"
    ) or found.title.endswith("mobile-only does better within 11 ms")
    assert (
        "No split pays here: mobile-only does better within 11 ms than"
        in (found.sentences[2])
    )


def test_where_nothing_keeps_the_deadline_each_split_says_why(decide_points):
    found = verdict.of_decision(decide_points("3g", deadline_ms=3.5), 90.0)
    assert found.title.endswith("no split")
    # One line of each split, of its fastest point.
    assert found.others[:2] == (
        "early at point 2: 82.00 % is below 87.00 %; 3.76 ms are more than "
        "3.5 ms",
        "late at point 2: 60.00 % is below 87.00 %; 9.85 ms are more than "
        "3.5 ms",
    )


def test_without_an_acceptable_split_the_reasons_are_told(decide):
    decision = dataclasses.replace(
        decide("3g"), winner=None, refused={"early": ["1 % is below 2 %"]}
    )
    found = verdict.of_decision(decision, 90.0)
    assert found.title == "3g (1.1 Mbit/s up): no split"
    assert found.others == ("early: 1 % is below 2 %",)


def test_without_a_selection_the_smallest_payload_is_told(search):
    told = verdict.without_selection(report.read(search).search)
    assert "after late: 100 an image, with 89.00\u00a0%" in told[0]
    assert told[1] == "After never no unit loses less than 3 points."
