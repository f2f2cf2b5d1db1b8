"""The nonlinear branches of a learned unit, which begin as zero."""

import math

import keras
from keras import ops

from bottlenet_tf.layers.learned.modulation import Modulation
from bottlenet_tf.layers.learned.transform import depth_to_space


def _conv(filters, kernel=3, strides=1, zero=False, name=None):
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        kernel_initializer="zeros" if zero else "he_normal",
        name=name,
    )


def _check_patch(patch):
    if patch < 1 or patch & (patch - 1):
        raise ValueError(
            "--patch must be a power of 2 where the unit has a nonlinear "
            "branch, whose layers double or halve sizes. "
            f"Received: patch={patch}"
        )


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class ResidualBlock(keras.layers.Layer):
    """x + conv(relu(modulation(conv(x)))), 3 x 3, of `(batch, h, w, c)`."""

    def build(self, x_shape, embedded_shape):
        channels = x_shape[-1]
        self.first = _conv(channels, name="first")
        self.modulation = Modulation(name="modulation")
        self.second = _conv(channels, zero=True, name="second")
        self.first.build(x_shape)
        self.modulation.build(x_shape, embedded_shape)
        self.second.build(x_shape)

    def call(self, x, embedded):
        inner = self.modulation(self.first(x), embedded)
        return x + self.second(ops.relu(inner))

    def macs(self, shape):
        height, width, channels = shape
        return 2 * 9 * height * width * channels**2


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Restorer(keras.layers.Layer):
    """The server's nonlinear branch: restores what the linear synthesis can't.

    ```
    z -> 3x3 to D -> residual blocks -> [1x1, shuffle 2, residual blocks] ...
      -> 3x3, shuffle 2 -> (H, W, C)
    ```

    One doubling for each factor 2 of the patch, each with half the channels.
    The last convolution starts at zero.

    Args:
        patch: A power of 2.
        channels: C of the feature.
        width: D.
        blocks: Residual blocks at each size.

    Call arguments:
        z: Patches `(batch, h, w, d)`, of deviation near 1.
        embedded: `PointEmbedding`'s output.
    """

    def __init__(self, patch, channels, width=64, blocks=1, **kwargs):
        super().__init__(**kwargs)
        _check_patch(patch)
        self.patch = patch
        self.channels = channels
        self.width = width
        self.blocks = blocks

    def build(self, z_shape, embedded_shape):
        _, height, width, _ = z_shape
        doublings = int(math.log2(self.patch))
        depth = self.width
        self.steps, self.shapes = [], []
        shape = (None, height, width, z_shape[-1])

        def add(layer, *others):
            layer.build(shape, *others)
            self.steps.append(layer)

        add(_conv(depth, name="open"))
        shape = (None, height, width, depth)
        for level in range(max(doublings, 1)):
            if level:
                add(_conv(4 * (depth // 2), 1, name=f"wider_{level}"))
                depth, height, width = depth // 2, 2 * height, 2 * width
                shape = (None, height, width, depth)
            for block in range(self.blocks):
                name = f"block_{level}_{block}"
                add(ResidualBlock(name=name), embedded_shape)
        last = self.channels * (4 if doublings else 1)
        add(_conv(last, zero=True, name="close"))

    def call(self, z, embedded):
        x = self.steps[0](z)
        for layer in self.steps[1:-1]:
            if isinstance(layer, ResidualBlock):
                x = layer(x, embedded)
            else:
                x = ops.relu(depth_to_space(layer(x), 2))
        x = self.steps[-1](ops.relu(x))
        return depth_to_space(x, 2) if self.patch > 1 else x

    def macs(self, shape):
        """Multiply-accumulates for one image of patches `(h, w, d)`."""
        height, width, depth = shape
        total = 0
        for layer in self.steps:
            if isinstance(layer, ResidualBlock):
                total += layer.macs((height, width, depth))
                continue
            taps = layer.kernel_size[0] ** 2 * depth
            total += height * width * taps * layer.filters
            depth = layer.filters
            if layer.name.startswith("wider"):
                height, width, depth = 2 * height, 2 * width, depth // 4
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "patch": self.patch,
            "channels": self.channels,
            "width": self.width,
            "blocks": self.blocks,
        }


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Encoder(keras.layers.Layer):
    """The device's optional nonlinear branch, added to the patches.

    3x3 stride 2 convolutions, one for each factor 2 of the patch (one without
    a stride for patches of 1), then 1x1 that starts at zero.

    Args:
        patch: A power of 2.
        channels: d of the patches.
        widths: Filters of the first and of all further convolutions.

    Call arguments:
        x: Feature `(batch, H, W, C)`, of deviation near 1.
    """

    def __init__(self, patch, channels, widths=(48, 64), **kwargs):
        super().__init__(**kwargs)
        _check_patch(patch)
        self.patch = patch
        self.channels = channels
        self.widths = tuple(widths)

    def build(self, input_shape):
        doublings = int(math.log2(self.patch))
        strides = [2] * doublings or [1]
        self.steps, shape = [], tuple(input_shape)
        for i, stride in enumerate(strides):
            layer = _conv(self.widths[min(i, 1)], 3, stride, name=f"conv_{i}")
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            self.steps.append(layer)
        self.last = _conv(self.channels, 1, zero=True, name="last")
        self.last.build(shape)

    def call(self, x):
        for layer in self.steps:
            x = ops.relu(layer(x))
        return self.last(x)

    def macs(self, shape):
        """Multiply-accumulates for one feature `(H, W, C)`."""
        shape, total = (None, *shape), 0
        for layer in [*self.steps, self.last]:
            out = layer.compute_output_shape(shape)
            taps = layer.kernel_size[0] ** 2 * shape[-1]
            total += out[1] * out[2] * out[3] * taps
            shape = out
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "patch": self.patch,
            "channels": self.channels,
            "widths": self.widths,
        }
