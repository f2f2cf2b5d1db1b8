"""Head and tail as ONNX graphs that every target of TensorRT accepts."""

import onnx
import tensorflow as tf
import tf2onnx

from bottlenet_tf.export import onnx_passes

# Accepted by TensorRT 8.2 to 11, and by every ONNX Runtime since 1.8.
OPSET = 13
IR_VERSION = 7
BATCH_NAME = "N"


def head_graph(model):
    """Returns the head as an ONNX model for one image.

    Input `image` float32 `(1, 3, S, S)`, raw RGB 0..255. Outputs `codes`
    float32 `(1, c', h, w)`, whole numbers 0..255, and `range` float32 `(1, 2)`
    if the quantizer sends it. Channels come first, as in ONNX's convolutions:
    neither end needs a Transpose. Codes are floats because TensorRT has no
    uint8 before 8.5.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    head = model.head
    spec = tf.TensorSpec((1, *head.input_shape[1:]), tf.float32, name="image")

    @tf.function(input_signature=[spec])
    def run(image):
        return head(image, training=False)

    return _convert(run, [spec], ["image"], ["codes"])


def tail_graph(model):
    """Returns the tail as an ONNX model for any number of images N.

    Inputs `codes` float32 `(N, c', h, w)` and, if the quantizer sends it,
    `range` float32 `(N, 2)`. Output `logits` float32 `(N, classes)`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    tail = model.tail
    shape = tuple(model.unit.code_shape)
    specs = [tf.TensorSpec((None, *shape), tf.float32, name="codes")]
    if model.unit.quantizer.sends_range:
        specs.append(tf.TensorSpec((None, 2), tf.float32, name="range"))

    @tf.function(input_signature=specs)
    def run(codes, *code_range):
        inputs = {"codes": codes}
        if code_range:
            inputs["range"] = code_range[0]
        return {"logits": tail(inputs, training=False)}

    return _convert(run, specs, ["codes"], [])


def _convert(function, specs, inputs_as_nchw, outputs_as_nchw):
    graph, _ = tf2onnx.convert.from_function(
        function,
        input_signature=specs,
        opset=OPSET,
        inputs_as_nchw=inputs_as_nchw,
        outputs_as_nchw=outputs_as_nchw,
    )
    if any(value.name == "range" for value in graph.graph.output):
        onnx_passes.restore_float16(graph, "range")
    onnx_passes.cancel_transposes(graph)
    graph.ir_version = IR_VERSION
    graph.producer_name, graph.producer_version = "bottlenet_tf", ""
    graph.doc_string = ""
    del graph.graph.value_info[:]  # Named by TensorFlow, read by nobody.
    domains = {node.domain for node in graph.graph.node}
    used = [o for o in graph.opset_import if o.domain in domains]
    del graph.opset_import[:]
    graph.opset_import.extend(used)
    for value in (*graph.graph.input, *graph.graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        if not batch.dim_value:  # tf2onnx calls it unk__155 or the like.
            batch.dim_param = BATCH_NAME
    onnx.checker.check_model(graph, full_check=True)
    return graph
