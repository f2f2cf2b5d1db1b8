"""Tests of the closed form where the best transform is known."""

import numpy as np
import pytest

from bottlenet_tf.layers.learned.unit import LearnedUnit
from bottlenet_tf.training import closed_form
from tests.layers.learned.closed import smooth_features, solve, solved

SCALES = np.array([3.0, 2.0, 1.0, 0.5])  # Of the planted gradients.


def _hadamard(size):
    rows = np.ones((1, 1))
    while len(rows) < size:
        rows = np.block([[rows, rows], [rows, -rows]])
    return rows


@pytest.fixture
def planted(rng):
    """White features of 1 x 1 x 4, and gradients along known directions.

    Columns of +1 and -1 that are orthogonal to each other: means are exactly
    0, deviations 1 and correlations 0.
    """
    columns = _hadamard(64)
    directions, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    features = columns[:, 1:5]
    gradients = columns[:, 5:9] * SCALES @ directions.T
    shape = (64, 1, 1, 4)
    return (
        features.reshape(shape).astype(np.float32),
        gradients.reshape(shape).astype(np.float32),
        directions,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def _solve_planted(planted, coefficients, **changes):
    transform = dict(patch=1, channels=4, mixed=0, mixed_to=0)
    return solved(
        *planted[:2], coefficients=coefficients, **{**transform, **changes}
    )


def test_patches_are_projected_on_what_the_answer_depends_on(planted):
    form = _solve_planted(planted, 4)
    # 95 % of each direction's squared gradient, 5 % of their mean.
    metric = 0.95 * SCALES**2 / np.mean(SCALES**2) + 0.05
    wanted = planted[2] * np.sqrt(metric)
    forward = form.patches.forward
    # float32; which way a direction points is not determined.
    np.testing.assert_allclose(np.abs(forward), np.abs(wanted), rtol=1e-4)
    together = forward.T @ planted[2]
    np.testing.assert_allclose(
        np.abs(together), np.diag(np.sqrt(metric)), atol=1e-4
    )


def test_weights_have_the_same_size_whatever_the_gradients(planted):
    """An optimizer's steps have a size of their own."""
    features, gradients, _ = planted
    transform = dict(patch=1, channels=4, coefficients=4, mixed=0, mixed_to=0)
    one, small = (
        solved(features, np.float32(share) * gradients, **transform)
        for share in (1, 1e-3)
    )
    for ours, theirs in (
        (one.patches.forward, small.patches.forward),
        (one.frequencies, small.frequencies),
        (one.unfrequencies, small.unfrequencies),
    ):
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-4)
        assert 0.1 < np.sqrt(np.mean(np.square(ours))) < 1.5
    np.testing.assert_allclose(one.scale, 1e3 * small.scale, rtol=1e-3)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_what_is_left_out_matters_least(planted, kept):
    # Left out in the patches' channels, or as coefficients.
    for channels in (kept, 4):
        form = _solve_planted(planted, kept, channels=channels)
        unit = LearnedUnit(1, channels, kept, 0, 0, width=0)
        unit.build((None, 1, 1, 4))
        closed_form.assign(unit, form)
        restored, _ = unit.synthesis(unit.coefficients(planted[0]))
        error = np.reshape(restored - planted[0], (64, 4)) @ planted[2]
        # All of the last directions is lost, nothing of the first.
        power = np.square(error).mean(0)
        np.testing.assert_allclose(power[:kept], 0, atol=1e-8)
        np.testing.assert_allclose(power[kept:], 1, atol=1e-4)


