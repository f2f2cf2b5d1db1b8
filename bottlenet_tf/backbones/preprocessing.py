"""Scales raw RGB as a pretrained backbone expects it, inside the graph."""

import keras
from keras import ops

from bottlenet_tf.backbones import graph

MODES = ("none", "tf", "torch", "caffe", "unit")
_NAMES = (*MODES, "signed")  # signed means tf.

# ImageNet statistics, RGB, of images in 0..1.
TORCH_MEAN = (0.485, 0.456, 0.406)
TORCH_STD = (0.229, 0.224, 0.225)
# ImageNet means, BGR, of images in 0..255.
CAFFE_MEAN = (103.939, 116.779, 123.68)
LUMA = (0.299, 0.587, 0.114)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Preprocess(keras.layers.Layer):
    """Scales raw RGB 0..255 the way a family of backbones was trained.

    - none:  x
    - unit:  x / 255
    - tf:    x / 127.5 - 1
    - torch: (x / 255 - mean) / std, ImageNet's per-channel statistics
    - caffe: RGB to BGR, minus ImageNet's mean per channel, no scaling

    Always computes in float32, also under mixed precision. Doesn't resize
    or crop.

    Args:
        mode: One of `MODES`.

    Call arguments:
        x: Tensor `(batch, height, width, 3)`, RGB 0..255, any numeric dtype.

    Returns:
        float32 tensor of the same shape.
    """

    def __init__(self, mode, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(
                f"`mode` must be one of {', '.join(MODES)}. "
                f"Received: mode={mode!r}"
            )
        self.mode = mode

    def build(self, input_shape):
        if input_shape[-1] != 3:
            raise ValueError(
                "The last axis must be the 3 channels of RGB. Received: "
                f"input_shape={input_shape}"
            )

    def call(self, x):
        x = ops.cast(x, "float32")
        if self.mode == "unit":
            return x / 255.0
        if self.mode == "tf":
            return x / 127.5 - 1.0
        if self.mode == "torch":
            mean = ops.convert_to_tensor(TORCH_MEAN, "float32")
            std = ops.convert_to_tensor(TORCH_STD, "float32")
            return (x / 255.0 - mean) / std
        if self.mode == "caffe":
            # Split and concat: a slice of stride -1 exports to ONNX as one
            # that TensorRT's parser may refuse.
            red, green, blue = ops.split(x, 3, axis=-1)
            bgr = ops.concatenate([blue, green, red], axis=-1)
            return bgr - ops.convert_to_tensor(CAFFE_MEAN, "float32")
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class Grey(keras.layers.Layer):
    """Luma of RGB (ITU-R BT.601), the input of a network of one channel.

    0.299 R + 0.587 G + 0.114 B, so that a grey image stays the same. Always
    computes in float32. A convolution, which any runtime supports.

    Call arguments:
        x: Tensor `(batch, height, width, 3)`.

    Returns:
        float32 tensor `(batch, height, width, 1)`.
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def call(self, x):
        weights = ops.convert_to_tensor(LUMA, "float32")
        kernel = ops.reshape(weights, (1, 1, 3, 1))
        return ops.conv(ops.cast(x, "float32"), kernel, padding="valid")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


def rgb_input(image_size, mode, channels=3, beside=None):
    """Returns `(image, preprocessed)`, two tensors.

    With mode "none" both are the same: no layer is added.

    Args:
        channels: Channels of the second; 1 for luma.
        beside: Functional model whose layer names are taken.
    """
    if channels == 1 and mode in ("torch", "caffe"):
        raise ValueError(
            "A grey network takes --preprocessing=none, unit or signed; others "
            f"have a mean for each of 3 channels. Received: {mode}"
        )
    image = seen = keras.Input((image_size, image_size, 3), dtype="float32")

    def name(wanted):
        return graph.free_name(wanted, beside) if beside else wanted

    if mode != "none":
        seen = Preprocess(mode, name=name("preprocess"))(seen)
    if channels == 1:
        # The weights' sum is 1: scaling before or after is the same.
        seen = Grey(name=name("grey"))(seen)
    return image, seen


def resolve(preprocessing, default):
    """Returns the mode named by `preprocessing`; `default` for "auto"."""
    if preprocessing == "auto":
        return default
    if preprocessing not in _NAMES:
        raise ValueError(
            f"`preprocessing` must be auto, {', '.join(_NAMES)}. "
            f"Received: preprocessing={preprocessing!r}"
        )
    return "tf" if preprocessing == "signed" else preprocessing
