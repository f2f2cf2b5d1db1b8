"""The linear form of a learned unit: feature -> coefficients, and back.

```
feature (H, W, C) ─ patches p x p ─ (h, w, d) ─ rows ─ columns ─ channels of
each frequency ─ those of most variance ─ mixing of the first ones ─ n codes
```
"""

import keras
import numpy as np
from keras import ops

# Arguments of both directions.
SIZES = ("patch", "channels", "coefficients", "mixed", "mixed_to", "shared")


class _GridTransform(keras.layers.Layer):
    """Base of both directions: sizes, and the grid's matrices."""

    def __init__(
        self,
        patch,
        channels,
        coefficients,
        mixed=0,
        mixed_to=None,
        shared=False,
        **kwargs,
    ):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.patch = patch
        self.channels = channels
        self.coefficients = coefficients
        self.mixed = mixed
        self.mixed_to = mixed if mixed_to is None else mixed_to
        self.shared = shared

    def grid_macs(self, height, width):
        """Multiply-accumulates without patches, of a grid of this size."""
        patches = height * width * self.channels
        mixing = self.mixed * self.mixed_to
        return patches * (height + width + self.channels) + mixing

    def _add_grid_weights(self, size, mixing_shape):
        """Adds weights for a feature of `size`; returns the grid's values."""
        self.grid = grid_shape(size, self.patch)
        height, width = self.grid
        total, depth = height * width * self.channels, self.channels
        kept = self.mixed + self.coefficients - self.mixed_to
        if self.mixed_to > self.coefficients or kept > total:
            raise ValueError(
                f"A unit on a grid of {total} values must take at most those, "
                "--mixed and the unmixed ones, and make at most --coefficients "
                f"by mixing. Received: coefficients={self.coefficients}, "
                f"mixed={self.mixed}, mixed_to={self.mixed_to}"
            )
        self.rows = self.add_weight(
            shape=(height, height), initializer="identity", name="rows"
        )
        self.columns = self.add_weight(
            shape=(width, width), initializer="identity", name="columns"
        )
        count = 1 if self.shared else height * width
        self.frequencies = self.add_weight(
            shape=(count, depth, depth),
            initializer=lambda shape, dtype: np.broadcast_to(
                np.eye(shape[1], dtype=dtype), shape
            ),
            name="frequencies",
        )
        self.kept = self.add_weight(
            shape=(kept,),
            dtype="int32",
            initializer=lambda shape, dtype: ops.arange(shape[0], dtype=dtype),
            trainable=False,
            name="kept",
        )
        self.offset = self.add_weight(
            shape=(kept,), initializer="zeros", name="offset"
        )
        self.mixing = None
        if self.mixed:
            self.mixing = self.add_weight(
                shape=mixing_shape, initializer="identity", name="mixing"
            )
        return total

    def get_config(self):
        sizes = {name: getattr(self, name) for name in SIZES}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Analysis(_GridTransform):
    """The device's linear transform.

    ```
    z = conv(x, p x p, stride p) + bias
    u = rows z columns^T, over the grid, for each channel
    v[f] = u[f] channels[f], for each frequency f of the grid
    v = v[kept] - offset;  c = [v[:m] mixing, v[m:]]
    ```

    `training.closed_form` computes the weights; as built they are the identity.
    Stays float32.

    Args:
        patch: p, side of the patches; it must divide H and W.
        channels: d, channels that a patch is projected to.
        coefficients: n, the number of coded coefficients.
        mixed: m, the number of the grid's values that enter a dense matrix; 0
            for none.
        mixed_to: k, the number of coefficients that it makes; the other n - k
            are values of the grid. None means m.
        shared: Whether all frequencies share one channel matrix.

    Returns:
        `(c, z)` of a feature `(batch, H, W, C)`: coefficients float32
        `(batch, n)`; patches `(batch, h, w, d)`.

    Raises:
        ValueError: from `build` if p or n doesn't fit the feature.
    """

    def build(self, input_shape):
        self._add_grid_weights(input_shape[1:3], (self.mixed, self.mixed_to))
        self.projection = keras.layers.Conv2D(
            self.channels,
            self.patch,
            strides=self.patch,
            dtype="float32",
            name="patches",
        )
        self.projection.build(tuple(input_shape))

    def patches(self, x):
        """Returns z `(batch, h, w, d)` of the feature `x`."""
        return self.projection(ops.cast(x, "float32"))

    def transform(self, z):
        """Returns coefficients `(batch, n)` of patches `(batch, h, w, d)`."""
        height, width = self.grid
        z = _along_rows(self.rows, z)
        z = ops.matmul(self.columns, z)
        z = ops.reshape(z, (-1, height * width, self.channels))
        z = _each_frequency(z, self.frequencies)
        z = ops.reshape(z, (-1, height * width * self.channels))
        v = ops.take(z, self.kept, axis=1) - self.offset
        return _mix(v, self.mixing)

    def call(self, x):
        z = self.patches(x)
        return self.transform(z), z

    def macs(self, input_shape):
        """Multiply-accumulates for one image."""
        height, width = grid_shape(input_shape[-3:-1], self.patch)
        patches = height * width * self.channels
        taps = self.patch**2 * input_shape[-1]
        return patches * taps + self.grid_macs(height, width)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Synthesis(_GridTransform):
    """The server's linear transform: the way back, with its own weights.

    ```
    v[kept] = [c[:k] mixing, c[k:]] + offset, 0 elsewhere
    u[f] = v[f] channels[f];  z = rows u columns^T
    x = shuffle(conv(conv(z, 3 x 3), 1 x 1))
    ```

    The 3 x 3 convolution, to twice the channels (or p p C, if that is less),
    sees a patch's neighbours; the other makes its pixels. Neither follows t.

    It takes `Analysis`' arguments and `output_shape`, `(H, W, C)` of the
    feature. It turns coefficients `(batch, n)` into `(x, z)`: the feature and
    patches `(batch, h, w, d)`.
    """

    def __init__(self, *args, output_shape, **kwargs):
        super().__init__(*args, **kwargs)
        self.restored_shape = tuple(output_shape)

    def build(self, input_shape):
        del input_shape
        *size, depth = self.restored_shape
        total = self._add_grid_weights(size, (self.mixed_to, self.mixed))
        # Where each value of the grid is found; the last is a zero.
        self.places = self.add_weight(
            shape=(total,),
            dtype="int32",
            initializer=lambda shape, dtype: ops.minimum(
                ops.arange(shape[0], dtype=dtype), self.kept.shape[0]
            ),
            trainable=False,
            name="places",
        )
        pixels = self.patch**2 * depth
        self.neighbours = keras.layers.Conv2D(
            min(2 * self.channels, pixels),
            3,
            padding="same",
            use_bias=False,
            dtype="float32",
            name="neighbours",
        )
        self.pixels = keras.layers.Conv2D(
            pixels, 1, dtype="float32", name="pixels"
        )
        self.neighbours.build((None, *self.grid, self.channels))
        self.pixels.build((None, *self.grid, self.neighbours.filters))

    @property
    def grid_variables(self):
        """Weights of the transform alone, without the convolutions."""
        layers = (self.neighbours, self.pixels)
        own = {id(v) for layer in layers for v in layer.trainable_variables}
        return [v for v in self.trainable_variables if id(v) not in own]

    def patches(self, c):
        """Returns z `(batch, h, w, d)` of coefficients `(batch, n)`."""
        height, width = self.grid
        v = _mix(c, self.mixing) + self.offset
        v = ops.pad(v, ((0, 0), (0, 1)))
        v = ops.take(v, self.places, axis=1)
        v = ops.reshape(v, (-1, height * width, self.channels))
        v = _each_frequency(v, self.frequencies)
        v = ops.reshape(v, (-1, height, width, self.channels))
        return ops.matmul(self.columns, _along_rows(self.rows, v))

    def feature(self, z):
        """Returns the feature `(batch, H, W, C)` of patches."""
        pixels = self.pixels(self.neighbours(z))
        return depth_to_space(pixels, self.patch)

    def call(self, c):
        z = self.patches(c)
        return self.feature(z), z

    def macs(self):
        """Multiply-accumulates for one image."""
        height, width = self.grid
        between, pixels = self.neighbours.filters, self.pixels.filters
        convolutions = between * (9 * self.channels + pixels)
        return self.grid_macs(height, width) + height * width * convolutions

    def get_config(self):
        return {**super().get_config(), "output_shape": self.restored_shape}


