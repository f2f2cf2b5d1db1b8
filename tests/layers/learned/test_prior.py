"""Tests of the learned prior against logistics worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.layers.learned.prior import MIN_PROBABILITY, LogisticMixture

ONE = np.ones((1, 1), np.float32)
MIDDLE = np.zeros(1, np.float32)


def _prior(coefficients=1, **weights):
    """A prior of two components, alike and of scale 1 if not given."""
    prior = LogisticMixture(coefficients, 2)
    prior.build()
    for name, value in {"log_scales": 0.0, **weights}.items():
        rows = np.reshape(value, (-1, 1))
        getattr(prior, name).assign(np.broadcast_to(rows, (2, coefficients)))
    return prior


def _random(rng, coefficients=5, components=3):
    prior = LogisticMixture(coefficients, components)
    prior.build()
    for weight in prior.weights:
        weight.assign(rng.normal(size=weight.shape))
    return prior


@pytest.mark.parametrize("t", [-1.0, 0.3, 1.0])
def test_the_probabilities_of_all_whole_numbers_sum_to_one(rng, t):
    prior, reach = _random(rng), 3000
    codes = np.arange(-reach, reach + 1, dtype=np.float32)
    codes = np.repeat(codes[:, None], 5, axis=1)
    gain = np.broadcast_to(np.exp(rng.normal(size=5)), codes.shape)
    point = np.full(len(codes), t, np.float32)
    likely = prior.probabilities(codes, gain.astype(np.float32), point)
    # 6,001 float32 numbers, summed in float64.
    sums = np.asarray(likely, np.float64).sum(0)
    np.testing.assert_allclose(sums, np.ones(5), atol=1e-5)
    assert np.min(likely) >= 0


def test_a_logistic_s_probabilities_are_those_worked_out_by_hand():
    # F(1/2) - F(-1/2) = tanh(1/4), and F(3/2) - F(1/2).
    likely = [
        float(_prior().probabilities(y * ONE, ONE, MIDDLE)[0, 0])
        for y in (0.0, 1.0, -1.0)
    ]
    np.testing.assert_allclose(
        likely, [0.24491866, 0.19511514, 0.19511514], rtol=1e-5
    )


def test_bits_are_summed_over_an_image_s_coefficients():
    prior = _prior(coefficients=2)
    codes = np.float32([[0, 1], [0, 0]])
    bits = prior(codes, np.ones((2, 2), np.float32), np.zeros(2, np.float32))
    # log2(1 / 0.24491866) = 2.0296, log2(1 / 0.19511514) = 2.3576.
    np.testing.assert_allclose(bits, [4.3872, 4.0593], atol=1e-3)


def test_location_and_scale_are_those_of_the_coefficient():
    # By a gain of 4, location 0.5 becomes 2 and scale 1 becomes 4.
    likely = _prior(locations=0.5).probabilities(2 * ONE, 4 * ONE, MIDDLE)
    np.testing.assert_allclose(likely, [[np.tanh(1 / 16)]], rtol=1e-5)


@pytest.mark.parametrize("t", [-1.0, 0.5])
def test_the_scale_s_logarithm_is_linear_in_the_point(t):
    prior = _prior(log_scales=0.2, log_scale_slopes=0.7)
    likely = prior.probabilities(0 * ONE, ONE, np.float32([t]))
    scale = np.exp(0.2 + 0.7 * t)
    np.testing.assert_allclose(likely, [[np.tanh(0.25 / scale)]], rtol=1e-5)


@pytest.mark.parametrize("t", [-1.0, 0.5])
def test_the_weights_logits_are_linear_in_the_point(t):
    # Far from each other and narrow: each component is sure of its place.
    prior = _prior(
        locations=[0, 100], log_scales=[-5, -5],
        logits=[0.4, 0], logit_slopes=[0.3, 0],
    )  # fmt: skip
    likely = prior.probabilities(0 * ONE, ONE, np.float32([t]))
    share = 1 / (1 + np.exp(-(0.4 + 0.3 * t)))
    np.testing.assert_allclose(likely, [[share]], rtol=1e-5)


@pytest.mark.parametrize("y", [-3e4, -200.0, 200.0, 3e4])
def test_the_far_tail_costs_24_bits_and_has_finite_gradients(y):
    prior = _random(np.random.default_rng(1), 1)
    prior.log_scales.assign(np.full((3, 1), -2.0))
    code = tf.constant([[y]])
    with tf.GradientTape() as tape:
        tape.watch(code)
        bits = prior(code, ONE, MIDDLE)
    assert float(bits[0]) == -np.log2(MIN_PROBABILITY) == 24
    gradients = tape.gradient(bits, [code, *prior.trainable_variables])
    for gradient in gradients:
        assert np.isfinite(np.asarray(gradient)).all()


def test_a_code_further_out_costs_more_until_24_bits():
    codes = np.arange(0, 20, dtype=np.float32)[:, None]
    gain, point = np.ones((20, 1), np.float32), np.zeros(20, np.float32)
    bits = np.asarray(_prior()(codes, gain, point))
    assert np.all(np.diff(bits[:17]) > 0) and bits.max() == 24
    # In the tail each further one costs log2(e).
    np.testing.assert_allclose(np.diff(bits[8:16]), 1.442695, atol=2e-3)


def test_both_tails_are_as_long(rng):
    prior = _random(rng)
    prior.locations.assign(np.zeros((3, 5)))
    codes = rng.normal(0, 9, (40, 5)).astype(np.float32)
    gain, point = np.ones((40, 5), np.float32), np.zeros(40, np.float32)
    np.testing.assert_array_equal(
        prior.probabilities(codes, gain, point),
        prior.probabilities(-codes, gain, point),
    )


def test_it_starts_from_the_coefficients_deviations():
    prior = LogisticMixture(3)
    prior.build()
    prior.start_from(np.array([0.1, 1.0, 20.0]))
    codes = np.arange(-2000, 2001, dtype=np.float32)[:, None]
    # Fine steps, so that whole numbers are as good as an integral.
    gain = np.full((len(codes), 3), 20.0, np.float32)
    likely = prior.probabilities(
        np.repeat(codes, 3, axis=1), gain, np.zeros(len(codes), np.float32)
    )
    deviation = np.sqrt(np.sum(likely * codes**2, axis=0)) / 20
    # One component narrower by sqrt(e), one wider: cosh(1)**.5 = 1.242 of it.
    np.testing.assert_allclose(deviation[:2], [0.1242, 1.242], rtol=0.02)


def test_every_weight_gets_a_gradient(rng):
    prior = _random(rng)
    codes = rng.normal(size=(6, 5)).astype(np.float32)
    points = rng.uniform(-1, 1, 6).astype(np.float32)
    with tf.GradientTape() as tape:
        bits = prior(codes, np.ones((6, 5), np.float32), points)
    for gradient in tape.gradient(bits, prior.trainable_variables):
        assert np.all(np.asarray(gradient) != 0)


def test_the_prior_is_rebuilt_from_its_configuration():
    prior = LogisticMixture(7, 3, name="prior")
    twin = LogisticMixture.from_config(prior.get_config())
    assert twin.get_config() == prior.get_config()


def test_a_trained_prior_begins_anew():
    deviations = np.array([0.1, 1.0, 20.0])
    fresh, trained = (LogisticMixture(3) for _ in range(2))
    for prior in (fresh, trained):
        prior.build()
    for weight in trained.weights:
        weight.assign(weight + 0.5)
    for prior in (fresh, trained):
        prior.start_from(deviations)
    for ours, theirs in zip(trained.get_weights(), fresh.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
