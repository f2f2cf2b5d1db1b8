"""The Karhunen-Loeve transform in the metric of an answer."""

import numpy as np

# Share of the identity in a metric, so that every direction counts.
IDENTITY_SHARE = 0.05
_FLOOR = 1e-6  # Share of the largest eigenvalue.


def outer(rows):
    """Returns the mean outer product of the rows `(count, k)`."""
    return rows.T @ rows / len(rows)


def normalized(metric):
    """Returns a metric scaled to a mean diagonal of 1.

    The transform's weights then have ordinary sizes: an optimizer's steps
    would destroy tiny ones.
    """
    return metric * len(metric) / np.maximum(np.trace(metric), 1e-30)


def _roots(matrix):
    """Returns a positive matrix' square root and its inverse."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values = np.maximum(values, _FLOOR * values[-1])
    root = np.sqrt(values)
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def weighted_klt(covariance, metric, identity_share):
    """Returns `(forward, inverse, variances)`, most variance first.

    `c = x forward`, `x = c inverse`; an error of c is as large as its change of
    the answer.
    """
    size = len(metric)
    if not size:
        empty = np.zeros((0, 0), np.float32)
        return empty, empty, np.zeros(0)
    metric = metric.astype(np.float64)
    even = np.eye(size) * np.trace(metric) / size
    metric = (1 - identity_share) * metric + identity_share * even
    root, inverse_root = _roots(metric)
    variances, vectors = np.linalg.eigh(
        root @ covariance.astype(np.float64) @ root
    )
    vectors = vectors[:, ::-1]
    forward = (root @ vectors).astype(np.float32)
    return (
        forward,
        (vectors.T @ inverse_root).astype(np.float32),
        variances[::-1],
    )
