"""Tests of how a learned unit starts, before any step."""

import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.training import (
    closed_form,
    least_squares,
    statistics,
    unit_start,
)
from tests.eager import eagerly

TEMPERATURE = 2.0


def _at(features, t):
    return tf.fill((len(features),), t)


def _bits(model, features, t):
    """Entropy of the codes at a point, by each coefficient's histogram."""
    codes = np.asarray(model.unit.encode(features, _at(features, t))["codes"])
    bits = 0.0
    for column in codes.T:
        share = np.unique(column, return_counts=True)[1] / len(column)
        bits -= np.sum(share * np.log2(share))
    return bits


def _divergence(model, features, t):
    """Mean of T^2 KL(unsplit || split), worked out by NumPy."""
    point = _at(features, t)
    restored = model.unit.decode(model.unit.encode(features, point), point)
    logs = []
    for feature in (features, restored):
        x = np.asarray(model.answer(feature), np.float64) / TEMPERATURE
        x -= x.max(1, keepdims=True)
        logs.append(x - np.log(np.exp(x).sum(1, keepdims=True)))
    wanted, found = logs
    each = np.sum(np.exp(wanted) * (wanted - found), axis=1)
    return TEMPERATURE**2 * each.mean()


def test_bits_fall_and_errors_rise_along_the_points(started, features):
    points = (-1.0, 0.0, 1.0)
    bits = [_bits(started.model, features, t) for t in points]
    errors = [_divergence(started.model, features, t) for t in points]
    assert bits[0] > bits[1] > bits[2] > 0
    assert errors[0] < errors[1] < errors[2]


def test_steps_are_the_gains_inverses_but_for_one_factor(started):
    unit = started.model.unit
    level = unit.log_step + unit.log_gain
    slope = unit.step_slope + unit.gain_slope
    for t in (-1.0, 1.0):
        factor = np.exp(level + t * slope)
        assert np.ptp(factor) < 1e-5
        assert np.abs(factor[0] - np.array(unit_start._ENERGIES)).min() < 1e-5
    slopes = unit.step_slope.numpy()
    assert slopes.min() > 0 and np.ptp(slopes) == 0


def test_the_ladder_is_monotone(start_afresh, digits, features):
    config, network = start_afresh()
    found = statistics.of_unit(network.model, digits, 96, 0)
    unit = config.unit
    form = closed_form.solve(
        *found, coefficients=unit.coefficients, mixed=unit.mixed,
        mixed_to=unit.mixed_to,
    )  # fmt: skip
    closed_form.assign(network.model.unit, form)
    model = network.model
    answers = model.answer(features)
    ladder = unit_start.fit_steps(
        model, form, features, answers, TEMPERATURE, tasks.ONE_CLASS
    )
    steps, bits, losses = map(np.array, zip(*ladder, strict=True))
    assert np.all(np.diff(steps) > 0) and np.all(np.diff(bits) < 0)
    assert losses[0] < 0.5 * losses[-1]


def test_steps_fit_codes_where_one_coefficient_decides():
    deviations = np.array([5.0, *np.full(500, 1e-6)])
    ladder = unit_start.steps_to_try(deviations)
    # Six deviations at a step that is finer by e, as it may become.
    assert 6 * 5.0 * np.e / ladder[0] < 32767
    assert np.all(np.diff(ladder) > 0)
    assert ladder[0] <= 5e-3 < ladder[-1]


def test_steps_span_from_all_that_is_kept_to_next_to_nothing():
    ladder = unit_start.steps_to_try(np.geomspace(1, 0.01, 101))
    assert ladder[0] == pytest.approx(0.05)
    assert ladder[-1] == pytest.approx(np.geomspace(1, 0.01, 101)[8])


def test_a_dearer_bit_asks_for_coarser_steps(
    started, start_afresh, learned_run, replace
):
    # At the fine end, where the ladder leaves room.
    unit = replace(learned_run.unit, fine_rate_weight=6e-5)
    dearer = start_afresh(unit=unit)[1].model.unit

    def ends(unit):
        middle, slope = unit.log_step.numpy(), unit.step_slope.numpy()
        return (middle - slope)[0], (middle + slope)[0]

    usual, dearer = ends(started.model.unit), ends(dearer)
    assert dearer[0] > usual[0]
    assert dearer[1] == pytest.approx(usual[1], abs=1e-5)


def _without(monkeypatch, start_afresh, *steps):
    for step in steps:
        monkeypatch.setattr(unit_start, step, lambda *args: None)
    return start_afresh()[1].model


