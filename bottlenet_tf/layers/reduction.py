"""The device half of the unit: fewer channels, fewer positions."""

import math

import keras

from bottlenet_tf.layers.normalization import BatchNormalization

# The unit trains for far fewer steps than its backbone did, so its moving
# statistics must settle within an epoch or two: 0.95 forgets in 20 steps.
BN_MOMENTUM = 0.95


class ConvBlock(keras.layers.Layer):
    """Convolution without bias, batch normalisation, activation.

    Not for use by itself: reductions and restorations derive from it.
    `activation=None` leaves the normalised values as they are.
    """

    def __init__(self, filters, kernel_size=1, activation="relu", **kwargs):
        super().__init__(**kwargs)
        for name, value in (("filters", filters), ("kernel_size", kernel_size)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value!r}"
                )
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = activation
        self.norm = BatchNormalization(
            momentum=BN_MOMENTUM, dtype=self.dtype_policy, name="norm"
        )
        self.nonlinearity = keras.layers.Activation(
            activation or "linear", dtype=self.dtype_policy
        )
        self.conv = self._convolution()

    def _convolution(self):
        return keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            padding="same",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, x, training=None):
        return self.nonlinearity(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def macs(self, input_shape):
        """Multiply-accumulates for one image of `input_shape`.

        Args:
            input_shape: `(batch, height, width, channels)`; the batch may be
                left out.

        Raises:
            ValueError: if height or width is unknown.
        """
        made = self.compute_output_shape((None, *input_shape[-3:]))
        taps = self.kernel_size**2 * input_shape[-1]
        return self._elements(made) * taps

    def _elements(self, shape):
        if None in shape[-3:]:
            raise ValueError(
                "Counting multiply-accumulates needs fixed spatial sizes. "
                f"Received: layer={self.name!r}, shape={tuple(shape)}"
            )
        return math.prod(shape[-3:])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class ChannelReduction(ConvBlock):
    """Channel-wise reduction: k x k convolution C -> c', norm, activation.

    Args:
        filters: Channels c' to keep.
        kernel_size: 1 in the paper.
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, height, width, C)`.

    Returns:
        `(batch, height, width, c')`.

    Raises:
        ValueError: if `filters` or `kernel_size` is no positive integer.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class SpatialReduction(ConvBlock):
    """Spatial reduction: convolution with stride s, norm, activation.

    Args:
        filters: Output channels.
        stride: s; 1 keeps every position.
        kernel_size: Larger than `stride`, so that no position is skipped and
            neighbouring windows overlap.
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, ceil(height / s), ceil(width / s), filters)`.

    Raises:
        ValueError: if `stride` is no positive integer, or `kernel_size` is
            not larger than a stride above 1.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """

    def __init__(
        self, filters, stride, kernel_size=3, activation="relu", **kwargs
    ):
        check_stride(stride, kernel_size)
        self.stride = stride
        super().__init__(filters, kernel_size, activation, **kwargs)

    def _convolution(self):
        return keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            strides=self.stride,
            padding="same",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


def check_stride(stride, kernel_size):
    """Raises ValueError unless the kernel overlaps its neighbours."""
    if not isinstance(stride, int) or stride < 1:
        raise ValueError(
            f"`stride` must be a positive integer. Received: stride={stride!r}"
        )
    if stride > 1 and kernel_size <= stride:
        raise ValueError(
            "`kernel_size` must be larger than `stride`, or positions between "
            "windows would not overlap. "
            f"Received: kernel_size={kernel_size}, stride={stride}"
        )
