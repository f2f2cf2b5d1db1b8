"""Uniform quantizers: features -> 2**bits codes among 0 .. 255, and back."""

import keras
from keras import ops

from bottlenet_tf.common.registry import Registry

QUANTIZERS = Registry("quantizer")

# Ranges travel as float16. A range narrower than this would divide by zero.
MIN_SPAN = 1e-3
MAX_FLOAT16 = 65504.0
MAX_CODE = 255  # Codes travel as uint8.


class Quantizer(keras.layers.Layer):
    """Base of the uniform quantizers; stays float32 under mixed precision.

    With levels = 2**bits - 1 and x clipped to [low, high]:

    ```
    level = round((x - low) / (high - low) * levels)
    code = round(level * 255 / levels)
    x~ = low + code / 255 * (high - low)
    ```

    The levels are spread over 0..255, 255 / (2**bits - 1) apart, because a
    lossy codec's steps are made for 8 bits. Rounding to whole codes costs at
    most half a 255th of the range, and nothing where 255 / levels is whole
    (1, 2, 4 and 8 bits). Rounding passes gradients straight through (the
    paper is silent here).

    A range narrower than `MIN_SPAN` counts as that wide, above its low: a
    constant image divides by no zero. Otherwise any code decodes to a value
    within the range.

    Args:
        bits: Code width in bits per element, 1 to 8.

    Call arguments:
        x: Float tensor `(batch, h, w, c)`.

    Returns:
        `(codes, code_range)`: float32 whole numbers 0..255, shaped as `x`, and
        float32 `(batch, 2)`, low and high of each image.

    Raises:
        ValueError: if `bits` is not an integer from 1 to 8.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, equation 1, whose
        codes are the levels themselves: the same for 8 bits;
        straight-through: Bengio et al., 2013, arXiv:1308.3432.
    """

    sends_range = None  # Whether low and high travel with every image.

    def __init__(self, bits=8, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        is_integer = isinstance(bits, int) and not isinstance(bits, bool)
        if not is_integer or not 1 <= bits <= 8:
            raise ValueError(
                "`bits` must be an integer from 1 to 8, because codes travel "
                f"as uint8. Received: bits={bits!r}"
            )
        self.bits = bits
        self.levels = 2**bits - 1

    def code_range(self, x):
        """Returns float32 `(batch, 2)`: low and high for each image."""
        raise NotImplementedError(
            f"{type(self).__name__} must say which range it quantizes to."
        )

    def call(self, x):
        code_range = self.code_range(x)
        share = self._share(x, code_range)
        codes = self._codes(share)
        scaled = share * MAX_CODE
        return scaled + ops.stop_gradient(codes - scaled), code_range

    def encode(self, x):
        """Same as `call`, without a gradient, for deployment."""
        code_range = self.code_range(x)
        return self._codes(self._share(x, code_range)), code_range

    def _share(self, x, code_range):
        low, span = _low_and_span(code_range)
        return ops.clip((x - low) / span, 0.0, 1.0)

    def _codes(self, share):
        level = ops.round(share * self.levels)
        if self.levels == MAX_CODE:
            return level
        return ops.round(level * (MAX_CODE / self.levels))

    def dequantize(self, codes, code_range):
        """Returns features `(batch, h, w, c)` of `codes` and `code_range`."""
        low, span = _low_and_span(code_range)
        return codes / MAX_CODE * span + low

    def get_config(self):
        return {**super().get_config(), "bits": self.bits}


def _low_and_span(code_range):
    low = ops.reshape(code_range[:, 0], (-1, 1, 1, 1))
    high = ops.reshape(code_range[:, 1], (-1, 1, 1, 1))
    return low, ops.maximum(high - low, MIN_SPAN)


@QUANTIZERS.register("per_image")
@keras.saving.register_keras_serializable(package="bottlenet_tf")
class PerImageQuantizer(Quantizer):
    """The paper's quantizer: the range is each image's minimum and maximum.

    The range is rounded to float16, in which it travels (4 bytes per image),
    before anything is quantized with it: both sides compute with the same
    numbers. float16 has 11 significant bits, so either end moves by up to a
    2048th of itself: little is left of a narrow range far from zero: [1000.1,
    1000.3] becomes [1000, 1000.5]. No gradient flows through the range. See
    `Quantizer`.
    """

    sends_range = True

    def code_range(self, x):
        x = ops.stop_gradient(ops.cast(x, "float32"))
        bounds = ops.stack(
            [ops.min(x, axis=(1, 2, 3)), ops.max(x, axis=(1, 2, 3))], axis=-1
        )
        bounds = ops.clip(bounds, -MAX_FLOAT16, MAX_FLOAT16)
        return ops.cast(ops.cast(bounds, "float16"), "float32")


@QUANTIZERS.register("learned")
@keras.saving.register_keras_serializable(package="bottlenet_tf")
class LearnedRangeQuantizer(Quantizer):
    """A fixed range, learned in training, that costs no side information.

    `low` and `high` are two trainable scalars. A clipped element passes its
    gradient to the end that clipped it; an inner one moves both by its
    rounding error, of either sign. Should they cross in training, the smaller
    one is the low end. See `Quantizer`.

    Args:
        bits: Code width in bits per element, 1 to 8.
        initial_low: First value of `low`, in feature units.
        initial_high: First value of `high`; must exceed `initial_low`.

    Reference:
        Learned step size: Esser et al., 2020, arXiv:1902.08153. Deviation
        from BottleNet, whose range is per image.
    """

    sends_range = False

    def __init__(self, bits=8, initial_low=0.0, initial_high=4.0, **kwargs):
        super().__init__(bits, **kwargs)
        if not initial_low < initial_high:
            raise ValueError(
                "`initial_low` must be smaller than `initial_high`. Received: "
                f"initial_low={initial_low}, initial_high={initial_high}"
            )
        self.initial_low = initial_low
        self.initial_high = initial_high

    def build(self, input_shape):
        self.low = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_low),
            name="low",
        )
        self.high = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_high),
            name="high",
        )

    def code_range(self, x):
        ends = (1.0 * self.low, 1.0 * self.high)
        bounds = ops.stack([ops.minimum(*ends), ops.maximum(*ends)])
        return ops.broadcast_to(bounds, (ops.shape(x)[0], 2))

    def get_config(self):
        return {
            **super().get_config(),
            "initial_low": self.initial_low,
            "initial_high": self.initial_high,
        }
