"""Tests of freezing: distributions to integer tables."""

import numpy as np
import pytest

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.codec.tables import TOTAL
from bottlenet_tf.training import freezing
from bottlenet_tf.training.freezing import fit_tables, quantize, smooth_counts


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def laplacians(scales, bound=15):
    """Returns float64 `(*scales.shape, 2 * bound + 1)` of rounded values."""
    edges = np.arange(-bound - 0.5, bound + 1)
    x = edges / scales[..., None]
    below = np.where(
        x < 0, np.exp(np.minimum(x, 0)) / 2, 1 - np.exp(-np.maximum(x, 0)) / 2
    )
    return np.diff(below, axis=-1)


@pytest.fixture
def pmfs(rng):
    """Of 3 points and 400 coefficients, scales over four decades."""
    scales = 10 ** rng.uniform(-3, 1, 400)
    return laplacians(scales * np.array([0.2, 0.5, 1])[:, None])


def excess_bits(tables, pmfs, first):
    """Returns an image's expected bits above its entropy, at each point.

    Without the end of a stream; escapes are counted with 16 bits in both.
    """
    escape = np.maximum(1 - pmfs.sum(axis=2, keepdims=True), 0)
    pmfs = np.concatenate([pmfs, escape], axis=2)
    costs = np.empty((len(tables.firsts), pmfs.shape[2]))
    for cost, start, sums in zip(costs, tables.firsts, tables.lists()):
        bits = np.log2(TOTAL / np.diff(sums))
        cost[:] = bits[-1] + 16
        cost[start - first : start - first + len(bits) - 1] = bits[:-1]
    logs = np.log2(np.maximum(pmfs, 1e-300))
    found = np.sum(pmfs * (costs[tables.index] + logs), axis=(1, 2))
    found -= 16 * escape.sum(axis=(1, 2))
    for point, pmf in enumerate(pmfs):
        plan = tables.plan(point)
        silent = plan.order[plan.active :]
        if len(silent):
            # One flag if all are 0, in place of a zero for each of them.
            quiet = np.prod(pmf[silent, -first])
            zero = np.log2(TOTAL / (TOTAL - 1))
            found[point] += (1 - quiet) * 16 + quiet * zero * (1 - len(silent))
    return found


def draw(rng, pmf, first, images):
    """Draws int16 codes `(images, coefficients)` of one point."""
    sums = np.cumsum(pmf, axis=1)
    # What is missing to 1 comes out as the symbol after the last.
    draws = rng.random((images, len(pmf)))
    symbols = (draws[..., None] > sums).sum(axis=2)
    return (symbols + first).astype(np.int16)


def test_frequencies_sum_to_65536_and_none_is_0(pmfs):
    tables = fit_tables(pmfs, -15, bank_size=40)
    assert len(tables.firsts) <= 40
    for sums in tables.lists():
        widths = np.diff(sums)
        assert widths.sum() == TOTAL and widths.min() >= 1
    assert tables.index.shape == (3, 400)


def test_dyadic_probabilities_become_their_frequencies():
    first, frequencies = quantize(np.array([0.25, 0.5, 0.125, 0.125]), -1)
    assert first == -1
    assert frequencies.tolist() == [16384, 32768, 8192, 8192]


def test_symbols_beyond_the_likely_ones_are_left_to_the_escape():
    pmf = np.array([0, 1e-8, 0.5, 1e-8, 0.25, 0.25 - 2e-8, 0])
    first, frequencies = quantize(pmf, 10)
    # From 12 on to 15; the hole at 13 has the least there is.
    assert first == 12 and len(frequencies) == 5
    assert frequencies[[1, 4]].tolist() == [1, 1]


def test_no_unit_moved_would_save_bits(rng):
    for _ in range(20):
        pmf = rng.dirichlet(np.full(12, 0.2))
        first, frequencies = quantize(pmf, 0)
        p = np.append(pmf[first : first + len(frequencies) - 1], 0)
        p[-1] = 1 - p.sum()
        best = -(p * np.log2(frequencies)).sum()
        for of in np.flatnonzero(frequencies > 1):
            for to in range(len(frequencies)):
                moved = frequencies.copy()
                moved[of] -= 1
                moved[to] += 1
                assert -(p * np.log2(moved)).sum() > best - 1e-7


