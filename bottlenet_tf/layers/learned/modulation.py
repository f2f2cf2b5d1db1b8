"""How a layer follows the operating point."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class PointEmbedding(keras.layers.Layer):
    """Turns t `(batch,)` into `(batch, width)`: relu(dense([t, t^2, t^3]))."""

    def __init__(self, width=32, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        self.dense = keras.layers.Dense(
            self.width, activation="relu", dtype=self.dtype_policy, name="dense"
        )
        self.dense.build((None, 3))

    def call(self, point):
        t = ops.reshape(point, (-1, 1))
        return self.dense(ops.concatenate([t, t * t, t * t * t], axis=-1))

    def macs(self, input_shape):
        """Multiply-accumulates for one image."""
        del input_shape
        return 3 * self.width

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.width)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Modulation(keras.layers.Layer):
    """Scales and shifts the channels of a tensor by the operating point.

    x (1 + scale(e)) + shift(e) of x `(batch, ..., channels)` and e, the
    `PointEmbedding`'s output. Both are zero at first: the layer begins as the
    identity at every operating point.

    Reference:
        Perez et al., 2018, arXiv:1709.07871.
    """

    def build(self, x_shape, embedded_shape):
        self.dense = keras.layers.Dense(
            2 * x_shape[-1],
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="dense",
        )
        self.dense.build(embedded_shape)

    def call(self, x, embedded):
        both = self.dense(embedded)
        both = ops.reshape(both, (-1, *[1] * (x.ndim - 2), both.shape[-1]))
        scale, shift = ops.split(both, 2, axis=-1)
        return x * (1.0 + scale) + shift

    def macs(self, input_shape):
        """Multiply-accumulates for one image, of `[x, embedded]`."""
        x_shape, embedded_shape = input_shape
        return 2 * x_shape[-1] * embedded_shape[-1]

    def compute_output_shape(self, x_shape, embedded_shape):
        return x_shape
