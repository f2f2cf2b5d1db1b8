"""The learned prior: a differentiable estimate of a code's bits."""

import keras
import numpy as np
from keras import ops

# A code that the prior rules out costs 24 bits in training, about as much as an
# escape on the wire.
MIN_PROBABILITY = 2.0**-24
WEIGHTS = (
    "locations", "log_scales", "log_scale_slopes", "logits", "logit_slopes",
)  # fmt: skip


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class LogisticMixture(keras.layers.Layer):
    """A mixture of logistics for each coefficient and operating point t.

    ```
    P(y) = sum over k of w_k (F(r_k + d_k) - F(r_k - d_k))
    r_k = (y - g m_k) / (g s_k),  d_k = 1 / (2 g s_k)
    F(x) = 1 / (1 + exp(-x)),  s_k = exp(a_k + b_k t),  w = softmax(u + v t)
    ```

    g is the gain that multiplied the coefficient, so that location m and scale
    s are those of the coefficient itself and hardly change with t. Used in
    training; payloads are coded by tables (`training.freezing`). Stays float32.

    Args:
        coefficients: n.
        components: Logistics in each mixture.

    Call arguments:
        y: Codes before rounding, with noise, `(batch, n)`.
        gain: g `(batch, n)`.
        point: t `(batch,)`.

    Returns:
        Bits of each image, float32 `(batch,)`.

    Reference:
        Discretised mixture of logistics: Salimans et al., 2017,
        arXiv:1701.05517; uniform noise for rounding: Balle, Laparra,
        Simoncelli, 2017, arXiv:1611.01704.
    """

    def __init__(self, coefficients, components=2, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.coefficients = coefficients
        self.components = components

    def build(self, input_shape=None):
        def initial(shape, dtype):
            return np.broadcast_to(self._spread.astype(dtype), shape)

        for name in WEIGHTS:
            weight = self.add_weight(
                shape=(self.components, self.coefficients),
                initializer=initial if name == "log_scales" else "zeros",
                name=name,
            )
            setattr(self, name, weight)

    @property
    def _spread(self):
        # One narrow, one wide: equal ones would learn in step.
        return np.linspace(-0.5, 0.5, self.components)[:, None]

    def start_from(self, deviations):
        """Reinitializes with the coefficients' standard deviations `(n,)`."""
        for name in WEIGHTS:
            weight = getattr(self, name)
            weight.assign(np.zeros(weight.shape, np.float32))
        # A logistic of scale s has the deviation s pi / sqrt(3).
        log_scale = np.log(np.maximum(deviations, 1e-9) * np.sqrt(3) / np.pi)
        self.log_scales.assign((self._spread + log_scale).astype(np.float32))

    def probabilities(self, y, gain, point):
        """Returns P of each code, float32 `(batch, n)`."""
        t = ops.reshape(point, (-1, 1, 1))
        gain = gain[:, None, :]
        steepness = ops.exp(-self.log_scales - t * self.log_scale_slopes) / gain
        weights = ops.softmax(self.logits + t * self.logit_slopes, axis=1)
        centred = y[:, None, :] - gain * self.locations
        # Symmetric: in the left tail the difference keeps its digits.
        centred = -ops.abs(centred)
        upper = ops.sigmoid((centred + 0.5) * steepness)
        lower = ops.sigmoid((centred - 0.5) * steepness)
        return ops.sum(weights * (upper - lower), axis=1)

    def call(self, y, gain, point):
        likely = self.probabilities(y, gain, point)
        bits = -ops.log2(ops.maximum(likely, MIN_PROBABILITY))
        return ops.sum(bits, axis=1)

    def get_config(self):
        return {
            **super().get_config(),
            "coefficients": self.coefficients,
            "components": self.components,
        }
