"""Re-estimates batch norms' statistics after short training."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf.backbones import graph
from bottlenet_tf.common import graphs
from bottlenet_tf.layers import BatchNormalization


def estimate_statistics(model, batches):
    """Sets batch norms' mean and variance to those of several batches.

    mean = mean over b of mean_b
    variance = mean over b of variance_b + variance over b of mean_b

    of the batches b, with biased variances, as batch norms divide by in
    training. Moving averages lag behind the weights: after twenty steps at
    momentum 0.9 an eighth of the initial value is left.

    Layers that aren't trainable don't change. Batches are `(images, labels)` of
    one size, and at least one.

    Reference:
        Wu, Johnson, 2021, arXiv:2105.07576, section 3 ("precise BN").
    """
    norms = [
        layer
        for layer in graph.all_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
    ]
    means, variances = [], []  # By batch, then by norm.

    @graphs.function
    def forward(images):
        model(tf.cast(images, tf.float32), training=True)

    with _keeping_the_last_batch(norms):
        for images, _ in batches:
            forward(images)
            means.append([_float64(n.moving_mean) for n in norms])
            variances.append([_float64(n.moving_variance) for n in norms])
    if not means:
        raise ValueError(
            "Statistics must come from at least one batch. "
            "Received: no batch of training images"
        )
    for norm, mean, variance in zip(
        norms, zip(*means), zip(*variances), strict=True
    ):
        norm.moving_mean.assign(np.mean(mean, axis=0))
        norm.moving_variance.assign(
            np.mean(variance, axis=0) + np.var(mean, axis=0)
        )


@contextlib.contextmanager
def _keeping_the_last_batch(norms):
    """Context in which moving statistics are the last batch's, biased."""
    momenta = [norm.momentum for norm in norms]
    ours = [norm for norm in norms if isinstance(norm, BatchNormalization)]
    try:
        for norm in norms:
            norm.momentum = 0.0
        for norm in ours:
            norm.fused = False  # The fused variance is the unbiased one.
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for norm in ours:
            norm.fused = True


def _float64(variable):
    return np.array(variable, np.float64)
