"""Tests of what changes over a run."""

import keras
import pytest
import tensorflow as tf

from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.layers import LearnedRangeQuantizer
from bottlenet_tf.training.schedules import (
    CodecSchedule,
    WarmupCosine,
    build_optimizer,
    codec_schedule,
)


@pytest.mark.parametrize(
    ("step", "rate"),
    # Rising over 4 steps to 8.0, then half a cosine over 10 steps.
    [(0, 2.0), (1, 4.0), (3, 8.0), (4, 8.0), (9, 4.0), (14, 0.0), (99, 0.0)],
)
def test_rate_rises_linearly_and_falls_as_half_a_cosine(step, rate):
    schedule = WarmupCosine(8.0, warmup_steps=4, total_steps=14)
    # cos is evaluated in float32, a few 1e-7 of the peak off.
    assert float(schedule(step)) == pytest.approx(rate, abs=1e-5)


def test_rate_starts_at_the_peak_without_warm_up():
    assert float(WarmupCosine(1.0, 0, 10)(0)) == 1.0


def test_codec_is_off_until_the_warm_start_is_over():
    schedule = CodecSchedule("aware", 5, None, 20, 0)
    assert [schedule.uses_codec(s) for s in (0, 4, 5, 6)] == [
        False,
        False,
        True,
        True,
    ]


def test_naive_training_never_runs_the_codec():
    schedule = CodecSchedule("naive", 0, None, 20, 0)
    assert not any(schedule.uses_codec(s) for s in (0, 1, 1000))


def test_quality_is_annealed_linearly_from_the_first_coded_step():
    schedule = CodecSchedule("aware", 10, 100, 20, 8)
    qualities = [schedule.quality_at(s) for s in (0, 10, 12, 14, 18, 50)]
    assert qualities == [100, 100, 80, 60, 20, 20]


def test_an_annealed_quality_is_the_nearest_whole_number():
    # 80 down in 7 steps: 88.57 and 77.14.
    schedule = CodecSchedule("aware", 0, 100, 20, 7)
    assert [schedule.quality_at(s) for s in (1, 2)] == [89, 77]


def test_quality_is_annealed_for_so_many_epochs():
    config = TrainConfig(
        codec_warmup=0.25, quality_start=90, quality_epochs=1.5
    )
    schedule = codec_schedule(config, 10, 80)
    assert (schedule.first_step, schedule.quality_steps) == (20, 15)
    assert (schedule.quality_start, schedule.quality) == (90, 20)


def test_warm_start_is_a_share_of_all_steps():
    schedule = codec_schedule(TrainConfig(codec_warmup=0.25), 10, 80)
    assert schedule.first_step == 20


def test_descent_has_nesterovs_momentum_and_a_warm_up_in_epochs():
    # Half an epoch of 10 steps rises to 1 by fifths. v = 0.9 v - rate * g and
    # w += 0.9 v - rate * g, for g = 1: v = -0.2, w = -0.38; v = -0.58,
    # w = -0.38 - 0.522 - 0.4.
    config = TrainConfig(
        optimizer="sgd", learning_rate=1.0, warmup_epochs=0.5, weight_decay=0.0
    )
    weight = keras.Variable(0.0)
    optimizer = build_optimizer(config, 10, 100)
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
    optimizer = build_optimizer(config, 10, 100)
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
    optimizer = build_optimizer(config, 10, 100)
    optimizer.build([kernel])
    optimizer.apply([tf.constant(0.0)], [kernel])
    # Decoupled: w - rate * decay * w.
    assert float(kernel) == pytest.approx(2 * (1 - 0.5 * decay), rel=1e-5)


@pytest.mark.parametrize(
    ("precision", "scaled"),
    [("float32", False), ("mixed_bfloat16", False), ("mixed_float16", True)],
)
def test_half_precision_of_few_exponents_scales_its_loss(precision, scaled):
    optimizer = build_optimizer(TrainConfig(precision=precision), 10, 10)
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
    optimizer = build_optimizer(TrainConfig(optimizer=name), 10, 10)
    optimizer.build(variables)
    decayed = [v.name for v in variables if optimizer._use_weight_decay(v)]
    assert decayed == ["kernel"]
