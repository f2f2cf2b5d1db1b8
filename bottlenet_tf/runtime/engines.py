"""One call for every inference library: arrays by name in, arrays out."""

import os

import numpy as np

from bottlenet_tf.common.checks import is_whole

# Providers of ONNX Runtime, in this order, for each device.
_PROVIDERS = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": (
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ),
}
_SUFFIXES = (".engine", ".onnx", ".plan", ".tflite")


def open_engine(path, threads=None, device="cpu"):
    """Opens a network file with the library that its suffix names.

    `.onnx` runs on ONNX Runtime, `.tflite` on LiteRT (`ai_edge_litert`, or
    the older `tflite_runtime`), `.engine` and `.plan` on TensorRT. The library
    is imported only now. Networks take and give float32.

    Args:
        threads: CPU threads of one call; the library's choice if None.
            TensorRT has no such setting.
        device: Where an ONNX file runs: "cpu", "cuda", or "tensorrt", which
            builds an engine at the first call.

    Returns:
        A callable, `{name: array} -> {name: array}`, with the attributes
        `inputs` and `outputs` (`{name: shape}`, None for an open dimension) and
        `channels_first` (whether images and codes are NCHW).
    """
    path = os.fspath(path)
    suffix = os.path.splitext(path)[1]
    if suffix not in _SUFFIXES:
        raise ValueError(
            f"A network file must end in {', '.join(_SUFFIXES)}. "
            f"Received: path={path!r}"
        )
    if threads is not None and not is_whole(threads, 1):
        raise ValueError(
            "`threads` must be a positive integer, or None for the library's "
            f"own choice. Received: threads={threads!r}"
        )
    if device not in _PROVIDERS or (device != "cpu" and suffix != ".onnx"):
        raise ValueError(
            f"`device` must be one of {', '.join(sorted(_PROVIDERS))}, and "
            "the file's own for files other than .onnx. "
            f"Received: device={device!r}, path={path!r}"
        )
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"There is no such network file. Received: path={path!r}"
        )
    if suffix == ".onnx":
        return OnnxEngine(path, threads, device)
    if suffix == ".tflite":
        return LiteRtEngine(path, threads)
    from bottlenet_tf.runtime.tensorrt_engine import TensorRtEngine

    return TensorRtEngine(path)


class OnnxEngine:
    """An ONNX file on ONNX Runtime; see `open_engine`."""

    channels_first = True

    def __init__(self, path, threads=None, device="cpu"):
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                "Running .onnx files needs ONNX Runtime, `pip install "
                f"onnxruntime` ({error}). Received: path={path!r}"
            ) from error
        wanted = _PROVIDERS[device][0]
        available = onnxruntime.get_available_providers()
        if wanted not in available:
            raise ValueError(
                f"device={device!r} needs an ONNX Runtime with {wanted} "
                f"(`pip install onnxruntime-gpu`). Received: {available}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # Errors only; it warns of missing GPUs.
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=list(_PROVIDERS[device])
            )
        except Exception as error:  # Its own classes, without a common base.
            raise ValueError(
                f"ONNX Runtime cannot open the file: {error} "
                f"Received: path={path!r}"
            ) from error
        # A library that fails to load is skipped with a warning.
        if wanted not in self._session.get_providers():
            raise ValueError(
                f"{wanted} must start, but its libraries failed to load. "
                f"Received: {self._session.get_providers()}"
            )
        self.inputs = _onnx_shapes(self._session.get_inputs(), path)
        self.outputs = _onnx_shapes(self._session.get_outputs(), path)

    def __call__(self, arrays):
        names = list(self.outputs)
        return dict(zip(names, self._session.run(names, arrays)))


def _onnx_shapes(tensors, path):
    for tensor in tensors:
        check_float32(tensor.name, tensor.type == "tensor(float)", path)
    return {
        tensor.name: tuple(
            side if isinstance(side, int) else None for side in tensor.shape
        )
        for tensor in tensors
    }


