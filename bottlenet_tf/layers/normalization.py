"""Batch normalisation as one fused op, used by units and backbones."""

import keras
import tensorflow as tf

# The fused op silently raises a smaller epsilon to 1.001e-5. For the common
# 1e-5 that doesn't matter in training, which normalises by a batch's
# statistics.
_MIN_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` computed by TensorFlow's fused op.

    Same weights, arguments and equation: y = gamma * (x - mean) /
    sqrt(variance + epsilon) + beta. Keras composes it from about ten
    element-wise ops, which on a CPU makes a CIFAR ResNet-20 training step far
    longer (`benchmarks/batch_norm.py`). The moving variance is the fused op's
    unbiased one, n / (n - 1) of Keras's. Inference, and anything but a 4-D
    channels-last input with scale, centre and an epsilon of at least 1e-5, is
    Keras's own call, as is everything while `fused` is False.

    It keeps Keras's class name because weight files address layers by it:
    files written with one load into the other.

    Reference:
        Ioffe, Szegedy, 2015, arXiv:1502.03167.
    """

    fused = True

    def _is_fusible(self, inputs, training, mask):
        return (
            self.fused
            and training
            and self.trainable
            and mask is None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.synchronized
            and self.epsilon >= _MIN_EPSILON
            and self.compute_dtype != "float64"
        )

    def call(self, inputs, training=None, mask=None):
        if not self._is_fusible(inputs, training, mask):
            return super().call(inputs, training=training, mask=mask)
        gamma, beta, mean, variance = (
            tf.cast(w, tf.float32)
            for w in (
                self.gamma,
                self.beta,
                self.moving_mean,
                self.moving_variance,
            )
        )
        outputs, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=self.epsilon, is_training=True
        )
        keep = self.momentum
        self.moving_mean.assign(mean * keep + batch_mean * (1 - keep))
        self.moving_variance.assign(
            variance * keep + batch_variance * (1 - keep)
        )
        return outputs
