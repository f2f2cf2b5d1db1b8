"""The device half of the unit: fewer channels, fewer positions."""

import math

import keras

from bottlenet_tf.layers.normalization import BatchNormalization

# The unit trains for far fewer steps than its backbone did, so its moving
# statistics must settle within an epoch or two: 0.95 forgets in 20 steps.
BN_MOMENTUM = 0.95


class ConvBlock(keras.layers.Layer):
    """Convolution without bias, batch normalisation, activation.

    Not for direct use: reductions and restorations derive from it.
    `activation=None` leaves the normalised values unchanged.
    """

    stride = 1

    def __init__(self, filters, kernel_size=1, activation="relu", **kwargs):
        super().__init__(**kwargs)
        check_positive(filters=filters, kernel_size=kernel_size)
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = activation
        self.norm = BatchNormalization(
            momentum=BN_MOMENTUM, dtype=self.dtype_policy, name="norm"
        )
        self.nonlinearity = keras.layers.Activation(
            activation or "linear", dtype=self.dtype_policy
        )
        self.conv = self._convolution(
            strides=self.stride,
            padding="same",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )

    def _convolution(self, **options):
        return keras.layers.Conv2D(self.filters, self.kernel_size, **options)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, x, training=None):
        return self.nonlinearity(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def macs(self, input_shape):
        """Multiply-accumulates for one image; the batch may be left out."""
        made = self.compute_output_shape((None, *input_shape[-3:]))
        return self._elements(made) * self.kernel_size**2 * input_shape[-1]

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

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class SpatialReduction(ConvBlock):
    """Spatial reduction: convolution with stride s, norm, activation.

    Args:
        filters: Output channels.
        stride: s; 1 keeps every position.
        kernel_size: Larger than a stride above 1, so that neighbouring windows
            overlap.
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, ceil(height / s), ceil(width / s), filters)`.
    """

    def __init__(
        self, filters, stride, kernel_size=3, activation="relu", **kwargs
    ):
        check_overlap(stride, kernel_size)
        self.stride = stride
        super().__init__(filters, kernel_size, activation, **kwargs)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


def build_in_turn(layers, shape):
    """Builds layers in sequence; returns the last one's output shape."""
    for layer in layers:
        layer.build(shape)
        shape = layer.compute_output_shape(shape)
    return shape


def macs_in_turn(layers, shape):
    """Multiply-accumulates of successive layers for `(..., H, W, C)`."""
    total, shape = 0, (None, *shape[-3:])
    for layer in layers:
        total += layer.macs(shape)
        shape = layer.compute_output_shape(shape)
    return total


def check_positive(**sizes):
    """Raises ValueError for a size that is not a positive integer."""
    for name, value in sizes.items():
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if not is_integer or value < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. "
                f"Received: {name}={value!r}"
            )


def check_overlap(stride, kernel_size):
    """Raises ValueError unless windows overlap their neighbours."""
    check_positive(stride=stride)
    if stride > 1 and kernel_size <= stride:
        raise ValueError(
            "`kernel_size` must be larger than `stride`, or positions between "
            "windows would not overlap. "
            f"Received: kernel_size={kernel_size}, stride={stride}"
        )
