"""Networks as LiteRT (TFLite) files: float32, float16 and int8."""

import re
import warnings

import tensorflow as tf

from bottlenet_tf.export.frozen import (
    frozen_encoder,
    frozen_head,
    frozen_whole,
)

# Kind of file: which of `runtimes.RUNTIMES` it is for.
KINDS = {
    "float32": "litert",
    "float16": "litert_float16",
    "int8": "litert_int8",
}
# Layers that compute in float32 in every file. The quantizer in int8 puts
# codes off by more than a hundred; the unit's convolutions are few, and in
# int8 would put most codes off by one or two.
_FLOAT_LAYERS = ("/preprocess", "/unit_head")


def head_file(model, kind, images=None):
    """Returns the head as the content of a `.tflite` file, for one image.

    Input `image` float32 `(1, S, S, 3)`, raw RGB 0..255; outputs codes, or
    coefficients if the unit takes the operating point, float32 `(1,
    *code_shape)` and, if the unit sends it, the range `(1, 2)`. All in no
    certain order and without these names.

    Args:
        model: Built `BottleNet` that computes in float32.
        kind: "float32", "float16" (weights stored as float16) or "int8"
            (convolutions in int8, input, quantizer and outputs in float32).
        images: uint8 `(n, S, S, 3)`, training images that show int8 its
            ranges; needed for it alone.

    Raises:
        ValueError: for an unknown kind, or int8 without images.
    """
    return _file(frozen_head(model), kind, images)


def encoder_file(model, kind):
    """Returns the head without its prefix as a `.tflite` file's content.

    Input the feature float32 `(1, H, W, C)`; outputs as of `head_file`. The
    unit computes in float32 in int8 files, too, so that one is the float32
    file.

    Args:
        model: Built `BottleNet` that computes in float32.
        kind: As for `head_file`.

    Raises:
        ValueError: for an unknown kind.
    """
    kind = "float32" if kind == "int8" else kind
    return _file(frozen_encoder(model), kind, None)


def whole_file(network, kind, images=None):
    """Returns an unsplit network as the content of a `.tflite` file.

    Input `image` float32 `(1, S, S, 3)`, raw RGB 0..255; output logits float32
    `(1, classes)`. In int8, all but the network's own scaling is. A part of a
    network, feature -> feature, goes likewise.

    Args:
        network: Keras model of one input and one output that computes in
            float32.
        kind: As for `head_file`.
        images: As for `head_file`; for a part, float32 features.

    Raises:
        ValueError: see `head_file`.
    """
    return _file(frozen_whole(network), kind, images)


def _file(frozen, kind, images):
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind!r}"
        )
    if kind == "int8" and (images is None or not len(images)):
        raise ValueError(
            "int8 needs `images`, because they show the range of every tensor. "
            "Received: none"
        )
    try:
        return _converted(frozen, kind, images)
    except Exception as error:  # The converter's are of many kinds.
        lacking = re.findall(r"(?:Flex|Custom) ops: ([^\n]*)", str(error))
        if not lacking:
            raise
        raise ValueError(
            "All operators must be LiteRT's own: export by --litert=, for "
            "ONNX Runtime and TensorRT, or replace these layers. "
            f"Received: operators={', '.join(lacking)}"
        ) from error


def _converted(frozen, kind, images):
    with warnings.catch_warnings():
        # About the way of conversion and the interpreter it measures with.
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        if kind == "float32":
            return converter.convert()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
            return converter.convert()
        return _convert_to_int8(converter, images)


def _convert_to_int8(converter, images):
    def samples():
        for image in images:
            yield [image[None].astype("float32")]

    converter.representative_dataset = samples
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=samples,
    )
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=_float_nodes(debugger)
    )
    debugger.options = options
    return debugger.get_nondebug_quantized_model()


def _float_nodes(debugger):
    """Returns the names of the operations to keep in float32.

    The debugger's own way to them is to run the network with all in int8, whose
    quantizer then divides by a range of zero, which LiteRT refuses.
    """
    model = debugger.get_debug_quantized_model()
    details = tf.lite.Interpreter(model_content=model).get_tensor_details()
    names = dict.fromkeys(detail["name"] for detail in details)
    return [n for n in names if any(layer in n for layer in _FLOAT_LAYERS)]
