"""Tests of the search for a payload within a limit of bytes."""

import numpy as np
import pytest

from bottlenet_tf.codec import PayloadFormat
from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.runtime.gains import Gains
from bottlenet_tf.runtime.limit import Packer, first_within
from bottlenet_tf.training.freezing import fit_tables

POINTS, COUNT = np.linspace(-1, 1, 16), 60
SYMBOLS = np.arange(-40, 41)


def ladder(sizes):
    """Returns `payload_at` of rungs with these sizes, and the rungs tried."""
    tried = []

    def payload_at(rung):
        tried.append(rung)
        return bytes(sizes[rung])

    return payload_at, tried


@pytest.mark.parametrize("limit", range(90, 270, 5))
def test_the_first_rung_within_the_limit_is_found(limit):
    sizes = list(range(250, 90, -10))  # 16 rungs.
    payload_at, tried = ladder(sizes)
    rung, payload, tries = first_within(limit, range(16), payload_at)
    want = next((i for i, size in enumerate(sizes) if size <= limit), None)
    assert rung == want
    assert len(payload) == sizes[-1 if want is None else want]
    # One more than bisection's 4 of the other 15, and none twice.
    assert tries == len(tried) == len(set(tried)) <= 5


def test_a_limit_that_the_first_rung_keeps_takes_one_try():
    payload_at, tried = ladder([30, 20, 10])
    assert first_within(30, range(3), payload_at) == (0, bytes(30), 1)


def test_what_is_found_is_within_the_limit_in_any_order_of_sizes(rng):
    for _ in range(300):
        sizes = rng.integers(1, 50, rng.integers(1, 20))
        payload_at, _ = ladder(sizes)
        limit = int(rng.integers(1, 50))
        rungs = range(len(sizes))
        rung, payload, _ = first_within(limit, rungs, payload_at)
        if rung is not None:
            assert len(payload) == sizes[rung] <= limit
        else:
            assert sizes[-1] > limit


def test_rungs_need_not_begin_at_zero():
    payload_at, _ = ladder([99, 99, 99, 8, 6, 4])
    assert first_within(5, range(3, 6), payload_at)[0] == 5


@pytest.fixture(scope="module")
def deviations():
    """Of the coefficients, falling, but for one small one in front."""
    return np.append(0.05, 8 * np.exp(-0.08 * np.arange(COUNT - 1)))


@pytest.fixture(scope="module")
def form(deviations):
    scale = deviations * np.exp(-POINTS)[:, None] / np.sqrt(2)
    spread = np.abs(SYMBOLS) / np.maximum(scale[..., None], 0.05)
    pmfs = 0.999 * np.exp(-spread)
    pmfs /= np.exp(-spread).sum(-1, keepdims=True)
    tables = fit_tables(pmfs, SYMBOLS[0], bank_size=64)
    return PayloadFormat(1, (COUNT,), EntropyCodec(tables, POINTS), False)


@pytest.fixture(scope="module")
def table(form):
    one = np.exp(-POINTS)[:, None] * np.ones(COUNT)
    return Gains(one.astype(np.float32), form)


@pytest.fixture(scope="module")
def packer(form, table):
    return Packer(form, table)


@pytest.fixture
def image(rng, deviations):
    """The coefficients of an image like those that tables expect."""
    return rng.laplace(0, deviations / np.sqrt(2)).astype(np.float32)


def sizes_of(packer, form, values):
    return [
        len(form.pack(packer.codes(values, point), None, point))
        for point in range(len(POINTS))
    ]


def test_the_finest_point_within_the_limit_is_taken(packer, form, image):
    sizes = sizes_of(packer, form, image)
    assert sizes == sorted(sizes, reverse=True)
    for limit in range(sizes[-1], sizes[0] + 5):
        found = packer.fit(image, None, limit)
        want = next(i for i, size in enumerate(sizes) if size <= limit)
        assert len(found.payload) == sizes[found.point] == sizes[want]
        assert (found.point, found.left_out) == (want, 0)
        assert found.tries <= 5


def test_below_the_coarsest_point_the_least_important_are_left_out(
    packer, form, image
):
    image = 30 * image  # Far beyond what tables expect.
    order = form.codec.by_importance(form.shape, 15)
    whole = packer.codes(image, 15)
    coarsest = sizes_of(packer, form, image)[-1]
    for limit in range(packer.least_bytes, coarsest, 7):
        found = packer.fit(image, None, limit)
        unpacked = form.unpack(found.payload)
        assert len(found.payload) <= limit and unpacked.point == 15
        want = whole.copy()
        want[order[COUNT - found.left_out :]] = 0
        np.testing.assert_array_equal(unpacked.codes, want)
        # One more would not have fitted.
        want[order[COUNT - found.left_out]] = whole[
            order[COUNT - found.left_out]
        ]
        assert len(form.pack(want, None, 15)) > limit


def hostile(rng):
    """Coefficients that no image of the training set gives."""
    random = rng.choice([-1, 1], COUNT)
    yield from (scale * random for scale in (1e3, 1e30, np.inf))
    yield from (np.full(COUNT, value) for value in (1e30, -1e30, np.inf))
    yield 1e4 * rng.standard_normal(COUNT)
    yield 10.0 ** rng.uniform(-30, 30, COUNT) * random
    one = np.zeros(COUNT)
    one[rng.integers(COUNT)] = -np.inf
    yield one
    yield np.where(np.arange(COUNT) % 2, 1e30, 0)


def test_no_coefficients_exceed_the_limit(packer, form, rng):
    for values in hostile(rng):
        values = values.astype(np.float32)
        for limit in (packer.least_bytes, packer.least_bytes + 3, 40, 300):
            found = packer.fit(values, None, limit)
            assert len(found.payload) <= limit
            assert form.unpack(found.payload).point == found.point
            # 5 points, and bisection over 60 coefficients.
            assert found.tries <= 5 + 7


def test_coefficients_that_are_no_numbers_are_refused(packer, image):
    image[3] = np.nan
    with pytest.raises(ValueError, match="must be numbers.*1 of 60"):
        packer.fit(image, None, 300)


def test_the_least_limit_is_that_of_zeros_at_the_coarsest_point(packer, form):
    zeros = np.zeros(COUNT, np.int16)
    smallest = form.pack(zeros, None, 15)
    assert packer.least_bytes == len(smallest)
    packer.check_limit(len(smallest))
    with pytest.raises(ValueError, match=f"at least {len(smallest)}"):
        packer.check_limit(len(smallest) - 1)


def test_a_range_travels_within_the_limit_too(form, table, image):
    ranged = PayloadFormat(1, (COUNT,), form.codec, True)
    packer = Packer(ranged, table)
    assert packer.least_bytes == Packer(form, table).least_bytes + 2
    found = packer.fit(30 * image, (-1.0, 2.0), packer.least_bytes + 8)
    assert ranged.unpack(found.payload).code_range == (-1.0, 2.0)
    assert len(found.payload) <= packer.least_bytes + 8


def test_without_gains_an_image_may_be_too_large(form, packer, image):
    codes = packer.codes(image, 0)
    plain = Packer(form)
    sizes = [len(form.pack(codes, None, i)) for i in range(16)]
    assert plain.fit(codes, None, sizes[0]).point == 0
    assert plain.least_bytes == 6  # The header's.
    with pytest.raises(ValueError, match=f"max_bytes=20, {sizes[15]} bytes"):
        plain.fit(codes, None, 20)
