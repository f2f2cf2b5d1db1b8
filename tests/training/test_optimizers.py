"""Tests of the optimizers, of one rate and of a rate for each group."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.layers import LearnedRangeQuantizer
from bottlenet_tf.training import optimizers


def _variables():
    return [keras.Variable(np.ones(3, np.float32)) for _ in range(3)]


def _optimizer(variables, total_steps=100, warmup_steps=0):
    groups = [([variables[0], variables[2]], 1.0), ([variables[1]], 3.0)]
    return optimizers.averaged_adam(groups, 0.01, warmup_steps, total_steps)


def _gradients(*values):
    return [np.full(3, v, np.float32) for v in values]


def test_each_group_moves_by_its_own_rate():
    variables = _variables()
    _optimizer(variables).apply(_gradients(5.0, -0.2, 1e-3), variables)
    # Adam's first step is the rate, whatever the gradient, but for epsilon.
    for variable, wanted in zip(variables, (0.99, 1.03, 0.99), strict=True):
        np.testing.assert_allclose(variable, np.full(3, wanted), atol=1e-5)


def test_a_gradient_belongs_to_the_variable_in_its_place():
    variables = _variables()
    optimizer = _optimizer(variables)
    order = [2, 1, 0]
    optimizer.apply(_gradients(1.0, 1.0, -1.0), [variables[i] for i in order])
    signs = [np.sign(float(1 - v.numpy()[0])) for v in variables]
    assert signs == [-1, 1, 1]


def test_the_rate_warms_up_and_falls_to_nothing():
    optimizer = _optimizer(_variables(), total_steps=20, warmup_steps=4)
    rates = []
    for _ in range(20):
        rates.append(float(optimizer.learning_rate))
        variables = [v for group in optimizer._groups for v in group]
        optimizer.apply(_gradients(1.0, 1.0, 1.0), variables)
    assert rates[0] < rates[3] and max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates[-1] < 0.02 * max(rates)


def test_what_remains_is_an_average_over_the_last_steps():
    variables = _variables()
    # 1 - 10 / 40 of the average is kept at each step.
    optimizer = _optimizer(variables, total_steps=40)
    average = None
    for _ in range(5):
        optimizer.apply(_gradients(1.0, 1.0, 1.0), variables)
        last = float(variables[0].numpy()[0])
        average = 0.75 * (average or last) + 0.25 * last
    optimizer.finalize()
    found = float(variables[0].numpy()[0])
    assert found == pytest.approx(average, abs=1e-6)
    assert last < found < 1.0


def test_without_a_step_weights_stay_as_they_are():
    variables = _variables()
    variables[0].assign([1.0, 2.0, 3.0])
    optimizer = _optimizer(variables)
    variables[1].assign([4.0, 5.0, 6.0])  # After it was built.
    optimizer.finalize()
    np.testing.assert_array_equal(variables[0], [1, 2, 3])
    np.testing.assert_array_equal(variables[1], [4, 5, 6])


def test_its_variables_are_all_of_its_state():
    variables = _variables()
    first, second = _optimizer(variables), _optimizer(_variables())
    first.apply(_gradients(1.0, 2.0, 3.0), variables)
    others = [v for group in second._groups for v in group]
    mine = [v for group in first._groups for v in group]
    for twin, own in zip(others, mine, strict=True):
        twin.assign(own.numpy())
    for twin, own in zip(second.variables, first.variables, strict=True):
        twin.assign(own.numpy())
    for optimizer, ours in ((first, mine), (second, others)):
        optimizer.apply(_gradients(-1.0, 0.5, 2.0), ours)
        optimizer.finalize()
    for twin, own in zip(others, mine, strict=True):
        np.testing.assert_array_equal(twin, own)


@pytest.mark.parametrize("mode", ["frozen", "tail"])
def test_every_weight_of_a_network_is_in_one_group(start_learned, mode):
    config, network = start_learned(mode=mode)
    optimizer = optimizers.for_learned_unit(config, network.model, 3, 30)
    grouped = [id(v) for group in optimizer._groups for v in group]
    trained = [id(v) for v in network.model.trainable_variables]
    assert sorted(grouped) == sorted(trained)
    assert len(optimizer._groups) == (4 if mode == "tail" else 3)


def test_prior_transform_and_tail_have_rates_of_their_own(start_learned):
    config, network = start_learned(mode="tail")
    optimizer = optimizers.for_learned_unit(config, network.model, 3, 30)
    names = [{v.path for v in group} for group in optimizer._groups]
    rest, prior, transform, tail = names
    assert all("prior" in path for path in prior)
    assert any("rows" in path for path in transform)
    assert any("patches" in path for path in transform)
    assert any("pixels" in path for path in transform)
    assert not any("pixels" in path for path in rest)
    assert any("restorer" in path for path in rest)
    assert any("log_gain" in path for path in rest)
    assert any("logits" in path for path in tail)
    rates = [float(each.learning_rate) for each in optimizer._optimizers]
    shares = np.array(rates) / rates[0]
    np.testing.assert_allclose(shares, [1, 3, 1 / 16, 3 / 8], rtol=1e-5)


def test_descent_has_nesterovs_momentum_and_a_warm_up_in_epochs():
    # Half an epoch of 10 steps rises to 1 by fifths. v = 0.9 v - rate * g and
    # w += 0.9 v - rate * g, for g = 1: v = -0.2, w = -0.38; v = -0.58,
    # w = -0.38 - 0.522 - 0.4.
    config = TrainConfig(
        optimizer="sgd", learning_rate=1.0, warmup_epochs=0.5, weight_decay=0.0
    )
    weight = keras.Variable(0.0)
    optimizer = optimizers.for_one_rate(config, 10, 100)
    optimizer.build([weight])
    for expected in (-0.38, -1.302):
        optimizer.apply([tf.constant(1.0)], [weight])
        assert float(weight) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_s_first_step_is_of_the_rate_whatever_the_gradient(name):
    config = TrainConfig(
        optimizer=name, learning_rate=0.5, warmup_epochs=0.0, weight_decay=0.0
    )
    weight = keras.Variable(2.0, name="kernel")
    optimizer = optimizers.for_one_rate(config, 10, 100)
    optimizer.build([weight])
    optimizer.apply([tf.constant(7.0)], [weight])
    assert float(weight) == pytest.approx(2 - 0.5, rel=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_step_without_gradient_decays_by_rate_and_flag(name, decay):
    config = TrainConfig(
        optimizer=name,
        learning_rate=0.5,
        warmup_epochs=0.0,
        weight_decay=decay,
    )
    kernel = keras.Variable(2.0, name="kernel")
    optimizer = optimizers.for_one_rate(config, 10, 100)
    optimizer.build([kernel])
    optimizer.apply([tf.constant(0.0)], [kernel])
    # Decoupled: w - rate * decay * w.
    assert float(kernel) == pytest.approx(2 * (1 - 0.5 * decay), rel=1e-5)


@pytest.mark.parametrize(
    ("precision", "scaled"),
    [("float32", False), ("mixed_bfloat16", False), ("mixed_float16", True)],
)
def test_half_precision_of_few_exponents_scales_its_loss(precision, scaled):
    optimizer = optimizers.for_one_rate(
        TrainConfig(precision=precision), 10, 10
    )
    kind = keras.optimizers.LossScaleOptimizer
    assert isinstance(optimizer, kind) == scaled


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_weight_decay_spares_norms_biases_and_the_range(name):
    layers = [
        keras.layers.Dense(1),
        keras.layers.BatchNormalization(),
        LearnedRangeQuantizer(),
    ]
    for layer in layers:
        layer.build((None, 3))
    variables = [v for layer in layers for v in layer.trainable_variables]
    optimizer = optimizers.for_one_rate(TrainConfig(optimizer=name), 10, 10)
    optimizer.build(variables)
    decayed = [v.name for v in variables if optimizer._use_weight_decay(v)]
    assert decayed == ["kernel"]
