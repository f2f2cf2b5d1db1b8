"""Plans driven by made-up networks whose best candidate is known."""

import dataclasses
import math

import pytest

from bottlenet_tf.search.planning import (
    Cheap,
    Exhaustive,
    smallest_acceptable,
)
from bottlenet_tf.search.trials import Outcome, Point, Space, Trial

SPACE = Space(
    splits=("a",),
    channels=(1, 2, 4, 8),
    strides=(1, 2),
    qualities=(20, 50, 75, 90),
    examples=27_000,
)


def measure(trial, seen, quality):
    """Bytes grow with what is kept; accuracy with bytes and training.

    log2 of bytes: 4, plus that of channels, less 1.5 for stride 2, plus
    quality / 25. A unit loses 2 ** (7 - log2 bytes) points and what training
    has yet to give; the further from 4 channels at stride 2, the more.
    """
    log_channels = math.log2(trial.channels)
    log_bytes = 4 + log_channels - 1.5 * (trial.stride - 1) + quality / 25
    untrained = 6.0 * math.exp(-seen / 4000)
    awkward = 0.5 * abs(log_channels - 2) + (trial.stride == 1)
    return Point(
        quality,
        2**log_bytes,
        92.0 - 2 ** (7 - log_bytes + awkward) - untrained,
    )


def search(plan, split="a", fails=()):
    """Runs a plan; returns the kept candidate, outcomes and order."""
    outcomes, seen, order = {}, {None: 0}, []
    units = {}
    while True:
        step = plan.step(split, outcomes)
        if step.done:
            return step.kept, outcomes, order
        assert step.ready
        for trial in step.ready:
            assert trial.name not in outcomes
            assert trial.start is None or outcomes[trial.start].error is None
            order.append(trial)
            if trial.name in fails:
                outcomes[trial.name] = Outcome(error="out of memory")
                continue
            # A unit that is cut out of another keeps most of what it learned.
            before = seen[trial.start]
            if units.get(trial.start) != trial.unit:
                before *= 0.75
            seen[trial.name] = before + trial.examples
            units[trial.name] = trial.unit
            qualities = (
                plan.space.qualities
                if isinstance(plan, Cheap)
                else (trial.quality,)
            )
            points = tuple(
                measure(trial, seen[trial.name], q) for q in qualities
            )
            outcomes[trial.name] = Outcome(points, trial.examples)


def spent(outcomes):
    return sum(outcome.examples for outcome in outcomes.values())


def test_the_exhaustive_loop_trains_every_candidate_in_full():
    kept, outcomes, order = search(Exhaustive(SPACE, 90.0))
    assert len(order) == 4 * 2 * 4
    assert {trial.start for trial in order} == {None}
    assert spent(outcomes) == 32 * 27_000
    acceptable = [
        point.wire_bytes
        for outcome in outcomes.values()
        for point in outcome.points
        if point.accuracy >= 90.0
    ]
    assert kept.point.wire_bytes == min(acceptable)


def test_what_just_reaches_the_least_accuracy_is_acceptable():
    trial = Trial("a", 4, 2, 50, 0, 27_000)
    outcome = Outcome((Point(50, 20.0, 90.0), Point(20, 10.0, 89.99)), 1)
    kept = smallest_acceptable([(trial, outcome)], 90.0)
    assert (kept.trial, kept.point.wire_bytes) == (trial, 20.0)


def test_the_cheap_one_keeps_the_same_at_a_fraction():
    full, outcomes, _ = search(Exhaustive(SPACE, 90.0))
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    cheap, cheaply, _ = search(plan)
    assert cheap.trial.unit == full.trial.unit
    assert cheap.point.quality == full.point.quality
    assert spent(outcomes) / spent(cheaply) > 19
    assert spent(cheaply) <= plan.at_most()[1]


def test_units_are_sorted_from_the_least_compressing():
    assert SPACE.units[0] == (8, 1)
    assert SPACE.units[-1] == (1, 2)


def test_units_are_cut_out_of_the_widest_of_their_stride():
    _, _, order = search(Cheap(SPACE, 92.0, 90.0, 10.0))
    stems = {trial.unit: trial for trial in order if trial.rung == 0}
    assert set(stems) == {(8, 1), (8, 2)}
    assert order[0] == stems[8, 1]
    assert order[0].start is None
    assert stems[8, 2].start == order[0].name
    # The widest ones go on like all others, to be compared with them.
    cuts = {trial.unit: trial for trial in order if trial.rung == 1}
    assert sorted(cuts) == sorted(SPACE.units)
    for (_, stride), trial in cuts.items():
        assert trial.start == stems[8, stride].name


def test_a_stride_waits_for_its_own_stem_only():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    (root,) = plan.step("a", {}).ready
    known = {root.name: Outcome((measure(root, 9000, 20),), 9000)}
    ready = {trial.unit for trial in plan.step("a", known).ready}
    assert ready == {(8, 1), (4, 1), (2, 1), (1, 1), (8, 2)}