class LiteRtEngine:
    """A .tflite file on LiteRT; see `open_engine`."""

    channels_first = False

    def __init__(self, path, threads=None):
        interpreter = _import_interpreter(path)
        try:
            self._interpreter = interpreter(
                model_path=path, num_threads=threads
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"LiteRT cannot open the file: {error} Received: path={path!r}"
            ) from error
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self.inputs = _litert_shapes(inputs, path)
        self.outputs = _litert_shapes(outputs, path)
        self._inputs = {entry["name"]: entry["index"] for entry in inputs}
        self._outputs = {entry["name"]: entry["index"] for entry in outputs}

    def __call__(self, arrays):
        for name, array in arrays.items():
            self._interpreter.set_tensor(self._inputs[name], array)
        self._interpreter.invoke()
        return {
            name: self._interpreter.get_tensor(index)
            for name, index in self._outputs.items()
        }


def _import_interpreter(path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise ImportError(
                "Running .tflite files needs LiteRT, `pip install "
                "ai-edge-litert`, or on older systems tflite-runtime "
                f"({error}). Received: path={path!r}"
            ) from error
    return Interpreter


def _litert_shapes(details, path):
    for entry in details:
        check_float32(entry["name"], entry["dtype"] == np.float32, path)
    return {entry["name"]: tuple(map(int, entry["shape"])) for entry in details}


def check_float32(name, is_float32, path):
    """Raises ValueError unless a tensor of a network file is float32."""
    if not is_float32:
        raise ValueError(
            "A network's inputs and outputs must be float32; other types are "
            f"allowed only inside. Received: tensor={name!r}, path={path!r}"
        )


def as_batch(engine, pixels):
    """Returns an engine's input of prepared pixels uint8 `(S, S, 3)`."""
    array = pixels[None]
    if engine.channels_first:
        array = array.transpose(0, 3, 1, 2)
    # Transposed and cast in one step: a tenth of the time of two.
    return array.astype(np.float32, order="C")


def image_shape(engine, size):
    """Returns an engine's input shape for one square image."""
    return (1, 3, size, size) if engine.channels_first else (1, size, size, 3)


def code_shape(engine, form):
    """Returns the shape of one image's codes of a `PayloadFormat`."""
    shape = form.shape
    if engine.channels_first and len(shape) == 3:
        return (shape[2], *shape[:2])
    return shape


def fits(received, shape):
    """Whether an engine's shape, None where it is open, admits `shape`."""
    return len(received) == len(shape) and all(
        side is None or side == wanted for side, wanted in zip(received, shape)
    )


class Chain:
    """Runs engines in sequence, each on the previous one's output.

    It has the interface of an engine of `open_engine`.

    Args:
        engines: At least one engine, all of one layout. All but the last have
            one output, all but the first have one input, of its shape.
    """

    def __init__(self, engines):
        self._engines = list(engines)
        first, last = self._engines[0], self._engines[-1]
        self.inputs, self.outputs = first.inputs, last.outputs
        self.channels_first = first.channels_first
        for before, after in zip(self._engines, self._engines[1:]):
            _check_fit(before, after)

    def __call__(self, arrays):
        for before, after in zip(self._engines, self._engines[1:]):
            (feature,) = before(arrays).values()
            (name,) = after.inputs
            arrays = {name: np.ascontiguousarray(feature)}
        return self._engines[-1](arrays)


def _check_fit(before, after):
    given, taken = list(before.outputs.values()), list(after.inputs.values())
    if (
        len(given) != 1
        or len(taken) != 1
        or before.channels_first != after.channels_first
        or not fits(taken[0], given[0])
    ):
        raise ValueError(
            "A network's parts must match, each one's output being the next "
            "one's input; files of different exports may have been mixed. "
            f"Received: outputs {before.outputs}, then inputs {after.inputs}"
        )
