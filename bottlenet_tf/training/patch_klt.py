"""The first stage of a closed form: the KLT of a feature's patches."""

from typing import NamedTuple

import numpy as np

from bottlenet_tf.training.klt import IDENTITY_SHARE, normalized, weighted_klt


class Moments:
    """Sums over the patches, of side `patch`, of images, for their KLT."""

    def __init__(self, patch):
        self.patch = patch
        self.rows = 0
        self.total = self.products = self.slopes = self.shift = None

    def add(self, features, gradients):
        """Adds features `(images, H, W, C)` and gradients; see `Batches`."""
        if self.shift is None:
            size = self.patch**2 * features.shape[-1]
            self.total = np.zeros(size)
            self.products, self.slopes = np.zeros((2, size, size))
            # Relative to the channels' means, so that sums keep their
            # precision.
            self.shift = features.mean((0, 1, 2))
        x = _to_patches(features - self.shift, self.patch)
        g = _to_patches(gradients, self.patch)
        x, g = (v.reshape(-1, v.shape[-1]) for v in (x, g))
        self.rows += len(x)
        self.total += x.sum(0)
        self.products += x.T @ x
        self.slopes += g.T @ g


class Patches(NamedTuple):
    """The KLT of a split's patches.

    patch: p, side of the patches.
    mean, deviation: Those of the feature's channels, `(C,)`.
    forward: `(p p C, d)`; z = x forward, x standardised.
    inverse: `(d, p p C)`.
    """

    patch: int
    mean: np.ndarray
    deviation: np.ndarray
    forward: np.ndarray
    inverse: np.ndarray

    def project(self, features, gradients):
        """Returns z and its gradients, float32 `(images, h, w, d)`."""
        x = _to_patches((features - self.mean) / self.deviation, self.patch)
        g = _to_patches(gradients * self.deviation, self.patch)
        return x @ self.forward, g @ self.inverse.T


def solve_patches(moments, channels, name="the split"):
    """Returns the `Patches` of `Moments`, with d = `channels`.

    A constant channel has a deviation of a thousandth of the largest; a feature
    of nothing but constant channels is refused.
    """
    depth = len(moments.shift)
    repeats = len(moments.total) // depth
    total = moments.total / moments.rows
    mean = total.reshape(repeats, depth).mean(0)
    squares = np.diag(moments.products).reshape(repeats, depth).mean(0)
    deviation = np.sqrt(
        np.maximum(squares / moments.rows - np.square(mean), 0.0)
    )
    if not deviation.max() > 0:
        raise ValueError(
            f"The feature at {name} must vary, or there is nothing to send; "
            "all its channels are constant. Received: "
            f"means={mean + moments.shift}"
        )
    # A channel that hardly varies isn't amplified.
    deviation = np.maximum(deviation, 1e-3 * deviation.max())
    m, scale = (np.tile(v, repeats) for v in (mean, deviation))
    covariance = (
        moments.products / moments.rows
        - np.outer(m, total)
        - np.outer(total, m)
        + np.outer(m, m)
    ) / np.outer(scale, scale)
    metric = moments.slopes / moments.rows * np.outer(scale, scale)
    metric = normalized(metric)
    forward, inverse, _ = weighted_klt(covariance, metric, IDENTITY_SHARE)
    return Patches(
        moments.patch,
        (mean + moments.shift).astype(np.float32),
        deviation.astype(np.float32),
        forward[:, :channels],
        inverse[:channels],
    )


def _to_patches(x, patch):
    """Returns `(images, h, w, p p C)` of `(images, H, W, C)`."""
    count, height, width, depth = x.shape
    shape = (count, height // patch, patch, width // patch, patch, depth)
    x = x.reshape(shape).transpose(0, 1, 3, 2, 4, 5)
    return np.ascontiguousarray(x).reshape(*x.shape[:3], -1)
