"""Tiling in the graph: codes (batch, h, w, c) <-> planes (batch, H, W, 1)."""

import keras
from keras import ops

from bottlenet_tf.codec import tiling


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Tile(keras.layers.Layer):
    """Lays the channels of each image out as one plane; see `codec.tiling`.

    Call arguments:
        codes: `(batch, h, w, c)`, any c >= 1; no channel is lost.

    Returns:
        `(batch, rows * h, columns * w, 1)`; spare tiles hold 128.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, tiling.
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, codes):
        height, width, channels = codes.shape[1:]
        rows, columns = tiling.grid(channels)
        spare = rows * columns - channels
        if spare:
            codes = ops.pad(
                codes,
                ((0, 0), (0, 0), (0, 0), (0, spare)),
                constant_values=tiling.SPARE_CODE,
            )
        # (batch, h, w, rows, columns) -> (batch, rows, h, columns, w)
        tiles = ops.reshape(codes, (-1, height, width, rows, columns))
        tiles = ops.transpose(tiles, (0, 3, 1, 4, 2))
        return ops.reshape(tiles, (-1, rows * height, columns * width, 1))

    def compute_output_shape(self, input_shape):
        plane = tiling.plane_shape(tuple(input_shape[1:]))
        return (input_shape[0], *plane, 1)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Untile(keras.layers.Layer):
    """Inverse of `Tile`.

    Args:
        shape: `(h, w, c)` of the codes.

    Call arguments:
        planes: `(batch, rows * h, columns * w, 1)`.

    Returns:
        `(batch, h, w, c)`.

    Raises:
        ValueError: if the planes are not of the size that `shape` makes.
    """

    def __init__(self, shape, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape):
        plane = (*tiling.plane_shape(self.shape), 1)
        if tuple(input_shape[1:]) != plane:
            raise ValueError(
                f"Planes of codes {self.shape} must have the shape {plane}, or "
                "pixels would land in other channels. "
                f"Received: input_shape={tuple(input_shape)}"
            )

    def call(self, planes):
        height, width, channels = self.shape
        rows, columns = tiling.grid(channels)
        tiles = ops.reshape(planes, (-1, rows, height, columns, width))
        tiles = ops.transpose(tiles, (0, 2, 4, 1, 3))
        codes = ops.reshape(tiles, (-1, height, width, rows * columns))
        return codes[..., :channels]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}
