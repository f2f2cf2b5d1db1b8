"""Writes graphs as ONNX files that the target's TensorRT takes, too."""

import onnx

from bottlenet_tf.export import repeatable, tensorrt


def write(folder, part, make, config):
    """Writes an ONNX file, unless the export is one without.

    Args:
        folder: `pathlib.Path`.
        part: Name of the file without its ending.
        make: Function that returns the `onnx.ModelProto`.
        config: `ExportConfig`.

    Returns:
        Whether it was written.

    Raises:
        UnsupportedGraphError: if the target would refuse the graph.
        UntranslatedError: if it has operators that ONNX lacks.
    """
    if not config.onnx:
        return False
    print(f"  {part}.onnx", flush=True)
    graph = make()
    if config.tensorrt is not None:
        tensorrt.require_supported(graph, config.tensorrt)
    repeatable.number_onnx(graph.graph)
    onnx.save(graph, folder / f"{part}.onnx")
    return True
