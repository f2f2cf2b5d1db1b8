"""Cuts a backbone in two: before the unit and after it."""

import keras

from bottlenet_tf.backbones.split_points import separating_tensors


def split_backbone(backbone, split_name):
    """Cuts a backbone after a split point.

    suffix(prefix(image)) equals the network, bit for bit. Both halves and the
    backbone share their layers: training or freezing one changes the others,
    batch statistics included.

    Args:
        backbone: `Backbone`.
        split_name: Name of a split point, "RB3", or of any layer that
            separates the network.

    Returns:
        `(prefix, suffix)`, two functional models: image
        `(batch, image, image, 3)` to feature `(batch, height, width,
        channels)`, and feature to float32 logits `(batch, classes)`.
    """
    point = backbone.split_point(split_name)
    model = backbone.model
    feature = separating_tensors(model)[point.layer]
    prefix = keras.Model(model.inputs[0], feature, name=f"{model.name}_prefix")
    suffix = keras.Model(feature, model.outputs[0], name=f"{model.name}_suffix")
    return prefix, suffix
