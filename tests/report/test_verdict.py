"""What is said of a decision, in words."""

import dataclasses

import pytest

from bottlenet_tf import report
from bottlenet_tf.report import page
from tests.report import rendered

_ENERGY = {"latency_weight": 0.0, "energy_weight": 1.0}


@pytest.fixture
def decide(search, choose_by):
    """Function of a network's name that returns its decision."""

    def decision(network="3g", message=0.0, **goal):
        choose_by(search, (network,), message, **goal)
        return report.read(search).selection.decisions[0]

    return decision


@pytest.fixture
def decide_points(curved, choose_by):
    """The same of splits with three operating points each."""

    def decision(network, message=0.0, **goal):
        choose_by(curved, (network,), message, **goal)
        return report.read(curved).selection.decisions[0]

    return decision


@dataclasses.dataclass
class _Verdict:
    title: str
    sentences: tuple
    others: tuple
    beaten: bool


def _told(decision):
    """Returns what is said of a decision; the network itself reaches 90 %."""
    frame, *said = rendered.macro("verdict.html", "verdict", decision, 90.0)
    (title,) = rendered.texts(said, "h3")
    sentences, others = (tuple(rendered.texts(said, t)) for t in ("p", "li"))
    return _Verdict(title, sentences, others, "beaten" in frame.text)


def _all(found):
    return "\n".join((found.title, *found.sentences, *found.others))


def test_a_split_that_wins_is_reported_with_its_figures(decide):
    decision = decide()
    # Without cloud-only, since that wins: 1 ms of server and 600 B.
    decision = dataclasses.replace(
        decision, references=decision.references[:2], best=decision.winner
    )
    found = _told(decision)
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


@pytest.mark.parametrize(
    ("network", "message", "goal", "said"),
    [
        # 600 B at 18.88 Mbit/s take 0.254 ms, the server 1 ms.
        ("wifi", 0, {}, [
            "early of the splits, but cloud-only at matched accuracy takes "
            "less time\n",
            "No split pays here", "1.25\u00a0ms",
            "600 bytes on the air (webp 50, 88.50\u00a0%)",
        ]),
        # Waiting costs no energy here.
        ("3g", 0, _ENERGY, [
            "takes less energy\n", "early takes the least energy: ",
            "times the energy of early",
            "Mobile-only is ahead of early in energy at no round trip.",
        ]),
        ("3g", 0, {"latency_weight": 0.5, "energy_weight": 2.0}, [
            "the least weighted sum (0.5 × ms + 2 × mJ): ",
        ]),
        ("3g", 154, {}, [
            "554 bytes on the air (400 wire bytes, 154 of the message)",
            "754 bytes on the air (webp 50",
        ]),
    ],
)  # fmt: skip
def test_a_verdict_names_goal_rivals_and_message(
    decide, network, message, goal, said
):
    found = _told(decide(network, message, **goal))
    assert found.beaten
    for words in said:
        assert words in _all(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: {"break_even": {**d.break_even, "early": "always"}},
         "Mobile-only is ahead of early in energy at any round trip."),
        (lambda d: {"refused": {"mobile-only": ["90 MB are more than 85 MB"]}},
         " (refused: 90 MB are more than 85 MB)."),
        # Of unknown energy, it isn't compared by energy.
        (lambda d: {"references": (
            dataclasses.replace(d.references[0], compute_mj=None),
            *d.references[1:],
        )}, "\nMobile-only: 10.0\u00a0ms.\n"),
    ],
)  # fmt: skip
def test_what_is_known_of_mobile_only_is_said(decide, change, said):
    decision = decide(**_ENERGY)
    decision = dataclasses.replace(decision, **change(decision))
    assert said in _all(_told(decision))


