"""Tests of freezing units: counted codes become tables, and real payloads."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.config.unit import TABLES
from bottlenet_tf.layers import LearnedUnit
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training.freeze_unit import _grouped, freeze
from tests.datta_network import make_data, make_images, make_network

# Of 2 places with 2 channels each: 0, 1 and what is beyond, counted.
COUNTS = np.array(
    [[[60, 20, 0], [40, 40, 0], [80, 0, 0], [0, 80, 0]]], np.int64
)


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module", params=TABLES)
def frozen(request, network):
    return freeze(network, make_data(), request.param)


# Zeros of all codes; of the first channel's 160 and 20 more codes as all are,
# and of the second's; of the first coefficient's 80 and 20 as its channel's.
ALL = 180 / 320
FIRST, SECOND = (140 + 20 * ALL) / 180, (40 + 20 * ALL) / 180


@pytest.mark.parametrize(
    "grouping, zeros",
    [
        ("shared", [ALL] * 4),
        ("per_channel", [FIRST, SECOND, FIRST, SECOND]),
        ("per_coefficient", [(60 + 20 * FIRST) / 100]),
    ],
)
def test_a_table_is_drawn_towards_that_of_the_larger_group(grouping, zeros):
    pmfs = _grouped(COUNTS, 2, grouping)
    np.testing.assert_allclose(pmfs[0, : len(zeros), 0], zeros, rtol=1e-6)
    np.testing.assert_allclose(pmfs.sum(axis=2), 1, rtol=1e-6)


def test_codes_beyond_the_table_are_left_to_the_escape():
    counts = np.array([[[6, 2, 2]]], np.int64)
    pmfs = _grouped(counts, 1, "shared")
    np.testing.assert_allclose(pmfs, [[[0.6, 0.2]]])


@pytest.mark.slow
def test_a_frozen_unit_s_payloads_give_the_answers_of_its_codes(frozen):
    images = make_images(5, seed=1)
    path = evaluation.WirePath(frozen)
    codes, _ = path.codes(images)
    assert codes.dtype == np.int16 and codes.any()
    payloads = path.encode(images)
    direct = frozen.decode({"codes": tf.constant(codes, tf.float32)})
    np.testing.assert_allclose(path.decode(payloads), direct, atol=1e-5)


def test_the_tables_are_as_many_as_the_grouping_asks_for(network):
    for grouping, most in (("shared", 1), ("per_channel", 2)):
        tables = freeze(network, make_data(), grouping).unit.byte_codec.tables
        assert len(tables.firsts) <= most
    tables = freeze(network, make_data()).unit.byte_codec.tables
    assert len(tables.firsts) > 2
    assert tables.index.shape == (1, 8 * 8 * 2)


def test_freezing_leaves_the_network_as_it_was(network, frozen):
    assert network.unit.byte_codec is None
    for kept, new in zip(
        network.unit.weights, frozen.unit.weights, strict=True
    ):
        np.testing.assert_array_equal(kept, new)
    assert frozen.prefix is network.prefix


def test_a_unit_that_is_frozen_already_may_be_frozen_anew(frozen):
    again = freeze(frozen, make_data(), "shared")
    assert len(again.unit.byte_codec.tables.firsts) == 1


def test_a_learned_unit_is_counted_at_each_of_its_points(network):
    unit = LearnedUnit(
        patch=4, channels=3, coefficients=6, mixed=8, mixed_to=4, width=0,
        num_points=3, name="unit",
    )  # fmt: skip
    learned = BottleNet(network.prefix, unit, network.suffix)
    feature = learned.features(make_images(4))
    unit.gain_slope.assign(np.full(6, -1.0, np.float32))
    for point, codes in zip(
        unit.points, unit.codes_at_points(feature), strict=True
    ):
        want = unit.encode(feature, tf.fill((4,), np.float32(point)))
        np.testing.assert_array_equal(codes, want["codes"])
    frozen = freeze(learned, make_data())
    assert frozen.unit.byte_codec.points == (-1.0, 0.0, 1.0)