def test_stems_of_larger_strides_are_trained_side_by_side():
    space = dataclasses.replace(SPACE, strides=(1, 2, 4))
    plan = Cheap(space, 92.0, 90.0, 10.0)
    (root,) = plan.step("a", {}).ready
    known = {root.name: Outcome((measure(root, 3000, 20),), 3000)}
    ready = {trial.unit: trial for trial in plan.step("a", known).ready}
    assert ready[8, 2].start == ready[8, 4].start == root.name
    # It is the same trial if the other stem is done first.
    stem = ready[8, 2]
    known[stem.name] = Outcome((measure(stem, 3000, 20),), 3000)
    assert ready[8, 4] in plan.step("a", known).ready


def test_fewer_units_see_more_examples_at_every_rung():
    _, _, order = search(Cheap(SPACE, 92.0, 90.0, 10.0))
    counts = [sum(t.rung == rung for t in order) for rung in range(4)]
    assert counts == [2, 8, 2, 1]
    # A ninth of 27,000 for what others are cut out of; for them a third of
    # that, then three times as many; and in the end all, in one training.
    shares = [{t.examples for t in order if t.rung == r} for r in range(4)]
    assert shares == [{3000}, {1000}, {2000}, {27_000}]


def test_a_third_of_the_units_enters_the_second_rung():
    space = dataclasses.replace(SPACE, channels=tuple(range(1, 10)))
    _, _, order = search(Cheap(space, 92.0, 90.0, 10.0, rungs=3))
    counts = [sum(t.rung == rung for t in order) for rung in range(5)]
    assert counts == [2, 18, 6, 2, 1]


def test_a_single_unit_is_trained_in_full_at_once():
    space = dataclasses.replace(SPACE, channels=(4,), strides=(2,))
    plan = Cheap(space, 92.0, 90.0, 10.0)
    kept, _, order = search(plan)
    assert [(t.examples, t.start) for t in order] == [(27_000, None)]
    assert kept.trial == order[0]
    assert plan.at_most() == (1, 27_000)


@pytest.mark.parametrize("batches", range(1, 9))
def test_every_rung_sees_a_step_more_at_least(batches):
    space = dataclasses.replace(SPACE, examples=8 * batches, batch_size=8)
    plan = Cheap(space, 92.0, 90.0, 10.0, rungs=3, reduction=2)
    _, outcomes, order = search(plan)
    assert min(trial.examples for trial in order) >= 8
    assert spent(outcomes) <= plan.at_most()[1]


def outcomes_of(plan, points):
    """Feeds a plan what its trials reach until all units are cut out."""
    outcomes = {}
    while True:
        step = plan.step("a", outcomes)
        if any(trial.rung > 1 for trial in step.ready):
            return outcomes, step
        for trial in step.ready:
            outcomes[trial.name] = Outcome((points(trial),), 1)


def test_what_another_beats_everywhere_goes_no_further():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, reduction=2)

    def ever_worse(trial):
        place = SPACE.units.index(trial.unit)
        return Point(50, 10.0 + place, 90.0 - place)

    _, step = outcomes_of(plan, ever_worse)
    # Four places, one that isn't beaten.
    assert [trial.unit for trial in step.ready] == [(8, 1)]


def test_two_places_are_there_at_least():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, reduction=8)
    _, step = outcomes_of(plan, lambda t: measure(t, 3000, 50))
    assert len(step.ready) == 2


def test_the_target_is_what_promises_an_acceptable_unit():
    # Log odds: 3.9 of 98 %, 2.5 of 92.4 %, so 3.2 is expected of the best,
    # which has 0.4 now, with 60 %. From -2.2, those of a guess, it has to grow
    # by a factor of 2.1; one that is to reach 2.5 has to be at 0.06 now, 51 %.
    plan = Cheap(SPACE, 98.0, 92.4, 10.0, rungs=1, reduction=8)
    accuracies = {(8, 1): 60.0, (4, 1): 52.0, (2, 1): 50.0}

    def reach(trial):
        size = 10.0 * trial.channels / trial.stride
        return Point(50, size, accuracies.get(trial.unit, 20.0))

    _, step = outcomes_of(plan, reach)
    assert [trial.unit for trial in step.ready] == [(4, 1)]


def test_what_goes_on_is_trained_at_the_quality_that_reaches_the_target():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, rungs=1)
    _, outcomes, order = search(plan)
    *beginnings, final = order
    cuts = [trial for trial in beginnings if trial.rung == 1]
    began = next(t for t in cuts if t.unit == final.unit)
    target = plan._target(cuts, outcomes)
    reached = [
        p.quality for p in outcomes[began.name].points if p.accuracy >= target
    ]
    assert final.quality == min(reached)
    assert min(reached) > min(SPACE.qualities)


def test_a_search_goes_on_where_it_stopped():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    kept, outcomes, order = search(plan)
    for count in (0, 1, 5, 8, len(order) - 1):
        known = {t.name: outcomes[t.name] for t in order[:count]}
        for trial in plan.step("a", known).ready:
            assert trial.name not in known
            assert trial in order
    assert plan.step("a", outcomes).kept == kept


