"""Depthwise halves of a unit: fewer positions, and all of them back."""

import keras
from keras import ops

from bottlenet_tf.layers.reduction import ConvBlock


def depthwise_kernel(stride):
    """Returns the side of the kernels at a stride: 3, or the stride above it.

    A smaller kernel would skip positions.
    """
    return max(3, stride)


def _check_stride(stride):
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
        raise ValueError(
            f"`stride` must be a positive integer. Received: stride={stride!r}"
        )


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class DepthwiseReduction(ConvBlock):
    """Depthwise convolution with stride S, batch normalisation, activation.

    Channels do not mix. The kernel is 3 x 3, as published, and S x S where S
    is larger, which the paper does not need.

    Args:
        channels: C, as the feature has them.
        stride: S; 1 keeps every position.
        activation: "relu" in the paper.

    Call arguments:
        x: `(batch, H, W, C)`.

    Returns:
        `(batch, ceil(H / S), ceil(W / S), C)`.

    Raises:
        ValueError: if `channels` or `stride` is not a positive integer.

    Reference:
        Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596.
    """

    def __init__(self, channels, stride, activation="relu", **kwargs):
        _check_stride(stride)
        self.stride = stride
        super().__init__(
            channels, depthwise_kernel(stride), activation, **kwargs
        )

    def _convolution(self):
        return keras.layers.DepthwiseConv2D(
            self.kernel_size,
            strides=self.stride,
            padding="same",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )

    def macs(self, input_shape):
        """Multiply-accumulates for one image; see `ConvBlock.macs`."""
        made = self.compute_output_shape((None, *input_shape[-3:]))
        return self._elements(made) * self.kernel_size**2

    def get_config(self):
        config = super().get_config()
        del config["kernel_size"]
        channels = config.pop("filters")
        return {**config, "channels": channels, "stride": self.stride}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class DepthwiseRestoration(ConvBlock):
    """Depthwise transposed convolution, batch normalisation, activation.

    ```
    y[S i + k - p] += kernel[k] x[i]          in rows, and in columns
    ```

    p is the padding before the first row in `DepthwiseReduction` of the same
    size: an input reaches the very rows that the reduction made it of. Of
    these S * ceil(H / S) rows and more, those beyond H are cropped.

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

    Raises:
        ValueError: if an argument is not a positive integer, or two of them
            for `output_size`; from `build` for an input of another size.

    Reference:
        Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596. Their decoder
        of late splits restores 15 or 17 rows of 14.
    """

    def __init__(
        self, channels, stride, output_size, activation="relu", **kwargs
    ):
        _check_stride(stride)
        if len(output_size) != 2 or not all(
            isinstance(n, int) and n > 0 for n in output_size
        ):
            raise ValueError(
                "`output_size` must be two positive integers, (H, W). "
                f"Received: output_size={output_size!r}"
            )
        self.stride = stride
        self.output_size = tuple(output_size)
        super().__init__(
            channels, depthwise_kernel(stride), activation, **kwargs
        )

    def _convolution(self):
        return keras.layers.DepthwiseConv2D(
            self.kernel_size,
            padding="valid",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        wanted = tuple(-(-n // self.stride) for n in self.output_size)
        if tuple(input_shape[1:]) != (*wanted, self.filters):
            raise ValueError(
                "Input must have ceil(output_size / stride) positions a side, "
                f"and all channels: {(*wanted, self.filters)}. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        reach = 2 * (self.kernel_size - 1)
        padded = (n * self.stride + reach for n in wanted)
        self.conv.build((None, *padded, self.filters))
        self.norm.build((None, *self.output_size, self.filters))

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

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.output_size, self.filters)

    def macs(self, input_shape):
        """Multiply-accumulates for one image, those with zeros left out."""
        return self._elements(input_shape) * self.kernel_size**2

    def get_config(self):
        config = super().get_config()
        del config["kernel_size"]
        channels = config.pop("filters")
        return {
            **config,
            "channels": channels,
            "stride": self.stride,
            "output_size": self.output_size,
        }
