"""ResNets in their CIFAR form; every residual block is a split point."""

import functools
import pathlib

import keras
from keras import layers, ops

from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.catalog import BACKBONES
from bottlenet_tf.backbones.cifar_weights import load_npz
from bottlenet_tf.backbones.preprocessing import resolve, rgb_input
from bottlenet_tf.backbones.split_points import Backbone, describe_cuts

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

    Raises:
        ValueError: if `padding` is negative.

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
    shortcuts free of weights (option A), global pooling, one dense layer.
    `weights` is None, a Keras weights file, or an `.npz` of the PyTorch form
    (see `cifar_weights`).

    Reference:
        He, Zhang, Ren, Sun, 2015, arXiv:1512.03385, section 4.2.
    """
    if image_size < 4:
        raise ValueError(
            "`image_size` must be at least 4, because the network reduces it "
            f"4-fold. Received: image_size={image_size}"
        )
    mode = resolve(preprocessing, "torch")

    def build(classes):
        return _graph(depth, image_size, classes, mode)

    model = build(num_classes)
    if weights is not None and pathlib.Path(weights).suffix == ".npz":
        load_npz(model, weights, BLOCKS_PER_STAGE[depth])
    elif weights is not None:
        suffixes = (".h5", ".keras", ".npz")
        pretrained.existing_file(weights, suffixes)
        pretrained.load_file(model, weights, build)
    names = {
        layer: f"RB{i}"
        for i, layer in enumerate(
            (f"{name}_out" for name in _block_names(depth)), start=1
        )
    }
    return Backbone(model.name, model, describe_cuts(model, names))


def _block_names(depth):
    blocks = range(1, BLOCKS_PER_STAGE[depth] + 1)
    return [f"stage{s}_block{b}" for s in (1, 2, 3) for b in blocks]


def _graph(depth, image_size, num_classes, mode):
    image, x = rgb_input(image_size, mode)
    x = _convolution(x, 16, 1, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for name in _block_names(depth):
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
    """ReLU(shortcut(x) + BN(conv(ReLU(BN(conv(x)))))), both 3x3."""
    grows = x.shape[-1] != filters
    shortcut = x
    if grows:
        # Pooling over 1x1 keeps every second pixel: a slice by another name
        # that every exporter knows.
        shortcut = layers.MaxPooling2D(1, 2, name=f"{name}_0_slice")(x)
        missing = filters - x.shape[-1]
        shortcut = PadChannels(missing // 2, name=f"{name}_0_pad")(shortcut)
    x = _convolution(x, filters, 2 if grows else 1, f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolution(x, filters, 1, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _convolution(x, filters, stride, name):
    padding = "same"
    if stride > 1:
        # "same" would pad an even size on one side only; PyTorch pads both.
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
        padding = "valid"
    x = layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name=f"{name}_bn"
    )(x)


for _depth in BLOCKS_PER_STAGE:
    BACKBONES.register(f"cifar_resnet{_depth}")(
        functools.partial(_cifar_resnet, _depth)
    )
