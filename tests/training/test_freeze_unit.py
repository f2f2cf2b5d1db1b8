"""Tests of how a trained learned unit becomes one with tables."""

import types

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.codec import PayloadError
from bottlenet_tf.training.freeze_unit import (
    LARGEST_SYMBOL,
    choose_default_point,
    freeze,
    with_unit_config,
)
from tests.eager import eagerly


@pytest.fixture(scope="module")
def frozen(started, digits):
    with eagerly():
        return freeze(started.model, digits)


def test_halves_are_shared_and_the_unit_is_a_copy(started, frozen):
    assert frozen.prefix is started.model.prefix
    assert frozen.suffix is started.model.suffix
    assert frozen.unit is not started.model.unit
    assert started.model.unit.byte_codec is None
    for ours, theirs in zip(
        frozen.unit.get_weights(), started.model.unit.get_weights(),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)


def test_the_codec_has_the_unit_s_points_and_coefficients(frozen):
    codec = frozen.unit.byte_codec
    assert codec.points == frozen.unit.points == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert codec.tables.coefficients == 96


def test_bytes_are_near_what_the_tables_say(frozen, digits):
    images, _ = next(iter(digits.train.batches(96)))
    codec, unit = frozen.unit.byte_codec, frozen.unit
    feature = frozen.features(images)
    together = unit.codes_at_points(feature)
    for index, t in enumerate(unit.points):
        point = tf.fill((96,), t)
        codes = np.asarray(together[index])
        sizes = codec.sizes(codes.astype(np.int16), index)
        gain = unit.gain(point)
        # The prior alone, which the counts of the very images must beat.
        prior = np.mean(unit.prior(codes, gain, point)) / 8
        assert sizes.mean() < prior + 1


def test_bytes_are_within_a_percent_of_the_entropies(started, digits):
    # By the counts of the images themselves, without the prior, and but for
    # the end of a stream, half a byte.
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr("bottlenet_tf.training.freeze_unit.PRIOR_WEIGHT", 1e-3)
        frozen = freeze(started.model, digits)
    images, _ = next(iter(digits.train.batches(96)))
    feature, unit = frozen.features(images), frozen.unit
    for index, codes in enumerate(unit.codes_at_points(feature)):
        codes = np.asarray(codes).astype(np.int16)
        # What is beyond a table's symbols is one of its own, and 2 bytes.
        beyond = np.abs(codes) > LARGEST_SYMBOL
        entropy = 2 * beyond.sum() / 96
        for column in np.where(beyond, LARGEST_SYMBOL + 1, codes).T:
            share = np.unique(column, return_counts=True)[1] / 96
            entropy -= np.sum(share * np.log2(share)) / 8
        size = unit.byte_codec.sizes(codes, index).mean()
        assert entropy < size <= 1.01 * entropy + 0.6


def test_every_image_comes_back_from_its_payload(frozen, digits):
    images, _ = next(iter(digits.test.batches(24)))
    path = evaluation.WirePath(frozen)
    points = list(range(5))
    for codes, point in zip(path.codes_at(images, points), points):
        for payload, sent in zip(path.pack(*codes, point), codes[0]):
            back = path.format.unpack(payload)
            np.testing.assert_array_equal(back.codes, sent)
            assert back.point == point
            with pytest.raises(PayloadError):
                path.format.unpack(payload[:-1])


def test_a_frozen_network_answers_as_before_it_was_frozen(
    started, frozen, digits
):
    images, _ = next(iter(digits.test.batches(24)))
    point = np.linspace(-1, 1, 24).astype(np.float32)
    np.testing.assert_array_equal(
        frozen(images, point=point), started.model(images, point=point)
    )


def test_another_default_point_is_another_unit(frozen):
    other = with_unit_config(frozen, default_point=3)
    assert other.unit.default_point == 3
    assert evaluation.unit_id(other) != evaluation.unit_id(frozen)
    assert other.unit.byte_codec.tables == frozen.unit.byte_codec.tables


def test_a_copy_trains_what_the_unit_trained(frozen):
    copy = with_unit_config(frozen, default_point=1).unit
    names = [v.path for v in copy.trainable_variables]
    assert names == [v.path for v in frozen.unit.trainable_variables]


def _curve(sizes, accuracies):
    return types.SimpleNamespace(
        results=[
            types.SimpleNamespace(
                accuracy=accuracy, wire_bytes=np.array([size - 1, size + 1])
            )
            for size, accuracy in zip(sizes, accuracies, strict=True)
        ]
    )


CURVE = _curve([400, 300, 200, 100], [90.0, 89.6, 89.2, 80.0])


@pytest.mark.parametrize(
    "budget, wanted", [(1000, 0), (400, 0), (399, 1), (150, 3), (100, 3)]
)
def test_a_budget_takes_the_finest_point_within_it(budget, wanted):
    assert choose_default_point(CURVE, 90.0, budget) == wanted


def test_a_budget_below_the_coarsest_point_is_refused():
    with pytest.raises(ValueError, match="100.0 wire bytes.*byte_budget=99"):
        choose_default_point(CURVE, 90.0, 99)


@pytest.mark.parametrize(
    "accuracy, wanted", [(90.0, 2), (90.5, 1), (90.8, 0), (81.0, 3)]
)
def test_without_a_budget_the_coarsest_loses_a_point_at_most(accuracy, wanted):
    assert choose_default_point(CURVE, accuracy) == wanted


def test_if_all_lose_more_the_most_accurate_is_the_default():
    curve = _curve([400, 300, 200], [70.0, 75.0, 60.0])
    assert choose_default_point(curve, 90.0) == 1
