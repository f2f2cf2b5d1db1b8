"""The learned unit: one small unit for every rate, on a frozen network."""

import keras
import numpy as np
from keras import ops

from bottlenet_tf.layers.learned.branches import Encoder, Restorer
from bottlenet_tf.layers.learned.modulation import PointEmbedding
from bottlenet_tf.layers.learned.prior import LogisticMixture
from bottlenet_tf.layers.learned.transform import SIZES, Analysis, Synthesis
from bottlenet_tf.layers.unit_base import MAX_INT16, Unit

ENCODERS = ("linear", "residual")


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class LearnedUnit(Unit):
    """Transform, gain and rounding on the device; synthesis on the server.

    ```
    feature ─ analysis ─ c ─ c exp(g + g' t) ─ round ─ codes      device
    codes ─ codes exp(s + s' t) ─ synthesis ─ x                   server
            restored = x + restorer(z, t)
    ```

    The restored feature may be negative where the cut tensor, after a ReLU, is
    not: rectified errors would no longer be zero on average, which costs a
    frozen tail more than their size.

    The operating point t runs from -1 (most bytes) to 1 (fewest). Training
    draws the weight of a bit log-uniformly for each image,
    log(weight) = linear in t between the two `rate_weights`, so that one unit
    learns all rates. Rounding passes gradients straight through; the prior
    sees uniform noise in its place. There is no context and no hyperprior:
    the tables that the unit freezes into are static, and no float decides
    what a byte means.

    Args:
        patch, channels, coefficients, mixed, mixed_to, shared: See `Analysis`.
        encoder: "linear", or "residual" for an additional nonlinear branch.
        width: Channels of the server's nonlinear branch; 0 for none.
        blocks: Residual blocks of that branch at each size.
        components: Logistics in the prior of each coefficient.
        num_points: P, operating points that the frozen unit offers.
        rate_weights: Weight of a bit in the loss at t = -1 and t = 1.
        tables: Base64 text of the frozen `Tables`; None before.
        default_point: Index of the point to use where none is asked for.

    Reference:
        Frozen network and small units: Datta, Ahuja, Somayazulu, Tickoo, 2022,
        arXiv:2208.11596; one unit for all rates: Hossain et al., 2023.
    """

    takes_point = True
    signed = True

    def __init__(
        self,
        patch=4,
        channels=24,
        coefficients=512,
        mixed=1024,
        mixed_to=512,
        shared=False,
        encoder="linear",
        width=64,
        blocks=1,
        components=2,
        num_points=16,
        rate_weights=(3e-5, 2.5e-3),
        tables=None,
        default_point=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "patch": patch,
            "channels": channels,
            "coefficients": coefficients,
            "mixed": mixed,
            "mixed_to": mixed_to,
            "shared": shared,
            "encoder": encoder,
            "width": width,
            "blocks": blocks,
            "components": components,
            "num_points": num_points,
            "rate_weights": list(rate_weights),
            "tables": tables,
            "default_point": default_point,
        }
        self.default_point = default_point
        self._take_tables(tables)
        if encoder not in ENCODERS:
            raise ValueError(
                f"`encoder` must be one of {', '.join(ENCODERS)}. "
                f"Received: encoder={encoder!r}"
            )

    @property
    def points(self):
        """The operating points t of the frozen unit, finest first."""
        return tuple(
            float(t) for t in np.linspace(-1, 1, self._config["num_points"])
        )

    def build(self, input_shape):
        self._check_feature(input_shape)
        c = self._config
        shape = tuple(input_shape)
        count = c["coefficients"]
        self.code_shape = (count,)
        if self.byte_codec is not None:
            self.byte_codec.check_shape(self.code_shape)
        common = {name: c[name] for name in SIZES}
        self.analysis = Analysis(**common, name="analysis")
        self.analysis.build(shape)
        self.synthesis = Synthesis(
            **common, output_shape=shape[1:], name="synthesis"
        )
        self.synthesis.build((None, count))
        self.prior = LogisticMixture(count, c["components"], name="prior")
        self.prior.build((None, count))
        for name in ("log_gain", "gain_slope", "log_step", "step_slope"):
            self._add_vector(name, count)
        # Statistics of feature and patches, for the nonlinear branches.
        fixed = {"trainable": False}
        self._add_vector("feature_mean", shape[-1], **fixed)
        self._add_vector("feature_deviation", shape[-1], "ones", **fixed)
        self._add_vector("patch_deviation", c["channels"], "ones", **fixed)
        grid = (*self.analysis.grid, c["channels"])
        self.encoder = self.embedding = self.restorer = None
        if c["encoder"] == "residual":
            self.encoder = Encoder(c["patch"], c["channels"], name="encoder")
            self.encoder.build(shape)
        if c["width"]:
            self.embedding = PointEmbedding(name="embedding")
            self.embedding.build((None,))
            self.restorer = Restorer(
                c["patch"], shape[-1], c["width"], c["blocks"], name="restorer"
            )
            self.restorer.build((None, *grid), (None, self.embedding.width))

    def _add_vector(self, name, size, initializer="zeros", trainable=True):
        weight = self.add_weight(
            shape=(size,),
            dtype="float32",
            initializer=initializer,
            trainable=trainable,
            name=name,
        )
        setattr(self, name, weight)

    def rate_weight(self, point):
        """Returns the weight of a bit at t `(batch,)`."""
        low, high = np.log(self._config["rate_weights"])
        return ops.exp((low + high) / 2 + point * (high - low) / 2)

    def coefficients(self, x):
        """Returns the analysis' coefficients `(batch, n)`, not yet scaled."""
        return self.analysis.transform(self.patches(x))

    def patches(self, x):
        """Returns the patches `(batch, h, w, d)` to transform."""
        z = self.analysis.patches(x)
        if self.encoder is not None:
            normal = (x - self.feature_mean) / self.feature_deviation
            z = z + self.patch_deviation * ops.cast(
                self.encoder(normal), "float32"
            )
        return z

    def gain(self, point):
        """Returns the factors of the coefficients, `(batch, n)`."""
        t = ops.reshape(point, (-1, 1))
        return ops.exp(self.log_gain + t * self.gain_slope)

    def gains(self):
        """Returns `gain` at all points, NumPy float32 `(points, n)`."""
        points = ops.convert_to_tensor(self.points, "float32")
        return ops.convert_to_numpy(self.gain(points))

    def encode(self, x, point, training=None):
        del training
        y = self.coefficients(x) * self.gain(point)
        return {"codes": y + ops.stop_gradient(ops.round(y) - y)}

    def codes_at_points(self, x):
        c = self.coefficients(x)
        codes = [
            ops.round(c * self.gain(ops.full((1,), t))) for t in self.points
        ]
        return [ops.clip(each, -MAX_INT16, MAX_INT16) for each in codes]

    def decode(self, codes, point, training=None):
        del training
        t = ops.reshape(point, (-1, 1))
        c = codes["codes"] * ops.exp(self.log_step + t * self.step_slope)
        return self.restore(self.synthesis.patches(c), point)

    def restore(self, z, point):
        """Returns the feature of patches `(batch, h, w, d)` and t."""
        x = self.synthesis.feature(z)
        if self.restorer is not None:
            normal = ops.cast(z / self.patch_deviation, self.compute_dtype)
            added = self.restorer(normal, self.embedding(point))
            x = x + self.feature_deviation * ops.cast(added, "float32")
        return ops.cast(x, self.compute_dtype)

    def transmit(self, x, point, training=None, use_codec=True, noise=None):
        """Runs both sides; returns `(restored, bytes, bits)`.

        The bytes are the mean of the prior's bits, which a codec's bytes exceed
        by a few tenths of a byte. The prior sees `noise`, uniform in -1/2 ...
        1/2 `(batch, n)`, in place of rounding, or without it the rounded codes.
        `training` and `use_codec` change nothing.
        """
        del training, use_codec
        gain = self.gain(point)
        y = self.coefficients(x) * gain
        rounded = y + ops.stop_gradient(ops.round(y) - y)
        seen = rounded if noise is None else y + noise
        bits = self.prior(seen, gain, point)
        restored = self.decode({"codes": rounded}, point)
        return restored, ops.mean(bits) / 8.0, bits

    def call(self, x, point, training=None, use_codec=True):
        return self.decode(self.encode(x, point), point)

    def compute_output_shape(self, x_shape, point_shape=None):
        return x_shape

    def device_macs(self, input_shape):
        total = self.analysis.macs(input_shape)
        if self.encoder is not None:
            total += self.encoder.macs(tuple(input_shape[-3:]))
        return total

    def cloud_macs(self):
        total = self.synthesis.macs()
        if self.restorer is not None:
            grid = (*self.synthesis.grid, self._config["channels"])
            total += self.restorer.macs(grid)
        return total

    def get_config(self):
        return {**super().get_config(), **self._config}
