"""The cloud half of the unit: restores positions and channels."""

import keras

from bottlenet_tf.layers.reduction import ConvBlock, check_overlap


class Restoration(ConvBlock):
    """Base of the blocks that undo a spatial reduction, to `output_size`."""

    def __init__(self, filters, stride, output_size, *args, **kwargs):
        if not (
            isinstance(output_size, (tuple, list))
            and len(output_size) == 2
            and all(isinstance(n, int) and n > 0 for n in output_size)
        ):
            raise ValueError(
                "`output_size` must be two positive integers, (H, W). "
                f"Received: output_size={output_size!r}"
            )
        self.stride = stride
        self.output_size = tuple(output_size)
        super().__init__(filters, *args, **kwargs)

    def build(self, input_shape):
        self._check_input(input_shape)
        super().build(input_shape)

    def _check_input(self, input_shape):
        wanted = tuple(-(-n // self.stride) for n in self.output_size)
        if tuple(input_shape[1:3]) != wanted:
            raise ValueError(
                "Input must have ceil(output_size / stride) positions a side, "
                f"{wanted}. Received: input_shape={tuple(input_shape)}, "
                f"output_size={self.output_size}, stride={self.stride}"
            )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.output_size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "stride": self.stride,
            "output_size": self.output_size,
        }


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class SpatialRestoration(Restoration):
    """Spatial restoration: transposed convolution, norm, activation.

    The transposed convolution yields s * ceil(H / s) rows; those beyond
    `output_size` are cropped, so odd feature sizes come back exactly (7 -> 4 ->
    8 -> 7). The paper draws its kernels only in a figure: a kernel of 2 s is
    chosen here, the smallest that overlaps evenly (no checkerboard).

    Args:
        filters: Output channels.
        stride: s, as in the reduction.
        output_size: `(H, W)` to restore.
        kernel_size: Larger than `stride`; None means 2 * stride (3 for s = 1).
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, ceil(H / s), ceil(W / s), channels)`.

    Returns:
        `(batch, H, W, filters)`.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2;
        kernel choice: Odena, Dumoulin, Olah, 2016, Distill, "Deconvolution".
    """

    def __init__(
        self,
        filters,
        stride,
        output_size,
        kernel_size=None,
        activation="relu",
        **kwargs,
    ):
        if kernel_size is None and isinstance(stride, int):
            kernel_size = 2 * stride if stride > 1 else 3
        check_overlap(stride, kernel_size)
        super().__init__(
            filters, stride, output_size, kernel_size, activation, **kwargs
        )

    def _convolution(self, **options):
        return keras.layers.Conv2DTranspose(
            self.filters, self.kernel_size, **options
        )

    def call(self, x, training=None):
        height, width = self.output_size
        x = self.conv(x)[:, :height, :width, :]
        return self.nonlinearity(self.norm(x, training=training))

    def macs(self, input_shape):
        """Multiply-accumulates for one image; see `ConvBlock.macs`."""
        taps = self.kernel_size**2 * self.filters
        return self._elements(input_shape) * taps


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class ChannelRestoration(ConvBlock):
    """Channel-wise restoration: k x k convolution c' -> C, norm, activation.

    Args:
        filters: Channels C to restore.
        kernel_size: 1 in the paper.
        activation: "relu" in the paper; None for none.

    Call arguments:
        x: `(batch, height, width, c')`.

    Returns:
        `(batch, height, width, C)`.
    """
