"""Parts of networks as LiteRT (TFLite) files: float32, float16 and int8."""

import re
import warnings

import tensorflow as tf

from bottlenet_tf.export.tensorflow_files import written

# Kind of file: its runtime, of `runtimes.RUNTIMES`.
KINDS = {
    "float32": "litert",
    "float16": "litert_float16",
    "int8": "litert_int8",
}
# Layers that compute in float32 in every file. With the quantizer in int8,
# codes are wrong by more than a hundred; the unit's convolutions are few, and
# in int8 most codes would be wrong by one or two.
_FLOAT_LAYERS = ("/preprocess", "/unit_head")


def convert(part, kind, samples=None):
    """Returns a part of a network as the content of a `.tflite` file.

    Inputs and outputs are those of the `frozen.Part`, in any order and without
    their names, always in float32.

    Args:
        kind: One of `KINDS`: "float32", "float16" (weights stored as float16)
            or "int8" (all but `_FLOAT_LAYERS`).
        samples: `(n, ...)`, training images or features of them, which show
            int8 the range of every tensor; without, int8 is as float32.
    """
    try:
        with written("LiteRT's temporary files"):
            return _converted(part.function, kind, samples)
    except Exception as error:  # The converter raises many kinds.
        lacking = re.findall(r"(?:Flex|Custom) ops: ([^\n]*)", str(error))
        if not lacking:
            raise
        raise ValueError(
            "All operators must be LiteRT's own: export by --litert=, for "
            "ONNX Runtime and TensorRT, or replace these layers. "
            f"Received: operators={', '.join(lacking)}"
        ) from error


def _converted(function, kind, samples):
    with warnings.catch_warnings():
        # Warnings on the way of conversion and its interpreter.
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        if kind == "float32" or (kind == "int8" and samples is None):
            return converter.convert()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
            return converter.convert()
        return _convert_to_int8(converter, samples)


def _convert_to_int8(converter, samples):
    def batches():
        for sample in samples:
            yield [sample[None].astype("float32")]

    converter.representative_dataset = batches
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=batches
    )
    debugger.options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=_float_nodes(debugger)
    )
    return debugger.get_nondebug_quantized_model()


def _float_nodes(debugger):
    """Returns the names of the operations to keep in float32.

    The debugger finds them by running the network with everything in int8,
    whose quantizer then divides by a range of zero, which LiteRT refuses.
    """
    model = debugger.get_debug_quantized_model()
    details = tf.lite.Interpreter(model_content=model).get_tensor_details()
    names = dict.fromkeys(detail["name"] for detail in details)
    return [n for n in names if any(layer in n for layer in _FLOAT_LAYERS)]
