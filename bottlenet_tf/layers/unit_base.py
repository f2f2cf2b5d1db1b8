"""The interface of every unit, between a network's two halves."""

import keras
from keras import ops

from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.layers.codec_layer import codec_layer

MAX_INT16 = 2**15 - 1  # The largest code of either sign that travels as int16.


class Unit(keras.layers.Layer):
    """Base of the units: turns a feature into few bytes and back.

    A unit is three functions and a number.

    ```
    encode: feature, operating point -> integer codes        on the device
    codec:  codes <-> bytes                                  on both sides
    decode: codes, operating point -> feature                in the cloud
    ```

    The number, the *operating point*, moves along the rate-accuracy curve:
    quality for JPEG, nothing for PNG, t in -1 .. 1 for learned units. A unit
    has a finite, ordered tuple of `points`; payloads and files name one by its
    index. Encode and decode take the value itself, float32 `(batch,)`, and
    only if `takes_point`: a point may move the codec alone.

    The point is only a factor before the rounding, so that one run of the
    device's network serves every point:

    codes = clip(round(coefficients(feature) * gain))

    A subclass is a registered Keras layer with complete `get_config`. It
    makes its weights, `code_shape` and its codec's layer in `build`. Codes are
    dictionaries: `"codes"`, float32 whole numbers `(batch, *code_shape)`, and
    `"range"`, float32 `(batch, 2)`, where it travels with each image.

    Attributes:
        code_shape: `(h, w, c)` or `(n,)` of one image's codes, once built.
        sends_range: Whether a range travels with each image.
        takes_point: Whether encode and decode depend on the point.
        default_point: Index of the point to use where none is asked for.
        code_step: Distance between neighbouring codes.
        signed: Whether codes may be negative.
        byte_codec: The codec's byte form, `bottlenet_tf.codec.Codec`.
        codec: Its graph form, a `CodecLayer`.

    Call arguments:
        feature: `(batch, H, W, C)`.
        point: float32 `(batch,)`, None unless `takes_point`.
        use_codec: Python bool; False skips the codec.

    Returns:
        Restored feature `(batch, H, W, C)`.
    """

    sends_range = False
    takes_point = False
    default_point = 0
    code_step = 1.0
    signed = False

    @property
    def points(self):
        """Values of the operating points, in order; see `Codec.points`."""
        return self.byte_codec.points

    def _take_tables(self, tables):
        """Makes the codec of frozen tables; in training there is none."""
        self.byte_codec = self.codec = None
        if tables is not None:
            self.byte_codec = EntropyCodec(tables, self.points)
            self.codec = codec_layer(self.byte_codec)

    def _check_feature(self, shape):
        if None in shape[1:]:
            raise ValueError(
                "The feature must have a fixed size (H, W, C), because codes "
                f"depend on it. Received: input_shape={tuple(shape)}"
            )

    def encode(self, feature, point=None, training=None):
        """Device side: feature `(batch, H, W, C)` -> codes, a dictionary."""
        raise NotImplementedError(
            f"{type(self).__name__} must say how it encodes a feature."
        )

    def decode(self, codes, point=None, training=None):
        """Cloud side: codes from the codec -> feature."""
        raise NotImplementedError(
            f"{type(self).__name__} must say how it decodes its codes."
        )

    def coefficients(self, feature):
        """Returns values to scale by `gains`, float32 `(batch, *code_shape)`.

        Only if `takes_point`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} takes the point, so it must say which "
            "values gains scale."
        )

    def gains(self):
        """Returns the gains at all points; only if `takes_point`.

        NumPy float32 `(points, *code_shape)`, positive.
        """
        raise NotImplementedError(
            f"{type(self).__name__} takes the point, so it must say how that "
            "scales coefficients."
        )

    def deployed_encode(self, feature):
        """Returns the outputs of the device's network, a dictionary.

        `encode` by the fewest operations, for the exported graph: without a
        gradient. `"coefficients"` take the place of `"codes"` if the unit takes
        the point.
        """
        if self.takes_point:
            return {"coefficients": self.coefficients(feature)}
        return self.encode(feature, training=False)

    def codes_at_points(self, feature):
        """Returns the codes that are sent at each operating point, a list."""
        return [self.deployed_encode(feature)["codes"]] * len(self.points)

    def transmit(self, feature, point=None, training=None, use_codec=True):
        """Runs both sides; returns `(restored, image_data_bytes, rate)`.

        The codec's mean bytes for an image, float32 scalar (0 without it), and
        a differentiable stand-in for bits, `(batch,)`.
        """
        sent = self.encode(feature, point, training=training)
        rate = self.codec.rate(sent["codes"])
        size = ops.zeros(())
        if use_codec:
            decoded, size = self.codec(sent["codes"])
            sent = {**sent, "codes": decoded}
        return self.decode(sent, point, training=training), size, rate

    def match_feature(self, mean, std):
        """Lets restored features begin with the cut tensor's statistics.

        For units that would begin far from them; the base does nothing.

        Args:
            mean: Mean of the cut tensor's channels, `(C,)`.
            std: Their standard deviation, `(C,)`.
        """

    def call(self, feature, point=None, training=None, use_codec=True):
        codes = self.encode(feature, point, training=training)
        if use_codec:
            codes = {**codes, "codes": self.codec(codes["codes"])[0]}
        return self.decode(codes, point, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def macs(self, input_shape):
        """Multiply-accumulates of both sides for a feature `(..., H, W, C)`."""
        return self.device_macs(input_shape) + self.cloud_macs()

    def device_macs(self, input_shape):
        """Multiply-accumulates of `encode` for one image; see `macs`."""
        raise NotImplementedError(
            f"{type(self).__name__} must count what the device computes."
        )

    def cloud_macs(self):
        """Multiply-accumulates of `decode` for one image."""
        raise NotImplementedError(
            f"{type(self).__name__} must count what the cloud computes."
        )
