"""Two convolutions by least squares: the linear start of the server's half."""

import math

import numpy as np
import tensorflow as tf

# Most images in a batch, and numbers in their features.
_BATCH, _AT_ONCE = 200, 1 << 23


def batches(features, *others):
    """Yields slices of features and other arrays, in parallel."""
    size = max(1, min(_BATCH, _AT_ONCE // math.prod(features.shape[1:])))
    for i in range(0, len(features), size):
        yield tuple(each[i : i + size] for each in (features, *others))


def reduced_rank(inputs, targets, rank, ridge=1e-3):
    """Solves targets = conv(conv(inputs, 3 x 3), 1 x 1) + bias.

    The best 3 x 3 convolution, reduced to the `rank` directions of the targets
    that it restores best (reduced-rank regression).

    Returns:
        Kernels `(3, 3, in, rank)` and `(1, 1, rank, out)`, bias `(out,)`.
    """
    depth, out = inputs.shape[-1], targets.shape[-1]
    wide = 9 * depth + 1
    gram, cross = np.zeros((wide, wide)), np.zeros((wide, out))
    for some, wanted in batches(inputs, targets):
        around = tf.image.extract_patches(
            some, (1, 3, 3, 1), (1, 1, 1, 1), (1, 1, 1, 1),
            "SAME",
        ).numpy().reshape(-1, wide - 1)  # fmt: skip
        around = np.concatenate([around, np.ones((len(around), 1))], axis=1)
        around = around.astype(np.float32)
        wanted = wanted.numpy().reshape(len(around), -1)
        gram += around.T @ around
        cross += around.T @ wanted
    means = gram[-1, :-1] / gram[-1, -1], cross[-1] / gram[-1, -1]
    # Relative to each input's size, or the weak ones would be lost.
    gram += ridge * np.diag(np.maximum(np.diag(gram), 1e-12))
    solved = np.linalg.solve(gram, cross)[:-1]
    about_mean = gram[:-1, :-1] - gram[-1, -1] * np.outer(means[0], means[0])
    # A root of it; constant inputs leave it without full rank.
    powers, directions = np.linalg.eigh(about_mean)
    root = np.sqrt(np.maximum(powers, 0))[:, None] * directions.T
    restored = root @ solved
    pixels = np.linalg.svd(restored, full_matrices=False)[2][:rank]
    neighbours = solved @ pixels.T
    bias = means[1] - means[0] @ neighbours @ pixels
    found = neighbours.reshape(3, 3, depth, -1), pixels[None, None], bias
    return tuple(each.astype(np.float32) for each in found)
