"""ResNets in their CIFAR form; every residual block is a split point."""

import functools
import pathlib

import keras
from keras import layers, ops

from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.cifar_weights import load_npz
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.residual import (
    basic_block,
    convolution,
    with_blocks,
)
from bottlenet_tf.backbones.split_points import BACKBONES

# Depth 6n + 2: three stages of n blocks of two convolutions, stem, classifier.
BLOCKS_PER_STAGE = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class PadChannels(keras.layers.Layer):
    """Appends zero channels on both sides: a shortcut without weights.

    Args:
        padding: Number of zero channels before and after the input's.

    Call arguments:
        x: Tensor `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, height, width, channels + 2 * padding)`.

    Reference:
        He, Zhang, Ren, Sun, 2015, arXiv:1512.03385, section 3.3, option A.
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        if padding < 0:
            raise ValueError(
                f"`padding` can't be negative. Received: padding={padding}"
            )
        self.padding = padding

    def call(self, x):
        sides = (self.padding, self.padding)
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), sides))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 2 * self.padding)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def _cifar_resnet(depth, *, image_size, num_classes, weights, preprocessing):
    """Builds ResNet-20, 32, 44, 56 or 110 for small images.

    A 3x3 stem of 16 channels, three stages of 16, 32 and 64 channels with
    shortcuts without weights (option A), global pooling, one dense layer.
    `weights` is None, a Keras weights file, or an `.npz` of the PyTorch form
    (see `cifar_weights`).

    Reference:
        He et al., section 4.2.
    """
    if image_size < 4:
        raise ValueError(
            "`image_size` must be at least 4, because the network reduces it "
            f"4-fold. Received: image_size={image_size}"
        )
    mode = resolve(preprocessing, "torch")
    per_stage = BLOCKS_PER_STAGE[depth]
    blocks = [
        f"stage{stage}_block{block}"
        for stage in (1, 2, 3)
        for block in range(1, per_stage + 1)
    ]

    def build(classes):
        return _graph(depth, blocks, image_size, classes, mode)

    model = build(num_classes)
    if weights is not None and pathlib.Path(weights).suffix == ".npz":
        load_npz(model, weights, per_stage)
    elif weights is not None:
        suffixes = (".h5", ".keras", ".npz")
        pretrained.existing_file(weights, suffixes)
        pretrained.load_file(model, weights, build)
    return with_blocks(model.name, model, blocks)


def _graph(depth, blocks, image_size, num_classes, mode):
    image, x = rgb_input(image_size, mode)
    x = convolution(x, 16, 3, 1, "stem", pads=False)
    x = layers.ReLU(name="stem_relu")(x)
    for name in blocks:
        filters = 8 * 2 ** int(name[len("stage")])
        x = _block(x, filters, name)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    logits = layers.Dense(
        num_classes,
        kernel_initializer="he_normal",
        dtype="float32",
        name="predictions",
    )(x)
    return keras.Model(image, logits, name=f"cifar_resnet{depth}")


def _block(x, filters, name):
    if x.shape[-1] == filters:
        return basic_block(x, x, filters, 1, name, pads=(False, False))
    # Pooling over 1x1 keeps every second pixel, like a slice, and every
    # exporter supports it.
    shortcut = layers.MaxPooling2D(1, 2, name=f"{name}_0_slice")(x)
    missing = filters - x.shape[-1]
    shortcut = PadChannels(missing // 2, name=f"{name}_0_pad")(shortcut)
    return basic_block(x, shortcut, filters, 2, name, pads=(True, False))


for _depth in BLOCKS_PER_STAGE:
    BACKBONES.register(f"cifar_resnet{_depth}")(
        functools.partial(_cifar_resnet, _depth)
    )