@pytest.mark.parametrize("mixed", [0, 30, 96], ids=["none", "some", "all"])
@pytest.mark.parametrize("shared", [False, True])
def test_errors_of_all_coefficients_count_the_same(rng, mixed, shared):
    transform = dict(
        patch=2, channels=16, coefficients=96, mixed=mixed, mixed_to=mixed
    )
    shape = (2000, 4, 6, 4)
    features, gradients, form = solve(rng, shape, **transform, shared=shared)
    unit = LearnedUnit(**transform, shared=shared, width=0)
    unit.build((None, *shape[1:]))
    closed_form.assign(unit, form)
    # A change by 1 after the scale, and what it does to the answer.
    change = np.eye(96, dtype=np.float32) / form.scale
    moved = unit.synthesis(change)[0] - unit.synthesis(0 * change)[0]
    moved = np.reshape(moved, (96, -1))
    slopes = gradients.reshape(len(gradients), -1)
    counts = np.square(slopes @ moved.T).mean(0)
    # 1 but for the shares of the identity, which count what hardly matters
    # as more than it is; without weighting, it is from 0.1 to 5 of the mean.
    assert np.quantile(counts, 0.2) > 0.5 and counts.max() < 1.4
    plain = np.square(slopes * features.std(0).reshape(-1)).mean(0)
    assert plain.max() > 4 * plain.min()


def test_mixing_leaves_coefficients_uncorrelated(rng):
    transform = dict(patch=2, channels=16, coefficients=96, mixed=96)
    shape = (400, 4, 6, 4)
    features, _, form = solve(rng, shape, **transform, mixed_to=96)
    unit = LearnedUnit(**transform, mixed_to=96, width=0)
    unit.build((None, *shape[1:]))
    closed_form.assign(unit, form)
    c = np.asarray(unit.coefficients(features), np.float64)
    correlation = np.corrcoef(c, rowvar=False) - np.eye(96)
    assert np.abs(correlation).max() < 0.01
    # Most variance first; the deviations are as told.
    deviations = c.std(0) * form.scale
    np.testing.assert_allclose(deviations, form.deviations, rtol=1e-2)
    assert np.all(np.diff(form.deviations) <= 1e-6)
    np.testing.assert_allclose(c.mean(0), 0, atol=1e-3 * c.std())


def test_the_prior_starts_from_the_coefficients_deviations(rng):
    transform = dict(
        patch=2, channels=8, coefficients=30, mixed=20, mixed_to=10
    )
    features, _, form = solve(rng, (300, 4, 6, 4), **transform)
    unit = LearnedUnit(**transform, width=0)
    unit.build((None, 4, 6, 4))
    closed_form.assign(unit, form)
    deviation = np.asarray(unit.coefficients(features)).std(0)
    # A logistic's deviation is pi / sqrt(3) of its scale.
    scale = np.exp(np.mean(unit.prior.log_scales, axis=0))
    np.testing.assert_allclose(scale * np.pi / np.sqrt(3), deviation, rtol=1e-3)
    np.testing.assert_allclose(unit.gain([0.0])[0], form.scale, rtol=1e-6)


def test_a_channel_that_never_varies_is_no_trouble(rng):
    features = smooth_features(rng, 100, 4, 4, 3)
    features[..., 1] = 7.0
    gradients = smooth_features(rng, 100, 4, 4, 3)
    form = solved(
        features, gradients, patch=2, channels=12, coefficients=48, mixed=10,
        mixed_to=10,
    )  # fmt: skip
    patches = form.patches
    for value in (
        patches.forward, patches.inverse, form.frequencies, form.scale,
    ):  # fmt: skip
        assert np.isfinite(value).all()
    assert form.scale.min() > 0


def test_frequencies_without_gradient_have_bounded_inverses(rng):
    """Before global pooling all frequencies but the mean count for nothing."""
    features = smooth_features(rng, 64, 4, 4, 3)
    pooled = rng.normal(size=(64, 1, 1, 3))
    gradients = np.broadcast_to(pooled, features.shape).astype(np.float32)
    form = solved(
        features,
        gradients,
        patch=1,
        channels=3,
        coefficients=48,
        mixed=0,
        mixed_to=0,
    )
    assert np.abs(form.unfrequencies).max() < 100
