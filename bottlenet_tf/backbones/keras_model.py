"""Any network of `keras.applications` as a backbone, cut at any layer."""

import functools
import inspect

import keras

from bottlenet_tf.backbones import graph
from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.backbones.preprocessing import TORCH_STD, resolve, rgb_input
from bottlenet_tf.backbones.split_points import (
    BACKBONES,
    Backbone,
    describe_cuts,
)

# Module in keras.applications -> how its networks were trained. "none": the
# graph itself begins with the scaling.
_MODES = {
    "convnext": "none",
    "densenet": "torch",
    "efficientnet": "none",
    "efficientnet_v2": "none",
    "inception_resnet_v2": "tf",
    "inception_v3": "tf",
    "mobilenet": "tf",
    "mobilenet_v2": "tf",
    "mobilenet_v3": "none",
    "nasnet": "tf",
    "resnet": "caffe",
    "resnet_v2": "tf",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "xception": "tf",
}


def application(
    constructor, *, image_size, num_classes, weights, preprocessing="auto"
):
    """Builds a network of `keras.applications` in one flat graph.

    The layers keep their names; a `Preprocess` layer goes in front unless
    the family scales its input itself. Keras numbers layers without a name
    (all of InceptionV3's, some of DenseNet's) by everything that the process
    has built before: save such a model and use the `.keras` file for stable
    names.

    Args:
        constructor: E.g. `keras.applications.MobileNetV2`.

    Returns:
        Functional model, raw RGB 0..255 to float32 logits.
    """
    family = constructor.__module__.rsplit(".", 1)[-1]
    mode = resolve(preprocessing, _MODES.get(family, "none"))

    def build(classes):
        image, scaled = rgb_input(image_size, mode)
        model = constructor(
            weights=None,
            input_tensor=scaled,
            input_shape=(image_size, image_size, 3),
            classes=classes,
            classifier_activation=None,
        )
        return float32_logits(model)

    model = build(num_classes)
    if weights == "imagenet":
        pretrained.load_imagenet(
            model,
            lambda: constructor(weights="imagenet", classifier_activation=None),
        )
    elif weights is not None:
        pretrained.load_file(model, weights, build)
    if weights is not None and family == "efficientnet":
        _merge_published_scaling(model, published=weights == "imagenet")
    return model


def float32_logits(model):
    """Returns `model` with a float32 output under any dtype policy."""
    logits = model.outputs[0]
    if logits.dtype != "float32":
        name = graph.free_name("logits", model)
        cast = keras.layers.Activation("linear", dtype="float32", name=name)
        logits = cast(logits)
    # One tensor in, not a list of one: Keras warns about the difference.
    return keras.Model(model.inputs[0], logits, name=model.name)


def _merge_published_scaling(model, published):
    """Folds a scaling that Keras adds to published EfficientNets only.

    EfficientNetB0..B7 were published with the standard deviation where
    `Normalization` expects the variance; Keras corrects this by another
    division by sqrt(std), only under weights="imagenet". One product here
    does the same: 1/sqrt(var) * 1/sqrt(std) = 1/sqrt(var * std).
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            mean, variance, *rest = layer.get_weights()
            from_file = abs(variance - TORCH_STD).max() < 1e-3
            if published or from_file:
                arrays = [mean, variance * TORCH_STD, *rest]
                pretrained.set_weights(layer, arrays)


def _backbone(name, constructor, **arguments):
    model = application(constructor, **arguments)
    graph.number_operations(model)
    return Backbone(name, model, describe_cuts(model))


for _name, _constructor in vars(keras.applications).items():
    _own_form = _name in ("ResNet50", "ResNet101", "ResNet152")
    if inspect.isfunction(_constructor) and not _own_form:
        BACKBONES.register(_name)(
            functools.partial(_backbone, _name, _constructor)
        )