def test_an_unacceptable_final_gives_way_to_a_more_accurate_unit():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, rungs=1, reduction=8)
    outcomes, finals = {}, []
    for _ in range(30):
        step = plan.step("a", outcomes)
        if step.done:
            break
        for trial in step.ready:
            size = trial.channels / trial.stride**2
            # The smallest is good at once, and then no better.
            is_final = trial.rung == 2
            accuracy = 88.0 + size + 3 * is_final
            if size < 0.5:
                accuracy = 90.0 - 2 * is_final
            outcomes[trial.name] = Outcome((Point(50, size, accuracy),), 1)
            finals += [trial.unit] * is_final
    # It misses 90 % by 2 points; of those that were that much better than it
    # before, the fewest bytes, not the most accurate.
    assert finals == [(1, 2), (4, 1)]
    assert step.kept.trial.unit == (4, 1)


@pytest.mark.parametrize("has_rival", [True, False])
def test_after_a_final_that_missed_quality_is_the_middle_one_at_least(
    has_rival,
):
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, rungs=1)

    def reach(trial, quality):
        # Early, quality tells nothing; in the end the lowest costs much.
        size = trial.channels / trial.stride**2
        early = 60.0 + (size / 8 if has_rival else -trial.channels)
        late = 92.0 - (trial.quality == 20) * 10.0
        accuracy = late if trial.rung == 2 else early
        return Point(quality, size * quality, accuracy)

    outcomes, finals = {}, []
    while not (step := plan.step("a", outcomes)).done:
        for trial in step.ready:
            points = tuple(reach(trial, q) for q in SPACE.qualities)
            outcomes[trial.name] = Outcome(points, 1)
            finals += [trial] * (trial.rung == 2)
    first, second = finals
    assert (first.unit != second.unit) == has_rival
    assert (first.quality, second.quality) == (20, SPACE.middle_quality)
    assert step.kept.trial.quality == SPACE.middle_quality


def test_only_so_many_are_trained_in_full():
    plan = Cheap(SPACE, 99.9, 99.0, 10.0, max_finals=2)
    kept, outcomes, order = search(plan)
    assert kept is None
    assert sum(trial.rung == 3 for trial in order) == 2
    assert (len(outcomes), spent(outcomes)) == plan.at_most()


def test_failed_trials_drop_out():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    _, _, order = search(plan)
    parent = order[0].name
    best = next(t for t in order if t.rung == 3)
    first = f"a_c{best.channels}_s{best.stride}_q75_r1"
    kept, _, order = search(plan, fails=(parent, first))
    assert kept is not None
    assert kept.trial.unit not in ((8, 1), best.unit)
    # The next unit took the parent's place.
    assert [t.start for t in order[:2]] == [None, None]
    assert len({t.unit for t in order if t.rung == 2}) == 2


def test_the_runner_up_takes_the_place_of_a_final_that_fails():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    _, _, order = search(plan)
    second, third, final = order[-3:]
    assert (second.rung, third.rung, final.rung) == (2, 2, 3)
    other = second if final.unit == third.unit else third
    _, _, order = search(plan, fails=(final.name,))
    assert order[-1].unit == other.unit
    assert order[-1].rung == 3


def test_what_failed_on_its_way_is_not_trained_in_full():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0)
    _, _, order = search(plan)
    rung = [trial.name for trial in order if trial.rung == 2]
    _, _, order = search(plan, fails=rung)
    failed = {trial.unit for trial in order if trial.name in rung}
    finals = {trial.unit for trial in order if trial.rung == 3}
    assert finals
    assert not failed & finals


def test_nothing_less_accurate_follows_what_is_not_acceptable():
    plan = Cheap(SPACE, 92.0, 90.0, 10.0, rungs=1)
    outcomes, step = outcomes_of(plan, lambda t: Point(50, 9.0, t.channels))
    (final,) = step.ready
    assert final.unit[0] == 8
    outcomes[final.name] = Outcome((Point(50, 9.0, 80.0),), 1)
    (again,) = plan.step("a", outcomes).ready
    assert (again.unit, again.quality) == (final.unit, 75)
    outcomes[again.name] = Outcome((Point(50, 9.0, 80.0),), 1)
    step = plan.step("a", outcomes)
    assert step.done
    assert step.kept is None


def test_a_split_where_all_fails_is_done_without_a_candidate():
    everything = [Trial("a", *unit, 75, 0, 1000).name for unit in SPACE.units]
    kept, outcomes, _ = search(Cheap(SPACE, 92.0, 90.0, 10.0), fails=everything)
    assert kept is None
    assert len(outcomes) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": ()}, "--splits must name at least one"),
        ({"channels": (2, 2)}, "--channel_grid .* each once"),
        ({"strides": (0,)}, "--stride_grid must be positive"),
        ({"qualities": (101,)}, "--quality_grid must be .* at most 100"),
        ({"examples": 0}, "--trial_examples must be positive"),
    ],
)
def test_a_grid_must_make_sense(changes, message):
    with pytest.raises(ValueError, match=message):
        Space(**{"splits": ("a",), **changes})
