"""Tests of what outputs mean: losses, decisions, metrics."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.runtime import outputs
from bottlenet_tf.training.losses import task_loss

SEVERAL = tasks.SEVERAL_LABELS
# sigmoid of log 3 is 3/4.
LOGITS = tf.constant([[np.log(3.0), 0.0], [-np.log(3.0), np.log(3.0)]])
LOGITS = tf.cast(LOGITS, tf.float32)
LABELS = np.array([[1, 0], [1, 1]])


def test_several_labels_cost_the_sum_of_their_cross_entropies():
    loss = task_loss(SEVERAL.targets(LABELS, 2), LOGITS, task=SEVERAL)
    expected = [-np.log(3 / 4) - np.log(1 / 2), -np.log(1 / 4) - np.log(3 / 4)]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_smoothing_moves_each_label_towards_one_half():
    smoothed = SEVERAL.smoothed(SEVERAL.targets(LABELS, 2), 0.2)
    np.testing.assert_allclose(smoothed, [[0.9, 0.1], [0.9, 0.9]], rtol=1e-6)


def test_imitation_is_the_sum_of_two_way_divergences():
    # KL(3/4 || 1/2) = 3/4 log(3/2) + 1/4 log(1/2); the other label agrees.
    found = SEVERAL.divergence(LOGITS[:1], tf.zeros((1, 2)))
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_a_draw_has_the_fisher_information_of_independent_labels():
    p = tf.constant([[0.25, 0.5]])
    draws = tf.random.stateless_normal((20_000, 2), (0, 0))
    r = SEVERAL.fisher_root(p, draws).numpy()
    # Of 20,000 draws a variance is known to 1 %.
    expected = [[3 / 16, 0], [0, 1 / 4]]
    np.testing.assert_allclose(np.cov(r.T), expected, atol=0.01)


def test_exactly_the_right_labels_are_a_hit():
    targets = SEVERAL.targets(LABELS, 2)
    logits = tf.constant([[1.0, -1.0], [1.0, -1.0]])
    np.testing.assert_array_equal(SEVERAL.hits(logits, targets), [1, 0])


def test_a_meter_counts_exact_matches_and_averages_precisions():
    meter = tasks.Meter(SEVERAL)
    scores = np.array([[3.0, 1.0], [2.0, -1.0], [1.0, -2.0]], np.float32)
    meter.add(scores[:2], np.array([[1, 1], [0, 0]]))
    meter.add(scores[2:], np.array([[1, 0]]))
    assert meter.accuracy == pytest.approx(200 / 3)
    # Ranks of the first label: hit, miss, hit, so (1 + 2/3) / 2; of the
    # second its one image comes first.
    assert meter.mean_average_precision == pytest.approx(
        100 * ((1 + 2 / 3) / 2 + 1) / 2
    )


def test_equal_scores_are_no_ranking():
    meter = tasks.Meter(SEVERAL)
    meter.add(np.zeros((4, 1), np.float32), np.array([[1], [0], [0], [0]]))
    assert meter.mean_average_precision == 25.0


def test_one_class_has_no_average_precision():
    meter = tasks.Meter(tasks.ONE_CLASS)
    meter.add(np.eye(3), np.array([0, 1, 1]))
    assert meter.accuracy == pytest.approx(200 / 3)
    assert meter.mean_average_precision is None


def test_guessing_is_the_commonest_set_of_labels():
    assert SEVERAL.guess(np.array([[0, 0], [0, 0], [1, 0]]), 2) == 2 / 3


@pytest.mark.parametrize(
    ("asked", "found", "data", "chosen"),
    [
        ("auto", "logits", "softmax", "softmax"),
        ("auto", "logits", "sigmoid", "sigmoid"),
        ("auto", "softmax", "softmax", "softmax"),
        ("auto", "sigmoid", "softmax", "sigmoid"),
        ("softmax", "sigmoid", "softmax", "softmax"),
        ("sigmoid", "logits", "softmax", "sigmoid"),
        ("sigmoid", "tanh", "softmax", "sigmoid"),
        ("sigmoid", "binary", "softmax", "softmax"),
    ],
)
def test_outputs_are_chosen_by_flag_file_and_data(asked, found, data, chosen):
    assert tasks.choose(asked, found, data) == chosen


@pytest.mark.parametrize(
    ("asked", "found", "data", "message"),
    [
        ("sigmoid", "softmax", "softmax", "ends in a softmax"),
        ("auto", "softmax", "sigmoid", "ends in a softmax"),
        ("softmax", "logits", "sigmoid", "several labels"),
        ("auto", "binary", "sigmoid", "one output"),
        ("auto", "tanh", "softmax", "ends in tanh.*--output"),
    ],
)
def test_what_does_not_fit_is_refused(asked, found, data, message):
    with pytest.raises(ValueError, match=message):
        tasks.choose(asked, found, data)


@pytest.mark.parametrize("task", [tasks.ONE_CLASS, SEVERAL])
def test_devices_and_servers_see_the_probabilities_of_training(task):
    logits = np.array([[-100.0, 0.5, 100.0]], np.float32)
    np.testing.assert_allclose(
        outputs.probabilities(task.output, logits),
        task.probabilities(logits),
        rtol=1e-6,
        atol=1e-30,  # Denormal numbers may be flushed.
    )


def test_a_label_names_all_that_are_likelier_than_not():
    classes = ("cat", "dog", "newt")
    assert outputs.label("sigmoid", [2.0, -0.1, 0.1], classes) == "cat, newt"
    assert outputs.label("sigmoid", [-3.0, -2.0, -1.0], classes) == ""
    assert outputs.label("softmax", [-3.0, -2.0, -1.0], classes) == "newt"
