"""Batch norms' statistics after a training too short to have settled them."""

import keras
import numpy as np
import tensorflow as tf


def estimate_statistics(model, batches):
    """Gives batch norms the means and variances of some batches.

    Their moving averages lag behind: after twenty steps at momentum 0.9 they
    still hold an eighth of where they began, and weights have moved since. The
    mean over batches through the final weights has neither fault.

    Args:
        model: Keras model; layers that aren't trainable stay as they are.
        batches: Iterable of `(images, labels)` of one batch size.

    Reference:
        Wu, Johnson, 2021, arXiv:2105.07576, section 3 ("precise BN").
    """
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
    ]
    momenta = [norm.momentum for norm in norms]
    variables = [
        v for norm in norms for v in (norm.moving_mean, norm.moving_variance)
    ]
    sums, count = [np.zeros(v.shape, np.float64) for v in variables], 0
    try:
        for norm in norms:
            norm.momentum = 0.0  # What remains is the batch's own.

        @tf.function
        def forward(images):
            model(tf.cast(images, tf.float32), training=True)

        for images, _ in batches:
            forward(images)
            count += 1
            for total, variable in zip(sums, variables, strict=True):
                total += np.asarray(variable, np.float64)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    for total, variable in zip(sums, variables, strict=True):
        variable.assign((total / count).astype(np.float32))
