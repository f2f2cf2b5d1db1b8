"""The unit's layer, made from its configuration."""

from bottlenet_tf.layers import BottleneckUnit, DattaUnit, LearnedUnit


def build_unit(unit, feature_shape, restored_activation=None):
    """Returns the layer of a unit's configuration, not built.

    Args:
        feature_shape: `(H, W, C)` of the cut tensor.
        restored_activation: "relu" if the cut tensor is never negative.
    """
    if unit.kind == "bottlenet":
        return BottleneckUnit(
            channels=unit.channels,
            stride=unit.stride,
            order=unit.order,
            hidden_channels=unit.hidden_channels,
            restoration_channels=unit.restoration_channels,
            channel_kernel=unit.channel_kernel,
            spatial_kernel=unit.spatial_kernel,
            activation="relu" if unit.activation == "relu" else None,
            restored_activation=restored_activation,
            bits=unit.bits,
            quantizer=unit.quantizer,
            codec=unit.codec,
            codec_config=unit.codec_config(),
            name="unit",
        )
    if unit.kind == "datta":
        return DattaUnit(
            channels=unit.channels,
            stride=unit.stride,
            step=unit.latent_step,
            restored_activation=restored_activation,
            name="unit",
        )
    unit = unit.resolved(feature_shape)
    return LearnedUnit(
        patch=unit.patch,
        channels=unit.patch_channels,
        coefficients=unit.coefficients,
        mixed=unit.mixed,
        mixed_to=unit.mixed_to,
        shared=unit.shared_frequencies,
        encoder=unit.encoder,
        width=unit.synthesis_width,
        blocks=unit.synthesis_blocks,
        num_points=unit.num_points,
        rate_weights=(unit.fine_rate_weight, unit.coarse_rate_weight),
        name="unit",
    )
