"""Parts of networks as ONNX graphs that every target of TensorRT accepts."""

import onnx
import tensorflow as tf
from tf2onnx import optimizer, tf_loader, tfonnx

from bottlenet_tf.export import (
    onnx_flatten,
    onnx_passes,
    onnx_transposes,
    tensorrt,
)

# Accepted by TensorRT 8.2 to 11, and by every ONNX Runtime since 1.8.
OPSET = 13
IR_VERSION = 7


def convert(part):
    """Returns a part of a network as an ONNX model.

    Inputs and outputs are those of the `frozen.Part`, except that feature maps
    are channels-first, as in ONNX's convolutions, so that neither end needs a
    Transpose. Codes are floats because TensorRT has no uint8 before 8.5.
    """
    model = _translate(part)
    graph = model.graph
    _check_operators(graph)
    _check_names("inputs", graph.input, part.inputs)
    _check_names("outputs", graph.output, part.outputs)
    if "range" in part.outputs:
        onnx_passes.restore_float16(model, "range")
    del graph.value_info[:]  # TensorFlow's names, and its layouts.
    onnx_transposes.cancel_transposes(model)
    onnx_flatten.flatten_as_laid_out(model)
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "bottlenet_tf", ""
    model.doc_string = ""
    domains = {node.domain for node in graph.node}
    used = [o for o in model.opset_import if o.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(used)
    for value in (*graph.input, *graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        if not batch.dim_value:  # tf2onnx calls it unk__155 or the like.
            batch.dim_param = tensorrt.BATCH_NAME
    onnx.checker.check_model(model, full_check=True)
    return model


def _translate(part):
    """Returns a part as tf2onnx translates it."""
    function = part.function
    inputs = [tensor.name for tensor in function.inputs]
    outputs = [tensor.name for tensor in function.outputs]
    names = [*zip(inputs, part.inputs), *zip(outputs, part.outputs)]
    with tf.Graph().as_default() as tf_graph:
        definition = function.graph.as_graph_def(add_shapes=True)
        onnx_passes.inline_compiled(definition)
        definition = tf_loader.tf_optimize(inputs, outputs, definition)
        tf.import_graph_def(definition, name="")
        graph = tfonnx.process_tf_graph(
            tf_graph,
            continue_on_error=True,  # To collect all its errors.
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
            inputs_as_nchw=_feature_maps(function.inputs),
            outputs_as_nchw=_feature_maps(function.outputs),
            tensors_to_rename=dict(names),
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
    """Raises an error if operators of TensorFlow are left in the graph."""
    unknown = [
        (node.name, node.op_type)
        for node in graph.node
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