def test_least_squares_restores_more_than_the_inverse(
    start_afresh, features, monkeypatch
):
    with monkeypatch.context() as patch:
        least = _without(patch, start_afresh, "fit_energy")
    inverse = _without(monkeypatch, start_afresh, "fit_energy", "fit_synthesis")
    errors = [
        np.square(model.unit(features, _at(features, -1.0)) - features).mean()
        for model in (least, inverse)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_the_energy_is_the_best_of_the_factors(
    start_afresh, features, monkeypatch
):
    with monkeypatch.context() as patch:
        model = _without(patch, start_afresh, "fit_energy")
    unit = model.unit
    unit.log_step.assign_sub(np.full(unit.log_step.shape, np.log(1.3), "f"))
    level = unit.log_step.numpy()
    best = []
    for t in (-1.0, 1.0):
        tried = {}
        for factor in unit_start._ENERGIES:
            unit.log_step.assign(level + np.log(factor))
            tried[factor] = _divergence(model, features, t)
        best.append(min(tried, key=tried.get))
    unit.log_step.assign(level)
    slope = unit.step_slope.numpy()
    answers = model.answer(features)
    divergence = unit_start.divergence_of(
        model, features, answers, TEMPERATURE, tasks.ONE_CLASS
    )
    found = unit_start.fit_energy(unit, divergence)
    assert found == tuple(best) and min(found) > 1
    for t, factor in zip((-1.0, 1.0), found, strict=True):
        added = unit.log_step - level + t * (unit.step_slope - slope)
        np.testing.assert_allclose(added, np.log(factor), atol=1e-5)


def _refitted(model, features, losses):
    """Fits convolutions that were moved; returns whether they stayed so."""
    layers = model.unit.synthesis.neighbours, model.unit.synthesis.pixels
    weights = [weight for layer in layers for weight in layer.weights]
    for weight in weights:
        weight.assign(weight + 1.0)
    before = [weight.numpy() for weight in weights]
    losses = iter(losses)
    unit_start.fit_synthesis(model, features, lambda t: next(losses))
    assert next(losses, None) is None
    found = zip(weights, before, strict=True)
    return all(np.all(weight.numpy() == old) for weight, old in found)


def test_an_exact_inverse_stays_where_least_squares_diverge_more(
    start_afresh, learned_run, replace, features
):
    unit = replace(learned_run.unit, patch_channels=16)  # All of 2 x 2 x 4.
    model = start_afresh(unit=unit)[1].model
    assert _refitted(model, features, (1.0, 2.0))
    assert not _refitted(model, features, (2.0, 1.0))


def test_least_squares_are_taken_where_channels_are_missing(
    start_learned, features
):
    model = start_learned()[1].model
    assert not _refitted(model, features, ())


@pytest.mark.parametrize("rank", [2, 5])
def test_least_squares_finds_planted_convolutions(rank):
    rng = np.random.default_rng(0)
    inputs = rng.normal(1.0, size=(300, 6, 6, 2)).astype(np.float32)
    planted = [
        rng.normal(size=shape).astype(np.float32)
        for shape in ((3, 3, 2, rank), (1, 1, rank, 5), (5,))
    ]

    def restored(neighbours, pixels, bias):
        inner = tf.nn.conv2d(inputs, neighbours, 1, "SAME")
        return tf.nn.conv2d(inner, pixels, 1, "SAME") + bias

    targets = restored(*planted)
    found = least_squares.reduced_rank(
        tf.constant(inputs), targets, rank, ridge=1e-9
    )
    assert [part.shape for part in found] == [part.shape for part in planted]
    np.testing.assert_allclose(restored(*found), targets, atol=2e-2)


def test_a_lower_rank_keeps_what_restores_most():
    rng = np.random.default_rng(0)
    inputs = tf.constant(rng.normal(size=(200, 6, 6, 2)), tf.float32)
    # Two independent inputs, passed on at sizes 3 and 1.
    found = least_squares.reduced_rank(inputs, inputs * [3.0, 1.0], 1, 1e-9)
    np.testing.assert_allclose(np.abs(found[1]).ravel(), [1, 0], atol=1e-2)
    centre = np.abs(found[0][1, 1, :, 0])
    np.testing.assert_allclose(centre, [3, 0], atol=2e-2)


def test_statistics_of_the_branches_are_the_patches(started, features):
    unit = started.model.unit
    np.testing.assert_allclose(
        unit.feature_deviation, np.std(features, axis=(0, 1, 2)), rtol=0.1
    )
    assert np.all(unit.patch_deviation.numpy() > 0)


def test_a_start_is_repeatable(started, start_afresh):
    again = start_afresh()[1].model
    for ours, theirs in zip(
        started.model.get_weights(), again.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_start_reads_no_label(started, learned_run, digits, monkeypatch):
    import keras

    from bottlenet_tf.training.network import build_network

    read = type(digits).train_batches

    def other_labels(self, *args, **kwargs):
        return read(self, *args, **kwargs).map(lambda x, y: (x, 9 - y))

    monkeypatch.setattr(type(digits), "train_batches", other_labels)
    keras.utils.set_random_seed(0)
    model = build_network(learned_run, 32, 10).model
    with eagerly():
        unit_start.start_unit(model, digits, learned_run)
    for ours, theirs in zip(
        started.model.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_steps_follow_the_worth_of_a_bit_on_the_ladder():
    # loss = step^2 and bits = -10 log(step): a bit is worth step^2 / 5.
    ladder = np.geomspace(0.1, 1.0, 8)
    steps = unit_start.log_steps(
        ladder, -10 * np.log(ladder), ladder**2, [0.2**2 / 5, 0.6**2 / 5]
    )
    # The slope between two steps is that of their middle within a percent.
    np.testing.assert_allclose(np.exp(steps), [0.2, 0.6], rtol=0.02)


@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_steps_of_an_answer_that_saturates(unit):
    """At coarse steps a worse answer can hardly become worse still."""
    ladder = np.geomspace(0.1, 1.0, 8)
    bits = -10 * np.log(ladder)
    losses = np.minimum(ladder**2, 0.5)
    # A bit is worth step^2 / 5, until nothing is lost any more.
    fine, coarse = np.exp(
        unit_start.log_steps(
            unit * ladder, bits, losses, [0.05**2 / 5, 0.2**2 / 5]
        )
    )
    np.testing.assert_allclose(
        [fine, coarse], [0.05 * unit, 0.2 * unit], rtol=0.03
    )


def test_steps_hardly_move_by_noise_of_the_ladder():
    ladder = np.geomspace(0.1, 1.0, 8)
    bits, losses = -10 * np.log(ladder), ladder**2
    weights = [0.2**2 / 5, 0.6**2 / 5]
    for at in range(8):
        noisy = losses.copy()
        noisy[at] *= 1.3  # Slopes before and after it: up to 6 and -1 times.
        steps = unit_start.log_steps(ladder, bits, noisy, weights)
        np.testing.assert_allclose(np.exp(steps), [0.2, 0.6], rtol=0.25)


def test_a_coarser_step_that_takes_more_bits_is_left_out():
    ladder = np.geomspace(0.1, 1.0, 8)
    bits, losses = -10 * np.log(ladder), ladder**2
    weights = [0.15**2 / 5, 0.6**2 / 5]
    wanted = unit_start.log_steps(ladder, bits, losses, weights)
    bits[3], losses[3] = bits[2] + 0.1, losses[2] - 1e-3
    steps = unit_start.log_steps(ladder, bits, losses, weights)
    np.testing.assert_allclose(steps, wanted, atol=0.1)


LADDER = np.geomspace(0.1, 1.0, 8)


@pytest.mark.parametrize(
    "bits, losses, weights",
    [
        (np.arange(8.0)[::-1], np.zeros(8), [1e-3, 1e-2]),  # Nothing is lost.
        (np.zeros(8), np.arange(8.0), [1e-3, 1e-2]),  # Nothing is saved.
        # Fewer bits are better.
        (np.arange(8.0)[::-1], np.arange(8.0)[::-1], [1e-3, 1e-2]),
        (-10 * np.log(LADDER), LADDER**2, [20.0, 40.0]),  # Both are beyond it.
    ],
)
def test_a_ladder_without_an_answer_gives_its_ends(bits, losses, weights):
    steps = unit_start.log_steps(LADDER, bits, losses, weights)
    np.testing.assert_allclose(np.exp(steps), [0.1, 1.0])


def test_too_few_images_are_refused_with_the_number_needed(
    start_afresh, replace, learned_run
):
    unit = replace(learned_run.unit, statistics_images=39)
    with pytest.raises(
        ValueError, match="needs 40 images.*statistics_images=39"
    ):
        start_afresh(unit=unit)


def test_least_squares_takes_coefficients_that_never_vary():
    """Of a network that leaves channels out, or of codes that are all 0."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(20, 4, 4, 6)).astype(np.float32)
    inputs[..., 3] = 0.0
    inputs[..., 4] = 1e4
    inputs[..., 5] = inputs[..., 0] * 1e-6
    inputs = tf.constant(inputs)
    neighbours, pixels, bias = least_squares.reduced_rank(
        inputs, inputs[..., :2] * 3.0, 2
    )
    x = tf.nn.conv2d(inputs, neighbours, 1, "SAME")
    found = tf.nn.conv2d(x, pixels, 1, "SAME") + bias
    # The ridge takes a thousandth off.
    np.testing.assert_allclose(found, inputs[..., :2] * 3.0, atol=0.1)


@pytest.mark.parametrize(
    ("side", "tail_macs", "wanted"),
    [
        (8, 10**6, (1000, 2000)),  # A quarter and half of 4,000.
        (8, 4 * 10**9, (100, 2000)),  # 4e11 multiply-accumulates.
        (1024, 10**6, (256, 256)),  # 2^30 bytes of features of 2^22.
        (2**15, 10**12, (1, 1)),
    ],
)
def test_a_fit_reads_as_many_images_as_are_affordable(side, tail_macs, wanted):
    model = types.SimpleNamespace(
        prefix=types.SimpleNamespace(output_shape=(None, side, side, 1)),
        macs=lambda: types.SimpleNamespace(tail=tail_macs),
    )
    assert unit_start.fitted_images(model, 4000) == wanted
