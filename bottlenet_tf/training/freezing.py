"""From densities to integer tables: a trained unit's entropy model, frozen.

NumPy alone; finished tables contain no float, and nothing here runs again.
"""

import numpy as np

from bottlenet_tf.codec.tables import TOTAL, Tables

ESCAPE_BITS = 16  # For an escaped value, besides the escape itself.
# Probability, at each point, that a silent coefficient is not 0; the image then
# costs about 50 bits more.
SILENT_CHANCE = 2.0**-8
# A symbol below it is worth less than the 1 of 65536 that an entry takes:
# 2**-20 * (16 + ESCAPE_BITS) < log2(e) / 65536, about.
_LEAST = 2.0**-20
_FLOOR = 1e-9  # Least probability in a logarithm.
_SEEDS = 16384  # Distributions from which the first centres are drawn.
_PASSES = 12
_CHUNK = 16384


def fit_tables(pmfs, first, bank_size=256):
    """Returns the tables that code given distributions in fewest bits.

    The bank minimises the sum of D(p || q_k(p)), over all points and
    coefficients, of each distribution p from the table q that codes it:

    1. k-means with that divergence: a centre is the mean of its members,
       each distribution goes to the centre that codes it in fewest bits;
    2. centres become integers (`quantize`) and distributions go to the best
       of those.

    At each point, the coefficients that are most likely 0 become silent (see
    `Tables`), as many as are all 0 in 255 images of 256.

    Deterministic on one machine; sums of floats may differ on another.

    Args:
        pmfs: Float `(points, coefficients, symbols)`, the probabilities of
            symbols first, first + 1, ...; the rest to 1 is the escape's.
        first: The smallest symbol.
        bank_size: Maximum number of tables, from 2, one for silent
            coefficients and one for others, to 65535.

    Reference:
        Banerjee et al., 2005, "Clustering with Bregman divergences", Journal
        of Machine Learning Research 6, for 1.
    """
    full = _with_escape(pmfs)
    points, coefficients, _ = full.shape
    silent = _silent(full, first)
    rows = full[~silent]
    most = bank_size - int(silent.any())
    tables = _bank(rows, first, most)
    if silent.any():
        tables.insert(0, (0, np.array([TOTAL - 1, 1])))
    costs = np.stack([_cost(table, first, full.shape[2]) for table in tables])
    index = np.zeros((points, coefficients), np.int64)
    begin = int(silent.any())  # The silent table is for silent ones.
    index[~silent] = begin + _nearest(rows, costs[begin:])
    used, index = np.unique(index, return_inverse=True)
    index = index.reshape(points, coefficients)
    firsts, frequencies = zip(*(tables[k] for k in used), strict=True)
    return Tables(firsts, frequencies, index)


def smooth_counts(counts, prior_pmfs, weight):
    """Returns counted frequencies, shrunk towards prior probabilities.

    p = (count + weight * prior) / (sum of counts + weight)

    Args:
        counts: `(points, coefficients, symbols + 1)`, of each symbol and, the
            last, of values beyond them.
        prior_pmfs: Float `(points, coefficients, symbols)`; the rest to 1 is
            for values beyond.
        weight: Weight of the prior in images, positive.

    Returns:
        float32, the shape of `prior_pmfs`.
    """
    counts, prior_pmfs = np.asarray(counts), np.asarray(prior_pmfs)
    *outer, symbols = prior_pmfs.shape
    if counts.shape != (*outer, symbols + 1) or not 0 < weight < np.inf:
        raise ValueError(
            "`counts` must have one entry more than `prior_pmfs`, for values "
            "beyond the symbols, and `weight` must be positive. "
            f"Received: counts of shape {counts.shape}, prior_pmfs of shape "
            f"{prior_pmfs.shape}, weight={weight}"
        )
    images = counts.sum(axis=-1, dtype=np.float64, keepdims=True)
    scale = (1 / (images + weight)).astype(np.float32)
    smoothed = prior_pmfs.astype(np.float32) * np.float32(weight)
    smoothed += counts[..., :-1]
    return smoothed * scale


def quantize(pmf, first):
    """Returns one distribution as a table: `(first, frequencies)`.

    Keeps the range of symbols of 2**-20 and more, at least one; the others
    escape. Frequencies f are the positive integers that sum to 65536 with the
    least sum of -p log f: the sum is convex, and no unit moved from one to
    another would lessen it. The escape's probability is the last of `pmf`.
    """
    body = pmf[:-1]
    kept = np.flatnonzero(body >= min(_LEAST, body.max()))
    begin, end = kept[0], kept[-1] + 1
    p = body[begin:end]
    p = np.maximum(np.append(p, 1 - p.sum()), _FLOOR)
    p /= p.sum()
    frequencies = np.maximum(1, np.floor(p * TOTAL)).astype(np.int64)
    spare = TOTAL - int(frequencies.sum())
    while True:
        f = frequencies.astype(np.float64)
        gain = p * np.log1p(1 / f)
        loss = np.full_like(p, np.inf)
        above = f > 1
        loss[above] = -p[above] * np.log1p(-1 / f[above])
        to, of = int(np.argmax(gain)), int(np.argmin(loss))
        if spare > 0:
            frequencies[to] += 1
            spare -= 1
        elif spare < 0:
            frequencies[of] -= 1
            spare += 1
        elif gain[to] > loss[of] * (1 + 1e-9):
            frequencies[to] += 1
            frequencies[of] -= 1
        else:
            return first + int(begin), frequencies


