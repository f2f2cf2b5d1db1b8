"""Tests of blended training images."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.training.mixup import blend, blend_shares


def _shares(count=1000, alpha=1.0, seed=0, step=0, total_steps=100):
    return blend_shares(
        count, alpha, seed, tf.constant(step), total_steps
    ).numpy()


def test_alpha_one_draws_shares_evenly_from_0_to_1():
    counts, _ = np.histogram(_shares(10_000), bins=4, range=(0, 1))
    # Each holds 2,500 with a standard deviation of 43.
    assert np.all(np.abs(counts - 2500) < 5 * 43)


def test_a_small_alpha_keeps_most_examples_nearly_whole():
    shares = _shares(10_000, alpha=0.05)
    assert np.all(np.isfinite(shares))
    assert np.mean((shares < 0.05) | (shares > 0.95)) > 0.8


def test_shares_depend_on_seed_and_step_alone():
    np.testing.assert_array_equal(_shares(step=3), _shares(step=3))
    assert not np.array_equal(_shares(step=3), _shares(step=4))
    assert not np.array_equal(_shares(seed=1), _shares(seed=2))


@pytest.mark.parametrize(("step", "is_blended"), [(79, True), (80, False)])
def test_the_last_fifth_sees_whole_images(step, is_blended):
    assert np.any(_shares(step=step, total_steps=100)) == is_blended


def test_an_example_is_blended_with_its_mirror_in_the_batch():
    images = np.array([[[10]], [[20]], [[50]]], np.uint8)
    blended = blend(images, tf.constant([0.25, 0.5, 1.0]))
    # 10 + (50 - 10) / 4; the middle one is its own partner; 50 -> 10.
    np.testing.assert_array_equal(np.ravel(blended), [20.0, 20.0, 10.0])
    assert blended.dtype == tf.float32


def test_targets_stay_probabilities():
    targets = blend(tf.one_hot([0, 1, 2], 3), tf.constant([0.3, 0.1, 0.6]))
    np.testing.assert_allclose(np.sum(targets, axis=-1), 1.0, rtol=1e-6)
