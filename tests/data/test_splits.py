"""Tests of the seeded choices behind every split."""

import numpy as np
import pytest

from bottlenet_tf.data import splits

NAMES = [f"image{index}" for index in range(600)]


def test_ninety_of_six_hundred_are_held_out_at_fifteen_percent():
    assert len(splits.held_out(NAMES, 0.15, seed=0)) == 90


def test_held_out_names_do_not_depend_on_the_order_given():
    forward = splits.held_out(NAMES, 0.15, seed=0)
    assert splits.held_out(NAMES[::-1], 0.15, seed=0) == forward


def test_another_seed_holds_out_others():
    first = splits.held_out(NAMES, 0.15, seed=0)
    assert splits.held_out(NAMES, 0.15, seed=1) != first


@pytest.mark.parametrize(("fraction", "count"), [(0.01, 1), (0.99, 2)])
def test_both_sides_keep_at_least_one(fraction, count):
    assert len(splits.held_out(["a", "b", "c"], fraction, seed=0)) == count


def test_a_single_image_cannot_be_split():
    with pytest.raises(ValueError, match="Received: names=\\['a'\\]"):
        splits.held_out(["a"], 0.5, seed=0)


@pytest.mark.parametrize("fraction", [0, 1, -0.1])
def test_a_fraction_that_empties_one_side_is_refused(fraction):
    with pytest.raises(ValueError, match="Received: test_fraction="):
        splits.held_out(NAMES, fraction, seed=0)


@pytest.mark.parametrize("fraction", [1, -0.1])
def test_a_validation_share_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="Received: validation_fraction="):
        splits.validation(NAMES, fraction, seed=0)


def test_a_class_of_one_image_validates_nothing():
    assert splits.validation(["a"], 0.5, seed=0) == set()


def test_subset_takes_equally_from_unequal_classes():
    labels = np.array([0] * 90 + [1] * 9 + [2] * 3)
    kept = splits.balanced_subset(labels, 9, seed=0)
    np.testing.assert_array_equal(np.bincount(labels[kept]), [3, 3, 3])


def test_subset_larger_than_the_whole_is_the_whole():
    kept = splits.balanced_subset([0, 1, 1], 10, seed=0)
    np.testing.assert_array_equal(kept, [0, 1, 2])


def test_epochs_and_seeds_get_different_non_negative_numbers():
    numbers = [splits.epoch_seed(s, e) for s in range(9) for e in range(9)]
    assert len(set(numbers)) == 81
    assert min(numbers) >= 0
