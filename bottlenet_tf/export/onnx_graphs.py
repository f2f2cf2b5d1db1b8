"""Networks as ONNX graphs that every target of TensorRT accepts."""

import onnx
import tensorflow as tf
from tf2onnx import optimizer, tf_loader, tfonnx

from bottlenet_tf.export import (
    onnx_flatten,
    onnx_passes,
    onnx_transposes,
    repeatable,
)
from bottlenet_tf.export.frozen import (
    frozen_encoder,
    frozen_head,
    frozen_tail,
    frozen_whole,
    head_outputs,
    tail_inputs,
)

# Accepted by TensorRT 8.2 to 11, and by every ONNX Runtime since 1.8.
OPSET = 13
IR_VERSION = 7
BATCH_NAME = "N"


def head_graph(model):
    """Returns the head as an ONNX model for one image.

    Input `image` float32 `(1, 3, S, S)`, raw RGB 0..255. Outputs `codes`
    float32 `(1, c', h, w)` or `(1, n)`, whole numbers, in their place
    `coefficients` if the unit takes the operating point, and `range` float32
    `(1, 2)` if the unit sends it. Channels come first, as in ONNX's
    convolutions: neither end needs a Transpose. Codes are floats because
    TensorRT has no uint8 before 8.5.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    return _convert(frozen_head(model), ["image"], head_outputs(model))


def encoder_graph(model):
    """Returns the head without its prefix as an ONNX model for one feature.

    Input `feature` float32 `(1, C, H, W)`; outputs as of `head_graph`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    frozen = frozen_encoder(model)
    return _convert(frozen, ["feature"], head_outputs(model))


def segment_graph(network, name):
    """Returns a part of a network as an ONNX model for one image.

    Input float32 `(1, 3, S, S)`, raw RGB 0..255, or `(1, C, H, W)`. Output
    `feature` float32 `(1, c, h, w)`.

    Args:
        network: Keras model, image or feature -> feature, that computes in
            float32.
        name: Of the input, "image" or "before".

    Returns:
        `onnx.ModelProto`, checked.
    """
    return _convert(frozen_whole(network), [name], ["feature"])


def tail_graph(model):
    """Returns the tail as an ONNX model for any number of images N.

    Inputs `codes` float32 `(N, c', h, w)` or `(N, n)`, `range` float32 `(N,
    2)` if the unit sends it, and `point` float32 `(N,)`, the operating points,
    if the unit takes them. Output `logits` float32 `(N, classes)`.

    Args:
        model: Built `BottleNet` that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    return _convert(frozen_tail(model), tail_inputs(model), ["logits"])


def whole_graph(network):
    """Returns an unsplit network as an ONNX model for one image.

    What a split is compared with. Input `image` float32 `(1, 3, S, S)`, raw
    RGB 0..255. Output `logits` float32 `(1, classes)`.

    Args:
        network: Keras model, image -> logits, that computes in float32.

    Returns:
        `onnx.ModelProto`, checked.
    """
    return _convert(frozen_whole(network), ["image"], ["logits"])


def _convert(frozen, inputs, outputs):
    """Returns a frozen function as ONNX, its feature maps as NCHW."""
    graph = _translate(frozen, (*inputs, *outputs))
    _check_operators(graph)
    _check_names("inputs", graph.graph.input, inputs)
    _check_names("outputs", graph.graph.output, outputs)
    if "range" in outputs:
        onnx_passes.restore_float16(graph, "range")
    del graph.graph.value_info[:]  # TensorFlow's names, and its layouts.
    onnx_transposes.cancel_transposes(graph)
    onnx_flatten.flatten_as_laid_out(graph)
    graph.ir_version = IR_VERSION
    graph.producer_name, graph.producer_version = "bottlenet_tf", ""
    graph.doc_string = ""
    domains = {node.domain for node in graph.graph.node}
    used = [o for o in graph.opset_import if o.domain in domains]
    del graph.opset_import[:]
    graph.opset_import.extend(used)
    for value in (*graph.graph.input, *graph.graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        if not batch.dim_value:  # tf2onnx calls it unk__155 or the like.
            batch.dim_param = BATCH_NAME
    repeatable.order_onnx(graph.graph)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def _translate(frozen, names):
    """Returns what tf2onnx makes of a function, its ends named `names`."""
    inputs = [tensor.name for tensor in frozen.inputs]
    outputs = [tensor.name for tensor in frozen.outputs]
    with tf.Graph().as_default() as tf_graph:
        definition = frozen.graph.as_graph_def(add_shapes=True)
        onnx_passes.inline_compiled(definition)
        definition = tf_loader.tf_optimize(inputs, outputs, definition)
        tf.import_graph_def(definition, name="")
        graph = tfonnx.process_tf_graph(
            tf_graph,
            continue_on_error=True,  # So that all its complaints are known.
            opset=OPSET,
            custom_op_handlers={
                "Erfc": (onnx_passes.erfc, []),
                "Rsqrt": (onnx_passes.rsqrt, []),
            },
            custom_rewriter=[
                onnx_passes.scalars_to_vectors,
                onnx_flatten.fix_reshapes,
            ],
            input_names=inputs,
            output_names=outputs,
            inputs_as_nchw=_feature_maps(frozen.inputs),
            outputs_as_nchw=_feature_maps(frozen.outputs),
            tensors_to_rename=dict(zip([*inputs, *outputs], names)),
        )
        return optimizer.optimize_graph(graph).make_model("bottlenet_tf")


def _feature_maps(tensors):
    return [tensor.name for tensor in tensors if tensor.shape.rank == 4]


class UntranslatedError(ValueError):
    """Operators that ONNX lacks; `nodes` has the name and operator of each."""

    def __init__(self, nodes):
        self.nodes = nodes
        names = sorted({operator for _, operator in nodes})
        super().__init__(
            f"All operators must be in ONNX's opset {OPSET}, because runtimes "
            "have no others: export by --noonnx, for LiteRT and TF Serving, "
            "or replace these layers. "
            f"Received: operators={', '.join(names)}"
        )


def _check_operators(graph):
    """Raises if tf2onnx left operators of TensorFlow's in the graph."""
    unknown = [
        (node.name, node.op_type)
        for node in graph.graph.node
        if not onnx.defs.has(node.op_type, OPSET, node.domain)
    ]
    if unknown:
        raise UntranslatedError(unknown)


def _check_names(kind, values, wanted):
    found = [value.name for value in values]
    if found != wanted:
        raise ValueError(
            f"The graph's {kind} must be {', '.join(wanted)} alone, because "
            f"runtimes feed and fetch them by name. Received: {kind}={found}"
        )
