"""Depthwise halves of a unit: fewer positions, and all of them restored.

Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596. The kernel is 3 x 3,
as published, and S x S where the stride S is larger: a smaller one would skip
positions. Channels do not mix.
"""

import keras
from keras import ops

from bottlenet_tf.layers.reduction import ConvBlock, check_positive
from bottlenet_tf.layers.restoration import Restoration


def depthwise_kernel(stride):
    """Returns the side of the kernels at a stride."""
    return max(3, stride)


class _Depthwise(ConvBlock):
    """Names the filters `channels` and derives the kernel from the stride."""

    def _convolution(self, **options):
        return keras.layers.DepthwiseConv2D(self.kernel_size, **options)

    def get_config(self):
        config = {**super().get_config(), "stride": self.stride}
        del config["kernel_size"]
        config["channels"] = config.pop("filters")
        return config


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class DepthwiseReduction(_Depthwise):
    """Depthwise convolution with stride S, batch normalisation, activation.

    Args:
        channels: C, as the feature has them.
        stride: S; 1 keeps every position.
        activation: "relu" in the paper.

    Call arguments:
        x: `(batch, H, W, C)`.

    Returns:
        `(batch, ceil(H / S), ceil(W / S), C)`.
    """

    def __init__(self, channels, stride, activation="relu", **kwargs):
        check_positive(stride=stride)
        self.stride = stride
        super().__init__(
            channels, depthwise_kernel(stride), activation, **kwargs
        )

    def macs(self, input_shape):
        """Multiply-accumulates for one image; see `ConvBlock.macs`."""
        made = self.compute_output_shape((None, *input_shape[-3:]))
        return self._elements(made) * self.kernel_size**2


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class DepthwiseRestoration(_Depthwise, Restoration):
    """Depthwise transposed convolution, batch normalisation, activation.

    ```
    y[S i + k - p] += kernel[k] x[i]          in rows, and in columns
    ```

    p is the padding before the first row in `DepthwiseReduction` of the same
    size: an input reaches the very rows that the reduction computed it from.
    These are S * ceil(H / S) rows or more, of which those beyond H are cropped;
    the paper's decoder of late splits restores 15 or 17 rows of 14.

    No framework has this operation for all of its exports: zeros between the
    inputs and a depthwise convolution are the same. Its kernel is stored
    upside down.

    Args:
        channels: C.
        stride: S, as in the reduction.
        output_size: `(H, W)` to restore.
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, ceil(H / S), ceil(W / S), C)`.

    Returns:
        `(batch, H, W, C)`.
    """

    def __init__(
        self, channels, stride, output_size, activation="relu", **kwargs
    ):
        check_positive(stride=stride)
        kernel_size = depthwise_kernel(stride)
        super().__init__(
            channels, stride, output_size, kernel_size, activation, **kwargs
        )

    def _convolution(self, **options):
        # `call` spreads and pads the input itself.
        return super()._convolution(
            **{**options, "strides": 1, "padding": "valid"}
        )

    def build(self, input_shape):
        self._check_input(input_shape)
        if input_shape[3] != self.filters:
            raise ValueError(
                f"Input must have all {self.filters} channels. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        reach = 2 * (self.kernel_size - 1)
        spread = (n * self.stride + reach for n in input_shape[1:3])
        ConvBlock.build(self, (None, *spread, self.filters))

    def call(self, x, training=None):
        stride, reach = self.stride, self.kernel_size - 1
        _, rows, columns, channels = x.shape
        gap = (0, stride - 1)
        x = ops.reshape(x, (-1, rows, 1, columns, 1, channels))
        x = ops.pad(x, ((0, 0), (0, 0), gap, (0, 0), gap, (0, 0)))
        x = ops.reshape(x, (-1, rows * stride, columns * stride, channels))
        x = ops.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
        x = self.conv(x)  # Row r of it is row r - p of the feature.
        top, left = map(self._padding, self.output_size)
        height, width = self.output_size
        x = x[:, top : top + height, left : left + width]
        return self.nonlinearity(self.norm(x, training=training))

    def _padding(self, size):
        """Returns the rows that the reduction pads before the first."""
        reduced = -(-size // self.stride)
        total = (reduced - 1) * self.stride + self.kernel_size - size
        return max(total, 0) // 2

    def macs(self, input_shape):
        """Multiply-accumulates for one image, those with zeros left out."""
        return self._elements(input_shape) * self.kernel_size**2
