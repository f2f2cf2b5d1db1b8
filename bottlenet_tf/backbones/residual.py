"""Basic blocks and split points that both forms of ResNet share."""

from keras import layers

from bottlenet_tf.backbones.split_points import Backbone, describe_cuts


def convolution(x, filters, kernel, stride, name, *, pads):
    """Convolution without bias, then batch normalisation.

    Args:
        pads: Whether a separate layer pads both sides equally, as in PyTorch;
            "same" would pad an even size on one side if it is strided.
    """
    if pads:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="valid" if pads or kernel == 1 else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name=f"{name}_bn"
    )(x)


def basic_block(x, shortcut, filters, stride, name, *, pads):
    """ReLU(shortcut + BN(conv(ReLU(BN(conv(x)))))), both 3x3.

    Args:
        pads: Padding of both convolutions; see `convolution`.
    """
    first, second = pads
    x = convolution(x, filters, 3, stride, f"{name}_1", pads=first)
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = convolution(x, filters, 3, 1, f"{name}_2", pads=second)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def with_blocks(name, model, blocks):
    """Returns a `Backbone` cut after its residual blocks: RB1, RB2, ..."""
    names = {f"{block}_out": f"RB{i}" for i, block in enumerate(blocks, 1)}
    return Backbone(name, model, describe_cuts(model, names))