def test_the_split_of_least_energy_is_named_beside_that_of_least_time(decide):
    decision = decide()
    early, late = decision.costs
    decision = dataclasses.replace(
        decision, costs=(early, dataclasses.replace(late, compute_mj=1.0))
    )
    # late: 9.7 ms and 800 bit / 1.1 Mbit/s; the radio takes
    # (868.98 * 1.1 + 817.88) mW for 0.727 ms.
    assert _told(decision).others[-1] == (
        "The least energy of the splits: late, 10.4\u00a0ms and 2.29\u00a0mJ."
    )


def test_a_rival_that_was_not_measured_leaves_the_verdict_open(unwhole):
    decision = report.read(unwhole).selection.decisions[0]
    # As if cloud-only were worse: the split wins, of what was measured.
    decision = dataclasses.replace(decision, best=decision.winner)
    found = _told(decision)
    assert found.beaten
    assert found.title.endswith("early, not compared with mobile-only")
    last = found.sentences[-1]
    assert last.startswith("mobile-only and label-only: not measured. ")
    assert "phone.csv has no time of the unsplit network" in last
    assert "bottlenet-profile --deploy=DEPLOY" in last
    assert not [line for line in found.others if "ahead of" in line]


@pytest.mark.parametrize(
    ("message", "goal", "beaten", "said", "unsaid"),
    [
        # 87.5 % of test images.
        (154, {}, False, [
            "3g (1.1 Mbit/s up): early at point 1",
            "Of the splits, early at point 1 takes the least",
            "354 bytes on the air (200 wire bytes",
            "87.50\u00a0% accuracy (2.50 points below",
            "early at point 1: 200 wire bytes on average, at most 201 for "
            "95 % of the images and 202 for 99 %, 203 for the largest.",
        ], "meets the deadline"),
        # 5 - 3.4 - 1600 / 1100 ms.
        (0, {"deadline_ms": 5.0}, False, [
            "Of the splits, early at point 1 reaches the most accuracy within "
            "5 ms: 4.85\u00a0ms",
            "early at point 1 meets the deadline up to a round trip of "
            "0.145\u00a0ms, for an image of mean size.",
        ], "The least"),
        # All 90 %, in 10 ms.
        (0, {"deadline_ms": 11.0}, True, [
            "mobile-only does better within 11 ms\n",
            "No split pays here: mobile-only does better within 11 ms than",
        ], "The least"),
        # One line of each split, of its fastest point.
        (0, {"deadline_ms": 3.5}, True, [
            ": no split\n",
            "\nearly at point 2: 82.00 % is below 87.00 %; 3.76 ms are more "
            "than 3.5 ms\nlate at point 2: 60.00 % is below 87.00 %; 9.85 ms "
            "are more than 3.5 ms",
        ], "Of the splits"),
    ],
)  # fmt: skip
def test_points_and_deadlines_are_named(
    decide_points, message, goal, beaten, said, unsaid
):
    found = _told(decide_points("3g", message, **goal))
    assert found.beaten == beaten
    for words in said:
        assert words in _all(found)
    assert unsaid not in _all(found)


def test_without_an_acceptable_split_the_reasons_are_reported(decide):
    decision = dataclasses.replace(
        decide(), winner=None, refused={"early": ["1 % is below 2 %"]}
    )
    found = _told(decision)
    assert found.title == "3g (1.1 Mbit/s up): no split"
    assert found.others == ("early: 1 % is below 2 %",)


def test_without_anything_to_add_there_is_no_list(decide):
    decision = dataclasses.replace(decide(), winner=None, refused={})
    module = page.templates().get_template("verdict.html").module
    assert "<ul>" not in module.verdict(decision, 90.0)
    decision = dataclasses.replace(decision, refused={"early": ["1 %"]})
    assert module.verdict(decision, 90.0).count("<ul>") == 1


def test_without_a_selection_the_smallest_payload_is_reported(search):
    summary = rendered.sections(report.read(search))["summary"]
    found = rendered.texts(summary, "p")
    assert "after late: 100 per image, with 89.00\u00a0%" in found[0]
    assert found[1] == "After never no unit loses less than 3 points."
