"""The linear form of a learned unit: feature -> coefficients, and back.

```
feature (H, W, C) ─ patches p x p ─ (h, w, d) ─ rows ─ columns ─ channels of
each frequency ─ those of most variance ─ mixing of the first ones ─ n codes
```
"""

import keras
import numpy as np
from keras import ops


class _GridTransform(keras.layers.Layer):
    """What both directions share: sizes, and the grid's matrices."""

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

    def get_config(self):
        return {
            **super().get_config(),
            "patch": self.patch,
            "channels": self.channels,
            "coefficients": self.coefficients,
            "mixed": self.mixed,
            "mixed_to": self.mixed_to,
            "shared": self.shared,
        }


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Analysis(_GridTransform):
    """The device's linear transform.

    ```
    z = conv(x, p x p, stride p) + bias
    u = rows z columns^T, over the grid, for each channel
    v[f] = u[f] channels[f], for each frequency f of the grid
    v = v[kept] - offset;  c = [v[:m] mixing, v[m:]]
    ```

    A closed form computes the weights (`training.closed_form`); as built they
    are the identity, which codes the first channels. Stays float32.

    Args:
        patch: p, side of the patches; it must divide H and W.
        channels: d, channels that a patch is projected to.
        coefficients: n, how many are coded.
        mixed: m, how many of the grid's values enter a dense matrix; 0 for
            none.
        mixed_to: k, how many of the coefficients it makes; the other n - k
            are values of the grid as they are. None means m.
        shared: Whether all frequencies share one channel matrix.

    Call arguments:
        x: Feature `(batch, H, W, C)`.

    Returns:
        `(c, z)`: coefficients float32 `(batch, n)`; patches `(batch, h, w, d)`.

    Raises:
        ValueError: from `build` if a side isn't divisible by p, or there are
            fewer than n coefficients.
    """

    def build(self, input_shape):
        self.grid = grid_shape(input_shape[1:3], self.patch)
        height, width = self.grid
        total = height * width * self.channels
        self.projection = keras.layers.Conv2D(
            self.channels,
            self.patch,
            strides=self.patch,
            dtype="float32",
            name="patches",
        )
        self.projection.build(tuple(input_shape))
        _add_grid_weights(self, total, (self.mixed, self.mixed_to))

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
    """The server's linear transform: the way back, with weights of its own.

    ```
    v[kept] = [c[:k] mixing, c[k:]] + offset, 0 elsewhere
    u[f] = v[f] channels[f];  z = rows u columns^T
    x = shuffle(conv(conv(z, 3 x 3), 1 x 1))
    ```

    The 3 x 3 convolution, to twice the channels (or p p C, if that is less),
    sees a patch's neighbours; the other makes its pixels. They are the same at
    every operating point: the coefficients' steps and the nonlinear branch
    follow t.

    Args:
        patch, channels, coefficients, mixed, mixed_to, shared: As in
            `Analysis`.
        output_shape: `(H, W, C)` of the feature.

    Call arguments:
        c: Coefficients `(batch, n)`.

    Returns:
        `(x, z)`: feature `(batch, H, W, C)`; patches `(batch, h, w, d)`.
    """

    def __init__(self, *args, output_shape, **kwargs):
        super().__init__(*args, **kwargs)
        self.restored_shape = tuple(output_shape)

    def build(self, input_shape):
        del input_shape
        height, width, depth = self.restored_shape
        self.grid = grid_shape((height, width), self.patch)
        total = self.grid[0] * self.grid[1] * self.channels
        _add_grid_weights(self, total, (self.mixed_to, self.mixed))
        # Where each value of the grid is found; the last is where nothing is.
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

    def compute_output_shape(self, c_shape):
        batch = c_shape[0]
        grid = grid_shape(self.restored_shape[:2], self.patch)
        return (batch, *self.restored_shape), (batch, *grid, self.channels)

    def get_config(self):
        return {**super().get_config(), "output_shape": self.restored_shape}


def grid_shape(size, patch):
    """Returns `(h, w)`, how many patches a feature of `size` has.

    Raises:
        ValueError: if a side isn't a multiple of `patch`.
    """
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


def _add_grid_weights(layer, total, mixing):
    kept = layer.mixed + layer.coefficients - layer.mixed_to
    if not layer.mixed_to <= layer.coefficients or not kept <= total:
        raise ValueError(
            f"A unit on a grid of {total} values must take at most those, "
            "--mixed and what isn't mixed, and make at most --coefficients by "
            f"mixing. Received: coefficients={layer.coefficients}, "
            f"mixed={layer.mixed}, mixed_to={layer.mixed_to}"
        )
    height, width = layer.grid
    for name, side in (("rows", height), ("columns", width)):
        matrix = layer.add_weight(
            shape=(side, side), initializer="identity", name=name
        )
        setattr(layer, name, matrix)
    count = 1 if layer.shared else height * width
    depth = layer.channels
    layer.frequencies = layer.add_weight(
        shape=(count, depth, depth),
        initializer=lambda shape, dtype: np.broadcast_to(
            np.eye(shape[1], dtype=dtype), shape
        ),
        name="frequencies",
    )
    layer.kept = layer.add_weight(
        shape=(kept,),
        dtype="int32",
        initializer=lambda shape, dtype: ops.arange(shape[0], dtype=dtype),
        trainable=False,
        name="kept",
    )
    layer.offset = layer.add_weight(
        shape=(kept,), initializer="zeros", name="offset"
    )
    layer.mixing = None
    if layer.mixed:
        layer.mixing = layer.add_weight(
            shape=mixing,
            initializer="identity",
            name="mixing",
        )


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
