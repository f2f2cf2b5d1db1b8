"""Transforms of random features, in closed form."""

import numpy as np

from bottlenet_tf.training import closed_form, patch_klt


def smooth_features(rng, count, height, width, depth):
    """Returns features whose neighbours and channels are alike."""
    x = rng.standard_normal((count, height + 2, width + 2, depth))
    x = sum(
        x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)
    )
    mixed = x @ rng.standard_normal((depth, depth))
    return (mixed + rng.uniform(-5, 5, depth)).astype(np.float32)


def solved(features, gradients, *, patch, channels, **transform):
    """Returns the `ClosedForm` of features and their gradients."""
    moments = patch_klt.Moments(patch)
    moments.add(features, gradients)
    patches = patch_klt.solve_patches(moments, channels)
    z, g = patches.project(features, gradients)
    return closed_form.solve(patches, z, g, **transform)


def solve(rng, shape, **transform):
    """Returns features, their gradients and their `ClosedForm`."""
    features = smooth_features(rng, *shape)
    gradients = smooth_features(rng, *shape)
    return features, gradients, solved(features, gradients, **transform)
