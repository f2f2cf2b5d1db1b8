"""The bottleneck unit: reduction, quantizer, codec, restoration."""

import keras
from keras import ops

from bottlenet_tf.codec import create_codec
from bottlenet_tf.layers.codec_layer import codec_layer
from bottlenet_tf.layers.quantizer import MAX_CODE, QUANTIZERS
from bottlenet_tf.layers.reduction import (
    ChannelReduction,
    SpatialReduction,
    build_in_turn,
    check_positive,
    macs_in_turn,
)
from bottlenet_tf.layers.restoration import (
    ChannelRestoration,
    SpatialRestoration,
)
from bottlenet_tf.layers.unit_base import Unit

ORDERS = ("channels_first", "spatial_first")


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class BottleneckUnit(Unit):
    """The paper's unit: compresses a feature tensor to bytes and restores it.

    ```
    (H, W, C) -> reduction -> (H/s, W/s, c') -> quantizer -> codes, range
              -> codec (tiling, JPEG) -> codes -> dequantize -> restoration
    ```

    `channels_first` (the default) is by far the cheaper order on the device;
    `spatial_first` keeps all C channels (or `hidden_channels`) up to the last
    convolution. Restoration mirrors reduction.

    Its operating points are the codec's, JPEG's qualities; neither reduction
    nor restoration depends on them. With several it trains at the first. See
    `Unit`.

    Args:
        channels: c', channels that are coded.
        stride: s of the spatial reduction; 1 leaves it out.
        order: "channels_first" or "spatial_first".
        hidden_channels: Width between the two reductions; None means c'
            (channels first) or C (spatial first).
        restoration_channels: Width of a larger restoration for the cloud,
            which then ends in one more convolution; None mirrors the device.
        channel_kernel: Kernel of the channel-wise convolutions; 1 in the
            paper.
        spatial_kernel: Kernel of the spatial reduction.
        activation: Activation of the latent: "relu" (the paper) or None.
        restored_activation: That of the restored feature: "relu" after a ReLU,
            None where the cut tensor may be negative.
        bits: Quantizer width n.
        quantizer: Registered quantizer, "per_image" (the paper) or "learned".
        codec: Registered codec, e.g. "jpeg".
        codec_config: The codec's parameters, e.g. `{"quality": 20}`.

    Raises:
        ValueError: for an unknown choice or a value out of range; from `build`
            if H, W or C is unknown.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """

    def __init__(
        self,
        channels,
        stride=2,
        order="channels_first",
        hidden_channels=None,
        restoration_channels=None,
        channel_kernel=1,
        spatial_kernel=3,
        activation="relu",
        restored_activation="relu",
        bits=8,
        quantizer="per_image",
        codec="jpeg",
        codec_config=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if order not in ORDERS:
            raise ValueError(
                f"`order` must be one of {', '.join(ORDERS)}. "
                f"Received: order={order!r}"
            )
        if hidden_channels is not None:
            check_positive(hidden_channels=hidden_channels)
        if restoration_channels is not None:
            check_positive(restoration_channels=restoration_channels)
        self._config = {
            "channels": channels,
            "stride": stride,
            "order": order,
            "hidden_channels": hidden_channels,
            "restoration_channels": restoration_channels,
            "channel_kernel": channel_kernel,
            "spatial_kernel": spatial_kernel,
            "activation": activation,
            "restored_activation": restored_activation,
            "bits": bits,
            "quantizer": quantizer,
            "codec": codec,
            "codec_config": dict(codec_config or {}),
        }
        self.channels = channels
        self.byte_codec = create_codec(codec, **self._config["codec_config"])
        self.codec = codec_layer(self.byte_codec)
        quantizer_args = {"bits": bits, "name": "quantizer"}
        if quantizer == "learned" and activation is None:
            # Batch-normalised values without ReLU lie around zero.
            quantizer_args.update(initial_low=-4.0)
        self.quantizer = QUANTIZERS.get(quantizer)(**quantizer_args)
        self.sends_range = self.quantizer.sends_range
        self.code_step = MAX_CODE / self.quantizer.levels

    def build(self, input_shape):
        self._check_feature(input_shape)
        _, height, width, channels = input_shape
        self.reduction = self._reduction(channels)
        shape = build_in_turn(self.reduction, tuple(input_shape))
        self.code_shape = shape[1:]
        self.quantizer.build(shape)
        self.codec.build(shape)
        self.restoration = self._restoration((height, width), channels)
        build_in_turn(self.restoration, shape)

    def _reduction(self, channels):
        c = self._config
        policy = {"dtype": self.dtype_policy}
        last = (c["channels"], c["activation"])

        def channel_wise(filters, activation):
            return ChannelReduction(
                filters,
                c["channel_kernel"],
                activation,
                name="channel_reduction",
                **policy,
            )

        def spatial(filters, activation):
            return SpatialReduction(
                filters,
                c["stride"],
                c["spatial_kernel"],
                activation,
                name="spatial_reduction",
                **policy,
            )

        if c["stride"] == 1:
            return [channel_wise(*last)]
        if c["order"] == "channels_first":
            hidden = c["hidden_channels"] or c["channels"]
            return [channel_wise(hidden, "relu"), spatial(*last)]
        hidden = c["hidden_channels"] or channels
        # In this order, which decides the initial weights of a seed.
        second = channel_wise(*last)
        return [spatial(hidden, "relu"), second]

    def _restoration(self, size, channels):
        c = self._config
        policy = {"dtype": self.dtype_policy}
        wide = c["restoration_channels"]
        final = {"activation": c["restored_activation"], **policy}

        def channel(filters, name="channel_restoration", **kwargs):
            return ChannelRestoration(
                filters, c["channel_kernel"], name=name, **kwargs
            )

        def spatial(filters, **kwargs):
            return SpatialRestoration(
                filters, c["stride"], size, name="spatial_restoration", **kwargs
            )

        if c["stride"] == 1:
            first = [channel(wide, **policy)] if wide else []
            return [*first, channel(channels, "last_restoration", **final)]
        if c["order"] == "channels_first":
            hidden = wide or c["hidden_channels"] or c["channels"]
            return [spatial(hidden, **policy), channel(channels, **final)]
        if wide is None:
            hidden = c["hidden_channels"] or channels
            return [channel(hidden, **policy), spatial(channels, **final)]
        return [
            channel(wide, **policy),
            spatial(-(-wide // 2), **policy),
            channel(channels, "last_restoration", **final),
        ]

    def encode(self, feature, point=None, training=None):
        """Device side: feature `(batch, H, W, C)` -> codes; see `Unit`.

        In training the range is among them even if it isn't sent: a learned
        one gets its gradient from both sides by the same tensor.
        """
        codes, code_range = self.quantizer(self._reduce(feature, training))
        if self.sends_range or training:
            return {"codes": codes, "range": code_range}
        return {"codes": codes}

    def decode(self, codes, point=None, training=None):
        """Cloud side: decoded codes -> feature `(batch, H, W, C)`."""
        code_range = codes.get("range")
        if code_range is None:  # One range for all images: a constant.
            code_range = self.quantizer.code_range(ops.zeros((1, 1)))
        x = self.quantizer.dequantize(codes["codes"], code_range)
        x = ops.cast(x, self.compute_dtype)
        for layer in self.restoration:
            x = layer(x, training=training)
        return x

    def deployed_encode(self, feature):
        codes, code_range = self.quantizer.encode(self._reduce(feature, False))
        if self.sends_range:
            return {"codes": codes, "range": code_range}
        return {"codes": codes}

    def _reduce(self, x, training):
        for layer in self.reduction:
            x = layer(x, training=training)
        return ops.cast(x, "float32")

    def match_feature(self, mean, std):
        # Without it they begin with mean 0 and deviation 1 in every channel,
        # far from the input that a frozen network expects.
        norm = self.restoration[-1].norm
        norm.beta.assign(mean)
        norm.gamma.assign(std)

    def device_macs(self, input_shape):
        return macs_in_turn(self.reduction, input_shape)

    def cloud_macs(self):
        return macs_in_turn(self.restoration, self.code_shape)

    def get_config(self):
        return {**super().get_config(), **self._config}
