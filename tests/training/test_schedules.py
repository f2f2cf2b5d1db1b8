"""Tests of what changes over a run."""

import pytest

from bottlenet_tf.config import TrainConfig
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


def test_warm_start_is_a_share_of_all_steps():
    schedule = codec_schedule(TrainConfig(codec_warmup=0.25), 10, 80)
    assert schedule.first_step == 20


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_spares_norms_and_biases(name):
    import keras

    dense = keras.layers.Dense(1)
    norm = keras.layers.BatchNormalization()
    dense.build((None, 3))
    norm.build((None, 3))
    optimizer = build_optimizer(TrainConfig(optimizer=name), 10, 10)
    optimizer.build(dense.trainable_variables + norm.trainable_variables)
    decayed = [
        v.name
        for v in dense.trainable_variables + norm.trainable_variables
        if optimizer._use_weight_decay(v)
    ]
    assert decayed == ["kernel"]
