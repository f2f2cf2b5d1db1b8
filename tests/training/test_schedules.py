"""Tests of what changes over a run."""

import pytest

from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.training.schedules import (
    CodecSchedule,
    WarmupCosine,
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


@pytest.mark.parametrize(
    ("mode", "used"), [("aware", [False, False, True]), ("naive", [False] * 3)]
)
def test_the_codec_is_off_until_the_warm_start_is_over(mode, used):
    schedule = CodecSchedule(mode, 5, None, 20, 0)
    assert [schedule.uses_codec(s) for s in (0, 4, 5)] == used


@pytest.mark.parametrize(
    ("first", "steps", "qualities"),
    [
        (10, 8, {0: 100, 10: 100, 12: 80, 14: 60, 18: 20, 50: 20}),
        # 80 down in 7 steps: 88.57 and 77.14.
        (0, 7, {1: 89, 2: 77}),
    ],
)
def test_quality_is_annealed_linearly_from_the_first_coded_step(
    first, steps, qualities
):
    schedule = CodecSchedule("aware", first, 100, 20, steps)
    assert {s: schedule.quality_at(s) for s in qualities} == qualities


def test_quality_is_annealed_for_so_many_epochs():
    config = TrainConfig(
        codec_warmup=0.25, quality_start=90, quality_epochs=1.5
    )
    schedule = codec_schedule(config, 10, 80)
    assert (schedule.first_step, schedule.quality_steps) == (20, 15)
    assert (schedule.quality_start, schedule.quality) == (90, 20)
