"""Tests of how the weight of the bytes follows a budget."""

import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.evaluation import payload_format
from bottlenet_tf.training.budget import ByteBudget
from bottlenet_tf.training.loop import Loop
from bottlenet_tf.training.network import build_network

BUDGET = 100.0  # Of image data: no header where there is no network.


def make_budget(total_steps=1000, **changes):
    return ByteBudget(TrainConfig(byte_budget=BUDGET, **changes), total_steps)


@pytest.fixture
def budget():
    return make_budget()


def _weight_after(budget, *means):
    for mean in means:
        budget.follow(tf.constant(mean, tf.float32))
    return float(budget.rate_weight)


def test_what_inference_takes_is_held_against_the_budget(budget):
    before = _weight_after(budget, BUDGET)
    assert before == pytest.approx(0.05)
    # Training meets the budget, but what will be sent is a tenth larger.
    budget.note_inference_bytes(1.1 * BUDGET)
    assert float(budget.inference_ratio) == pytest.approx(1.1)
    raised = _weight_after(budget, BUDGET)
    assert raised > before
    assert _weight_after(budget, BUDGET / 1.1) == pytest.approx(raised)


@pytest.mark.parametrize("sends_range", [True, False])
def test_a_budget_counts_what_is_sent_with_its_header(
    tiny_config, replace, sends_range
):
    quantizer = "per_image" if sends_range else "learned"
    config = replace(
        tiny_config,
        byte_budget=50.0,
        unit=replace(tiny_config.unit, quantizer=quantizer),
    )
    network = build_network(config, 32, 10)
    dataset = types.SimpleNamespace(
        steps_per_epoch=lambda _: 3, task=tasks.ONE_CLASS
    )
    loop = Loop(config, network, dataset, tf.distribute.get_strategy())
    header = payload_format(network.model).overhead_bytes
    budget = loop.stepper.budget
    before = float(budget.rate_weight)
    assert _weight_after(budget, 50.0 - header) == pytest.approx(before)
    assert _weight_after(budget, 50.0) > before


@pytest.mark.parametrize(
    ("steps", "gain"), [(10**6, 0.02), (1000, 0.02), (400, 0.05), (10, 0.1)]
)
def test_a_short_run_steers_faster(steps, gain):
    # 20 / steps, within 0.02 and 0.1.
    assert make_budget(steps).gain == pytest.approx(gain)


@pytest.mark.parametrize(
    ("mean_bytes", "exponent"),
    # At most a factor e is followed.
    [(150.0, np.log(1.5)), (70.0, np.log(0.7)), (100.0, 0.0), (9e3, 1.0),
     (1.0, -1.0), (0.0, -1.0)],
)  # fmt: skip
def test_the_rate_weight_moves_by_the_gain_times_the_log_of_the_excess(
    mean_bytes, exponent
):
    expected = 0.05 * np.exp(0.05 * exponent)
    found = _weight_after(make_budget(400), mean_bytes)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_rate_weight_starts_where_the_flag_says():
    weight = make_budget(rate_weight=0.3).rate_weight
    assert float(weight) == pytest.approx(0.3)


@pytest.mark.parametrize(("bound", "mean_bytes"), [(10.0, 1e4), (1e-4, 1.0)])
def test_the_rate_weight_stays_within_its_bounds(budget, bound, mean_bytes):
    budget.rate_weight.assign(bound)
    assert _weight_after(budget, mean_bytes) == pytest.approx(bound)


@pytest.mark.parametrize(("factor", "ratio"), [(9.0, 1.25), (0.1, 0.8)])
def test_a_disturbed_inference_does_not_run_away(budget, factor, ratio):
    _weight_after(budget, BUDGET)
    budget.note_inference_bytes(factor * BUDGET)
    assert float(budget.inference_ratio) == pytest.approx(ratio)


def test_before_the_codec_has_run_there_is_nothing_to_compare(budget):
    budget.note_inference_bytes(50.0)
    assert float(budget.inference_ratio) == 1.0


def test_recent_bytes_forget_the_beginning(budget):
    _weight_after(budget, 400)
    assert float(budget.recent_bytes) == 400.0
    _weight_after(budget, *[100] * 200)
    assert float(budget.recent_bytes) == pytest.approx(100.0, rel=0.06)