def grid_shape(size, patch):
    """Returns `(h, w)`, the numbers of patches in a feature of `size`."""
    if any(side % patch for side in size):
        raise ValueError(
            "--patch must divide both sides of the feature, which is cut into "
            f"patches. Received: patch={patch}, feature size={tuple(size)}"
        )
    return tuple(side // patch for side in size)


def depth_to_space(x, block):
    """Returns `(batch, h b, w b, c)` of `(batch, h, w, b b c)`."""
    if block == 1:
        return x
    _, height, width, depth = x.shape
    channels = depth // block**2
    x = ops.reshape(x, (-1, height, width, block, block * channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4))
    return ops.reshape(x, (-1, height * block, width * block, channels))


def _along_rows(matrix, z):
    """Returns `matrix` times z `(batch, h, w, d)` along its height."""
    _, height, width, depth = z.shape
    z = ops.reshape(z, (-1, height, width * depth))
    z = ops.matmul(matrix, z)
    return ops.reshape(z, (-1, height, width, depth))


def _each_frequency(z, matrices):
    """Returns z `(batch, f, d)` times `matrices` `(f or 1, d, d)`."""
    if matrices.shape[0] == 1:
        return ops.matmul(z, matrices[0])
    # One product for each frequency, of the whole batch.
    z = ops.matmul(ops.transpose(z, (1, 0, 2)), matrices)
    return ops.transpose(z, (1, 0, 2))


def _mix(values, matrix):
    """Returns `values` `(batch, n)`, the first ones times `matrix`."""
    if matrix is None:
        return values
    mixed = matrix.shape[0]
    first = ops.matmul(values[:, :mixed], matrix)
    if mixed == values.shape[1]:
        return first
    return ops.concatenate([first, values[:, mixed:]], axis=1)