def _with_escape(pmfs):
    """Returns float32 probabilities with the escape's, checked."""
    pmfs = np.asarray(pmfs)
    if pmfs.ndim != 3 or pmfs.size == 0 or pmfs.dtype.kind != "f":
        raise ValueError(
            "`pmfs` must be floats (points, coefficients, symbols). "
            f"Received: shape={pmfs.shape}, dtype={pmfs.dtype}"
        )
    full = np.empty((*pmfs.shape[:2], pmfs.shape[2] + 1), np.float32)
    for source, target in zip(pmfs, full, strict=True):
        sums = source.sum(axis=1, dtype=np.float64)
        # Comparisons with NaN are false.
        if not (source.min() >= 0 and sums.max() <= 1.001):
            raise ValueError(
                "`pmfs` must be probabilities, and sum to at most 1. Received: "
                f"from {source.min()}, sums to {sums.max()}"
            )
        target[:, :-1] = source
        target[:, -1] = np.maximum(0, 1 - sums)
    return full


def _silent(full, first):
    """Returns which coefficients are silent, `(points, coefficients)`."""
    if not first <= 0 < first + full.shape[2] - 1:
        return np.zeros(full.shape[:2], bool)
    zero = np.arange(full.shape[2]) == -first
    other = full.sum(axis=2, dtype=np.float64, where=~zero)
    order = np.argsort(other, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(other, order, axis=1), axis=1)
    silent = np.empty(other.shape, bool)
    np.put_along_axis(silent, order, sums <= SILENT_CHANCE, axis=1)
    return silent


def _bank(rows, first, most):
    """Returns at most `most` tables for distributions `(n, symbols + 1)`."""
    if not len(rows):
        return []
    centres = _first_centres(rows, most)
    total = np.inf
    for _ in range(_PASSES):
        costs = -np.log2(np.maximum(centres, _FLOOR))
        nearest, bits = _nearest(rows, costs, return_bits=True)
        centres = _means(rows, nearest, bits, len(centres))
        if bits.sum() > (1 - 1e-4) * total:
            break
        total = bits.sum()
    zero = min(max(-first, 0), rows.shape[1] - 2)
    # In order, so that the index changes little from point to point.
    centres = centres[np.argsort(-centres[:, zero], kind="stable")]
    tables = [quantize(centre, first) for centre in centres]
    for start, frequencies in tables:
        if start == 0 and frequencies[0] == TOTAL - 1:
            frequencies += (-1, 1)  # It would be silent.
    return tables


def _first_centres(rows, most):
    """Returns up to `most` distributions far from each other (k-means++)."""
    rng = np.random.default_rng(0)
    if len(rows) > _SEEDS:
        rows = rows[np.sort(rng.choice(len(rows), _SEEDS, replace=False))]
    logs = np.log2(np.maximum(rows, _FLOOR))
    own = np.einsum("ij,ij->i", rows, logs)
    at = int(np.argmin(own))  # The most uncertain.
    chosen, least = [at], np.full(len(rows), np.inf)
    for _ in range(most - 1):
        least = np.minimum(least, np.maximum(own - rows @ logs[at], 0))
        reach = np.cumsum(least, dtype=np.float64)
        if reach[-1] < 1e-6 * len(rows):  # All are equal.
            break
        at = int(np.searchsorted(reach, rng.random() * reach[-1]))
        chosen.append(min(at, len(rows) - 1))
    return rows[chosen].astype(np.float64)


def _nearest(rows, costs, return_bits=False):
    """Returns each distribution's cheapest table, and its divergence."""
    nearest = np.empty(len(rows), np.int64)
    bits = np.empty(len(rows), np.float64)
    costs = costs.T.astype(np.float32)
    for i in range(0, len(rows), _CHUNK):
        part = slice(i, i + _CHUNK)
        expected = rows[part] @ costs
        nearest[part] = expected.argmin(axis=1)
        if return_bits:
            bits[part] = expected.min(axis=1) - _entropy(rows[part])
    return (nearest, bits) if return_bits else nearest


def _entropy(p):
    """Returns bits, float32 `(n,)`."""
    return -np.einsum("ij,ij->i", p, np.log2(np.maximum(p, _FLOOR)))


def _means(rows, nearest, bits, count):
    """Returns the clusters' means; empty ones get the worst fitted rows."""
    order = np.argsort(nearest, kind="stable")
    sizes = np.bincount(nearest, minlength=count)
    edges = np.append(0, np.cumsum(sizes))
    means = np.empty((count, rows.shape[1]))
    worst = iter(np.argsort(-bits, kind="stable"))
    for k in range(count):
        if sizes[k]:
            members = rows[order[edges[k] : edges[k + 1]]]
            means[k] = members.mean(axis=0, dtype=np.float64)
        else:
            means[k] = rows[next(worst)]
    return means


def _cost(table, first, length):
    """Returns a table's bits for each symbol and, last, for an escape."""
    start, frequencies = table
    bits = np.log2(TOTAL / frequencies)
    costs = np.full(length, bits[-1] + ESCAPE_BITS)
    costs[start - first : start - first + len(bits) - 1] = bits[:-1]
    return costs
