"""TensorRT engines by NVIDIA's own Python module and the CUDA runtime."""

import ctypes
import weakref

import numpy as np

from bottlenet_tf.runtime.engines import check_float32

_TO_DEVICE, _TO_HOST = 1, 2  # cudaMemcpyKind

# First the one without a version, which is the installed toolkit's; in JetPack
# it is outside the loader's path.
_CUDART = (
    "libcudart.so",
    "/usr/local/cuda/lib64/libcudart.so",
    "libcudart.so.13",
    "libcudart.so.12",
    "libcudart.so.11.0",
    "libcudart.so.10.2",
)


class TensorRtEngine:
    """A serialized TensorRT engine; see `engines.open_engine`.

    Supports both generations of the API: bindings by number up to TensorRT 8.4
    (JetPack 4.6 has 8.2), tensors by name from 8.5. An engine runs only on the
    kind of GPU and the TensorRT version that it was built with. One call
    at a time: calls share buffers.

    Tested only against stand-ins for TensorRT and CUDA, never on a device.
    """

    channels_first = True

    def __init__(self, path):
        tensorrt = _import_tensorrt(path)
        self._memory = DeviceMemory()
        # Kept, because an engine must not outlive them.
        self._logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        self._runtime = tensorrt.Runtime(self._logger)
        with open(path, "rb") as file:
            engine = self._runtime.deserialize_cuda_engine(file.read())
        if engine is None:
            raise ValueError(
                "An engine must be built on the device that runs it, with its "
                f"TensorRT ({tensorrt.__version__} here), and copied "
                "completely; TensorRT refuses this one. Received: "
                f"path={path!r}"
            )
        self._engine = engine
        self._context = engine.create_execution_context()
        if self._context is None:
            raise RuntimeError(
                "TensorRT could not set up the engine, usually for lack of "
                f"memory. Received: path={path!r}"
            )
        self.inputs, self.outputs, self._pointers = {}, {}, {}
        for name, is_input, shape, dtype in _tensors(tensorrt, engine):
            check_float32(name, dtype == tensorrt.DataType.FLOAT, path)
            if any(side < 1 for side in shape):
                raise ValueError(
                    "An engine's shapes must be fixed, as in the exported "
                    f"head.onnx. Received: tensor={name!r}, shape={shape}, "
                    f"path={path!r}"
                )
            (self.inputs if is_input else self.outputs)[name] = shape
            size = 4 * int(np.prod(shape))
            self._pointers[name] = self._memory.allocate(size)
        self._by_name = _has_names(engine)
        if self._by_name:
            for name, pointer in self._pointers.items():
                self._context.set_tensor_address(name, pointer)

    def __call__(self, arrays):
        for name, shape in self.inputs.items():
            array = np.ascontiguousarray(arrays[name])
            # Nothing else compares it with the buffer's size.
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(
                    f"Input {name!r} must be float32 of shape {shape}. "
                    f"Received: shape={array.shape}, dtype={array.dtype}"
                )
            self._memory.upload(self._pointers[name], array)
        if self._by_name:
            done = self._context.execute_async_v3(self._memory.stream)
            self._memory.synchronize()
        else:  # Bindings in the engine's order; returns when it is done.
            done = self._context.execute_v2(list(self._pointers.values()))
        if not done:
            raise RuntimeError(
                "TensorRT failed to run the engine; its log says why. "
                f"Received: inputs={sorted(arrays)}"
            )
        return {
            name: self._memory.download(self._pointers[name], shape)
            for name, shape in self.outputs.items()
        }


def _import_tensorrt(path):
    try:
        import tensorrt
    except ImportError as error:
        raise ImportError(
            "Running TensorRT engines needs NVIDIA's module tensorrt; on "
            "JetPack, `sudo apt install python3-libnvinfer` "
            f"({error}). Received: path={path!r}"
        ) from error
    return tensorrt


def _has_names(engine):
    """Whether tensors are set by name: from 8.5; the only way from 10."""
    return hasattr(engine, "num_io_tensors")


def _tensors(tensorrt, engine):
    """Yields name, whether it is an input, shape and type of each tensor."""
    if not _has_names(engine):
        for index in range(engine.num_bindings):
            yield (
                engine.get_binding_name(index),
                engine.binding_is_input(index),
                tuple(engine.get_binding_shape(index)),
                engine.get_binding_dtype(index),
            )
        return
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        yield (
            name,
            engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT,
            tuple(engine.get_tensor_shape(name)),
            engine.get_tensor_dtype(name),
        )


class DeviceMemory:
    """Memory on the GPU and a stream, released together with this object.

    With ctypes on the CUDA runtime, so that a device needs no further module.
    Any method raises RuntimeError if CUDA reports an error.
    """

    def __init__(self):
        self._library = load_cudart()
        self._owned = []
        weakref.finalize(self, _release, self._library, self._owned)
        self.stream = self._create("cudaStreamCreate", "cudaStreamDestroy")

    def allocate(self, size):
        """Returns the address (int) of `size` new bytes."""
        return self._create("cudaMalloc", "cudaFree", ctypes.c_size_t(size))

    def upload(self, pointer, array):
        """Copies a contiguous array to the GPU."""
        self._copy(pointer, array.ctypes.data, array.nbytes, _TO_DEVICE)

    def download(self, pointer, shape):
        """Returns the float32 array of `shape` at `pointer`."""
        array = np.empty(shape, np.float32)
        self._copy(array.ctypes.data, pointer, array.nbytes, _TO_HOST)
        return array

    def synchronize(self):
        """Waits until the stream has done its work."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def _copy(self, to, source, size, kind):
        # Blocks, and waits for our stream, which is a blocking one.
        self._call(
            "cudaMemcpy",
            ctypes.c_void_p(to),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size),
            ctypes.c_int(kind),
        )

    def _create(self, create, destroy, *arguments):
        handle = ctypes.c_void_p()
        self._call(create, ctypes.byref(handle), *arguments)
        self._owned.append((destroy, handle.value))
        return handle.value

    def _call(self, function, *arguments):
        status = getattr(self._library, function)(*arguments)
        if status != 0:
            describe = self._library.cudaGetErrorString
            describe.restype = ctypes.c_char_p
            text = describe(ctypes.c_int(status)).decode()
            raise RuntimeError(
                f"{function} must succeed. Received: {text} (error {status})"
            )


def _release(library, owned):
    for destroy, handle in reversed(owned):
        getattr(library, destroy)(ctypes.c_void_p(handle))


def load_cudart():
    """Returns the CUDA runtime library, by ctypes."""
    errors = []
    for name in _CUDART:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            errors.append(str(error))
    raise ImportError(
        "Running TensorRT engines needs the CUDA runtime, libcudart, which is "
        "in JetPack and the CUDA toolkit; its folder can be added to "
        f"LD_LIBRARY_PATH. Received: {'; '.join(errors)}"
    )
