"""Tests of Algorithm 1's loop and of where it stops."""

import itertools

import pytest

from bottlenet_tf.search.planning import Grid, Outcome, Trial

UNITS = ((1, 2), (2, 2), (1, 1), (2, 1))
QUALITIES = (90, 60, 20)


def walk(grid, accuracy_of):
    """Returns the outcomes of a split, trained one after the other."""
    outcomes = {}
    while ready := grid.ready("a", outcomes):
        for trial in ready:
            size = trial.channels / trial.stride**2 * trial.quality
            accuracy = accuracy_of(trial)
            outcomes[trial.name] = (
                Outcome(error="failed")
                if accuracy is None
                else Outcome(size, accuracy)
            )
    return outcomes


def monotone(trial):
    codes = trial.channels / trial.stride**2
    return 70 + 10 * codes + 0.1 * trial.quality


@pytest.mark.parametrize("least", range(70, 101, 2))
def test_the_edge_keeps_what_the_whole_grid_keeps(least):
    found = []
    for exhaustive in (False, True):
        grid = Grid(UNITS, QUALITIES, least, exhaustive)
        outcomes = walk(grid, monotone)
        assert len(outcomes) <= grid.at_most
        found.append(grid.kept("a", outcomes))
    assert found[0] == found[1]


def test_the_paper_trains_everything():
    outcomes = walk(Grid(UNITS, QUALITIES, 99, True), monotone)
    every = itertools.product(UNITS, QUALITIES)
    assert set(outcomes) == {Trial("a", *unit, q).name for unit, q in every}


def test_the_edge_is_followed():
    # 1 x 2 has 81.5 % at most, 2 x 2 has 84 at 90 and 81 at 60.
    outcomes = walk(Grid(UNITS, QUALITIES, 83, False), monotone)
    assert list(outcomes) == [
        "a_c1_s2_q90", "a_c2_s2_q90", "a_c2_s2_q60", "a_c1_s1_q60",
        "a_c1_s1_q20", "a_c2_s1_q20",
    ]  # fmt: skip


def test_a_failed_trial_counts_as_one_that_is_not_acceptable():
    grid = Grid(UNITS, QUALITIES, 0, False)
    outcomes = walk(grid, lambda t: None if t.channels == 1 else 50.0)
    assert grid.kept("a", outcomes) == Trial("a", 2, 2, 20)


def test_nothing_acceptable_is_nothing():
    grid = Grid(UNITS, QUALITIES, 100, False)
    outcomes = walk(grid, lambda trial: 99.9)
    assert len(outcomes) == len(UNITS)  # None at a lower quality.
    assert grid.kept("a", outcomes) is None
