"""ResNets in their ImageNet form; every residual block is a split point."""

import functools

import keras
from keras import layers

from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.keras_model import application
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.residual import (
    basic_block,
    convolution,
    with_blocks,
)
from bottlenet_tf.backbones.split_points import BACKBONES

# Residual blocks in the stages conv2 to conv5: He et al., table 1.
_BASIC = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
_BOTTLENECK = {
    "resnet50": (keras.applications.ResNet50, (3, 4, 6, 3)),
    "resnet101": (keras.applications.ResNet101, (3, 4, 23, 3)),
    "resnet152": (keras.applications.ResNet152, (3, 8, 36, 3)),
}


def _bottleneck_resnet(
    name, *, image_size, num_classes, weights, preprocessing
):
    """Builds ResNet-50, 101 or 152 as in `keras.applications`.

    Their stride is in a block's first 1x1 convolution, as in the paper, not in
    the 3x3 as in torchvision.

    Reference:
        He, Zhang, Ren, Sun, 2015, arXiv:1512.03385, table 1.
    """
    _check_size(image_size)
    constructor, blocks = _BOTTLENECK[name]
    model = application(
        constructor,
        image_size=image_size,
        num_classes=num_classes,
        weights=weights,
        preprocessing=preprocessing,
    )
    return with_blocks(name, model, _block_names(blocks))


def _basic_resnet(name, *, image_size, num_classes, weights, preprocessing):
    """Builds ResNet-18 or 34, with torchvision's padding and epsilon.

    Keras publishes no weights for these two: "imagenet" raises. The "auto"
    preprocessing is "torch".

    Reference:
        He et al., table 1.
    """
    _check_size(image_size)
    if weights == "imagenet":
        raise ValueError(
            "Keras publishes no ImageNet weights for this network: pass a "
            "path, or use resnet50. "
            f"Received: weights='imagenet', name={name!r}"
        )
    mode = resolve(preprocessing, "torch")

    def build(classes):
        return _basic_graph(name, image_size, classes, mode)

    model = build(num_classes)
    if weights is not None:
        pretrained.load_file(model, weights, build)
    return with_blocks(name, model, _block_names(_BASIC[name]))


def _basic_graph(name, image_size, num_classes, mode):
    image, x = rgb_input(image_size, mode)
    x = convolution(x, 64, 7, 2, "conv1", pads=True)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    for block in _block_names(_BASIC[name]):
        filters = 32 * 2 ** (int(block[len("conv")]) - 1)
        stride, shortcut = 1, x
        if x.shape[-1] != filters:
            stride = 2
            shortcut = convolution(
                x, filters, 1, stride, f"{block}_0", pads=False
            )
        x = basic_block(x, shortcut, filters, stride, block, pads=(True, True))
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="predictions")(x)
    return keras.Model(image, logits, name=name)


def _block_names(per_stage):
    return [
        f"conv{stage}_block{block}"
        for stage, count in enumerate(per_stage, start=2)
        for block in range(1, count + 1)
    ]


def _check_size(image_size):
    if image_size < 32:
        raise ValueError(
            "`image_size` must be at least 32, because the network reduces "
            "it 32-fold; use a cifar_resnet for less. "
            f"Received: image_size={image_size}"
        )


for _name in _BASIC:
    BACKBONES.register(_name)(functools.partial(_basic_resnet, _name))
for _name in _BOTTLENECK:
    BACKBONES.register(_name)(functools.partial(_bottleneck_resnet, _name))
