"""The rate-distortion-optimised unit: depthwise-separable, one rate each."""

import math

import keras
from keras import ops

from bottlenet_tf.layers.depthwise import (
    DepthwiseReduction,
    DepthwiseRestoration,
)
from bottlenet_tf.layers.reduction import (
    ChannelReduction,
    build_in_turn,
    macs_in_turn,
)
from bottlenet_tf.layers.restoration import ChannelRestoration
from bottlenet_tf.layers.unit_base import MAX_INT16, Unit

_COUNTED_CODES = 256  # For the estimate of bytes; larger ones count as 255.


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class DattaUnit(Unit):
    """Depthwise-separable encoder, uniform rounding, mirrored decoder.

    ```
    feature ─ depthwise 3x3, stride S ─ 1x1, C -> C_r ─ round(x / q)    device
    q codes ─ 1x1, C_r -> C ─ depthwise transposed, stride S           server
    ```

    Every convolution is followed by batch normalisation and ReLU; there are no
    biases and no noise, and rounding passes gradients straight through. Codes
    are whole numbers from 0, int16 on the wire, the positions row by row with
    the channels innermost: code (i, j, k) of the `latent_shape` (h, w, C_r) is
    number (i w + j) C_r + k.

    The last ReLU is there only if the cut tensor is rectified, too; the paper
    always cuts after a ReLU. Coding is lossless, by static tables that are made
    after training, so a unit in training has no codec: its bytes are estimated.

    Args:
        channels: C_r, channels that are sent.
        stride: S; 1 keeps every position.
        step: q, positive.
        restored_activation: "relu", or None where the cut tensor has
            negative values.
        tables: Base64 text of the frozen `Tables`; None before.

    Raises:
        ValueError: if an argument is out of range; from `build` if H, W or C
            is unknown.

    Reference:
        Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596.
    """

    points = (0.0,)  # Another rate is another unit.

    def __init__(
        self,
        channels=8,
        stride=2,
        step=1.0,
        restored_activation="relu",
        tables=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 0 < step < math.inf:
            raise ValueError(
                "`step` must be positive and finite: codes are round(x / "
                f"step). Received: step={step!r}"
            )
        if restored_activation not in (None, "relu"):
            raise ValueError(
                '`restored_activation` must be "relu" or None. '
                f"Received: restored_activation={restored_activation!r}"
            )
        self._config = {
            "channels": channels,
            "stride": stride,
            "step": float(step),
            "restored_activation": restored_activation,
            "tables": tables,
        }
        policy = {"dtype": self.dtype_policy}
        self.mixing = ChannelReduction(channels, name="mixing", **policy)
        self._take_tables(tables)

    def build(self, input_shape):
        self._check_feature(input_shape)
        _, height, width, channels = input_shape
        c, policy = self._config, {"dtype": self.dtype_policy}
        self.reduction = DepthwiseReduction(
            channels, c["stride"], name="reduction", **policy
        )
        self.unmixing = ChannelRestoration(channels, name="unmixing", **policy)
        self.restoration = DepthwiseRestoration(
            channels,
            c["stride"],
            (height, width),
            c["restored_activation"],
            name="restoration",
            **policy,
        )
        encoder = (self.reduction, self.mixing)
        shape = build_in_turn(encoder, tuple(input_shape))
        self.latent_shape = shape[1:]
        self.code_shape = (math.prod(self.latent_shape),)
        build_in_turn((self.unmixing, self.restoration), shape)
        if self.byte_codec is not None:
            self.byte_codec.check_shape(self.code_shape)

    def _latent(self, feature, training):
        """Returns x / q, float32 `(batch, n)`."""
        x = self.reduction(feature, training=training)
        x = ops.cast(self.mixing(x, training=training), "float32")
        return ops.reshape(x, (-1, *self.code_shape)) / self._config["step"]

    def encode(self, feature, point=None, training=None):
        """Returns `{"codes": float32 (batch, n)}`, not clipped."""
        x = self._latent(feature, training)
        return {"codes": x + ops.stop_gradient(ops.round(x) - x)}

    def deployed_encode(self, feature):
        """Same as `encode`, clipped to codes that can travel."""
        x = self._latent(feature, False)
        return {"codes": ops.minimum(ops.round(x), MAX_INT16)}

    def decode(self, codes, point=None, training=None):
        x = codes["codes"] * self._config["step"]
        x = ops.reshape(x, (-1, *self.latent_shape))
        x = ops.cast(x, self.compute_dtype)
        x = self.unmixing(x, training=training)
        return self.restoration(x, training=training)

    def transmit(self, feature, point=None, training=None, use_codec=True):
        """Runs both sides; returns `(restored, bytes, rate)`.

        The bytes are the entropy of the batch's codes under one table for
        all, without the end of a stream; the rate is the l1 norm of the
        rounded latent. `point` and `use_codec` change nothing.
        """
        sent = self.encode(feature, training=training)
        # None is negative.
        rate = self._config["step"] * ops.sum(sent["codes"], axis=1)
        size = _shared_entropy(sent["codes"]) * self.code_shape[0] / 8.0
        return self.decode(sent, training=training), size, rate

    def call(self, feature, point=None, training=None, use_codec=True):
        sent = self.encode(feature, training=training)
        return self.decode(sent, training=training)

    def match_feature(self, mean, std):
        self.restoration.norm.beta.assign(mean)
        self.restoration.norm.gamma.assign(std)

    def device_macs(self, input_shape):
        return macs_in_turn((self.reduction, self.mixing), input_shape)

    def cloud_macs(self):
        decoder = (self.unmixing, self.restoration)
        return macs_in_turn(decoder, self.latent_shape)

    def get_config(self):
        return {**super().get_config(), **self._config}


def _shared_entropy(codes):
    """Returns bits per code by the frequencies of all; no gradient."""
    codes = ops.stop_gradient(ops.reshape(codes, (-1,)))
    symbols = ops.cast(ops.minimum(codes, _COUNTED_CODES - 1), "int32")
    counts = ops.bincount(symbols, minlength=_COUNTED_CODES)
    share = ops.cast(counts, "float32") / ops.cast(ops.size(codes), "float32")
    return -ops.sum(share * ops.log2(ops.maximum(share, 1e-9)))
