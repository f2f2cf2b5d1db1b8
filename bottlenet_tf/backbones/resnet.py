"""ResNets in their ImageNet form; every residual block is a split point."""

import functools

import keras
from keras import layers

from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.catalog import BACKBONES
from bottlenet_tf.backbones.keras_model import application
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts

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
    """Builds ResNet-50, 101 or 152 as `keras.applications` has them.

    Their stride sits in a block's first 1x1 convolution, as in the paper,
    not in the 3x3 as in torchvision.

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
    return Backbone(name, model, _residual_blocks(model, blocks))


def _basic_resnet(name, *, image_size, num_classes, weights, preprocessing):
    """Builds ResNet-18 or 34, with torchvision's padding and epsilon.

    Keras publishes no weights for these two: "imagenet" raises. The "auto"
    preprocessing is "torch".

    Reference:
        He, Zhang, Ren, Sun, 2015, arXiv:1512.03385, table 1.
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
    return Backbone(name, model, _residual_blocks(model, _BASIC[name]))


def _basic_graph(name, image_size, num_classes, mode):
    image, x = rgb_input(image_size, mode)
    x = _convolution(x, 64, 7, 2, "conv1")
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    for stage, blocks in enumerate(_BASIC[name], start=2):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 2 and block == 1 else 1
            filters = 64 * 2 ** (stage - 2)
            x = _basic_block(x, filters, stride, f"conv{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="predictions")(x)
    return keras.Model(image, logits, name=name)


def _basic_block(x, filters, stride, name):
    """ReLU(shortcut(x) + BN(conv(ReLU(BN(conv(x)))))), both 3x3."""
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, 1, stride, f"{name}_0")
    x = _convolution(x, filters, 3, stride, f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolution(x, filters, 3, 1, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _convolution(x, filters, kernel, stride, name):
    """Convolution without bias, symmetric padding, batch normalisation."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name=f"{name}_bn"
    )(x)


def _residual_blocks(model, blocks):
    """Returns RB1..RBn: the outputs `conv2_block1_out` and so on, in order."""
    outputs = [
        f"conv{stage}_block{block}_out"
        for stage, count in enumerate(blocks, start=2)
        for block in range(1, count + 1)
    ]
    names = {layer: f"RB{i}" for i, layer in enumerate(outputs, start=1)}
    return describe_cuts(model, names)


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
