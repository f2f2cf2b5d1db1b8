"""A part of a network as files: one for each runtime, and engines' scripts."""

import onnx

from bottlenet_tf.export import (
    litert,
    onnx_graphs,
    repeatable,
    tensorrt,
    trtexec,
)
from bottlenet_tf.runtime import runtimes


def write(folder, name, part, config, samples=None):
    """Writes a part's files for the device, one at a time.

    Args:
        samples: Function that returns the samples of `litert.convert`; None
            for a part that computes in float32 in the int8 file, too.

    Yields:
        The runtime of each file once it is written, as in `runtimes.RUNTIMES`.
    """
    if config.onnx:
        write_onnx(folder, name, part, config)
        yield "onnx"
    for kind in config.litert:
        runtime = litert.KINDS[kind]
        file = runtimes.file_of(runtime, name)
        print(f"  {file}", flush=True)
        shown = samples() if samples and kind == "int8" else None
        (folder / file).write_bytes(litert.convert(part, kind, shown))
        yield runtime


def write_onnx(folder, name, part, config):
    """Writes a part's ONNX file, and the script that builds an engine."""
    print(f"  {name}.onnx", flush=True)
    model = onnx_graphs.convert(part)
    if config.tensorrt is not None:
        tensorrt.require_supported(model, config.tensorrt)
        trtexec.write(folder, name, model.graph, config)
    repeatable.order_onnx(model.graph)
    onnx.checker.check_model(model)  # Graphs in nodes keep their old names.
    onnx.save(model, folder / f"{name}.onnx")