def test_the_excess_is_what_streams_really_cost(pmfs, rng):
    tables = fit_tables(pmfs, -15, bank_size=12)
    excess = excess_bits(tables, pmfs, -15)
    codec = EntropyCodec(tables, [0, 1, 2])
    escape = 1 - pmfs.sum(axis=2)
    whole = np.concatenate([pmfs, escape[..., None]], axis=2)
    logs = np.log2(np.maximum(whole, 1e-300))
    entropy = -(whole * logs).sum(axis=(1, 2)) + 16 * escape.sum(axis=1)
    for point in range(3):
        codes = draw(rng, pmfs[point], -15, 3000)
        bits = 8 * codec.sizes(codes, point).mean()
        # What images vary by, over the root of 3000 images, is 0.5 bits; the
        # end of a stream takes 8 * 0.32 bits.
        spread = 8 * codec.sizes(codes, point).std() / 3000**0.5
        want = entropy[point] + excess[point] + 8 * 0.32
        assert abs(bits - want) < 4 * spread + 0.3


def test_more_tables_cost_fewer_bits(pmfs):
    excess = [
        excess_bits(fit_tables(pmfs, -15, bank_size=size), pmfs, -15).sum()
        for size in (4, 16, 64)
    ]
    assert excess[0] > 2 * excess[1] > 4 * excess[2] > 0


def test_a_table_for_each_distribution_leaves_rounding(rng):
    pmfs = laplacians(10 ** rng.uniform(-0.5, 0.5, (1, 6)))
    tables = fit_tables(pmfs, -15, bank_size=7)
    assert len(tables.firsts) == 6
    # 31 symbols, each off by up to 1 / 65536, and the rarest to 1.
    assert 0 <= excess_bits(tables, pmfs, -15)[0] < 6 * 31 * 2 / TOTAL


def test_the_least_likely_coefficients_are_silent(pmfs):
    tables = fit_tables(pmfs, -15)
    zeros = pmfs[:, :, 15]
    for point in range(3):
        plan = tables.plan(point)
        silent = plan.order[plan.active :]
        assert len(silent) > 20
        others = plan.order[: plan.active]
        chance = 1 - zeros[point, silent]
        assert chance.sum() <= freezing.SILENT_CHANCE
        assert chance.max() <= (1 - zeros[point, others]).min()


def test_without_zero_among_the_symbols_none_is_silent(pmfs):
    tables = fit_tables(pmfs, 1)
    assert all(tables.plan(i).active == 400 for i in range(3))


def test_coefficients_that_are_always_zero_need_one_table():
    pmfs = np.zeros((2, 9, 3))
    pmfs[:, :, 1] = 1
    tables = fit_tables(pmfs, -1)
    assert len(tables.firsts) == 1 and tables.plan(0).active == 0
    codec = EntropyCodec(tables, [0, 1])
    assert codec.encode(np.zeros(9, np.int16)) == b""


def test_it_gives_the_same_tables_again(pmfs):
    one, two = (fit_tables(pmfs.copy(), -15, bank_size=20) for _ in "ab")
    assert one == two


def test_what_is_missing_to_one_escapes():
    # Half of the probability is beyond the symbols.
    pmfs = np.full((1, 4, 2), 0.25)
    tables = fit_tables(pmfs, 5)
    assert np.diff(tables.lists()[0]).tolist() == [16384, 16384, 32768]


@pytest.mark.parametrize(
    "pmfs",
    [
        np.zeros((2, 3)),
        np.zeros((2, 3, 0)),
        np.zeros((2, 3, 4), int),
        np.full((1, 1, 2), 0.6),
        np.array([[[0.5, -0.1]]]),
        np.array([[[0.5, np.nan]]]),
    ],
)
def test_what_are_no_probabilities_is_refused(pmfs):
    with pytest.raises(ValueError, match="pmfs"):
        fit_tables(pmfs, 0)


def test_counts_are_drawn_towards_the_prior():
    # 10 images; the prior counts for 5: (7 + 5 * 0.2) / 15, (1 + 5 * 0.6) / 15.
    counts = np.array([[[7, 1, 2]]])
    prior = np.array([[[0.2, 0.6]]])
    pmfs = smooth_counts(counts, prior, 5)
    np.testing.assert_allclose(pmfs, [[[8 / 15, 4 / 15]]], rtol=1e-6)


def test_without_images_the_prior_is_left():
    prior = np.array([[[0.2, 0.6]]])
    pmfs = smooth_counts(np.zeros((1, 1, 3)), prior, 2)
    np.testing.assert_allclose(pmfs, prior, rtol=1e-6)


@pytest.mark.parametrize(
    "counts, weight",
    [(np.zeros((1, 1, 2)), 1), (np.zeros((1, 1, 3)), 0), (np.zeros(3), 1)],
)
def test_other_counts_and_weights_are_refused(counts, weight):
    with pytest.raises(ValueError, match="Received: counts of shape"):
        smooth_counts(counts, np.array([[[0.2, 0.6]]]), weight)
