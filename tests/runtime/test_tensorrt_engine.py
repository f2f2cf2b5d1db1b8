"""Tests of TensorRT's engine against stand-ins for TensorRT and CUDA.

They check that tensors are found, memory is copied, and everything is freed,
in both generations of the API. They cannot show that a real TensorRT agrees.
"""

import ctypes
import enum
import gc
import importlib.machinery
import sys
import types

import numpy as np
import pytest

from bottlenet_tf.runtime import tensorrt_engine
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.engines import open_engine

STREAM = 77


class Cuda:
    """libcudart on the host: its functions take what ctypes makes of them."""

    def __init__(self):
        self.memory = {}
        self.streams = 0
        self.fails = None
        self.synchronized = False
        types_of = {
            "cudaMalloc": (ctypes.c_void_p, ctypes.c_size_t),
            "cudaFree": (ctypes.c_void_p,),
            "cudaMemcpy": (
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_size_t,
                ctypes.c_int,
            ),
            "cudaStreamCreate": (ctypes.c_void_p,),
            "cudaStreamDestroy": (ctypes.c_void_p,),
            "cudaStreamSynchronize": (ctypes.c_void_p,),
        }
        for name, arguments in types_of.items():
            prototype = ctypes.CFUNCTYPE(ctypes.c_int, *arguments)
            setattr(self, name, prototype(self._checked(name)))

        # An address, of which the caller shall make a string.
        self._text = ctypes.create_string_buffer(b"out of memory")
        self.cudaGetErrorString = ctypes.CFUNCTYPE(
            ctypes.c_void_p, ctypes.c_int
        )(lambda status: ctypes.addressof(self._text))

    def _checked(self, name):
        def call(*arguments):
            if self.fails == name:
                return 2
            return getattr(self, "_" + name)(*arguments)

        return call

    def _cudaMalloc(self, handle, size):
        buffer = ctypes.create_string_buffer(size)
        self.memory[ctypes.addressof(buffer)] = buffer
        return self._store(handle, ctypes.addressof(buffer))

    def _cudaFree(self, pointer):
        del self.memory[pointer]
        return 0

    def _cudaMemcpy(self, to, source, size, kind):
        # 1 is from host to device, 2 back.
        device = {1: to, 2: source}[kind]
        if len(self.memory[device]) != size:
            return 1
        ctypes.memmove(to, source, size)
        return 0

    def _cudaStreamCreate(self, handle):
        self.streams += 1
        return self._store(handle, STREAM)

    def _cudaStreamDestroy(self, stream):
        self.streams -= 1
        return 0

    def _cudaStreamSynchronize(self, stream):
        self.synchronized = stream == STREAM
        return 0

    @staticmethod
    def _store(handle, value):
        ctypes.c_void_p.from_address(handle).value = value
        return 0


class DataType(enum.Enum):
    """TensorRT's names of types, two of them."""

    FLOAT = 0
    HALF = 1


class TensorIOMode(enum.Enum):
    """Which way a tensor goes."""

    INPUT = 1
    OUTPUT = 2


def at(pointer, shape):
    """The float32 array that lies at an address."""
    count = int(np.prod(shape))
    buffer = (ctypes.c_float * count).from_address(pointer)
    return np.ctypeslib.as_array(buffer).reshape(shape)


class Engine:
    """What both generations share; `run` maps arrays to arrays by name."""

    def __init__(self, tensors, run):
        # (name, is_input, shape, dtype), in no particular order.
        self.tensors = tensors
        self.run = run
        self.works = True

    def create_execution_context(self):
        return self

    def execute(self, pointers):
        arrays = {
            name: at(pointers[name], shape)
            for name, _, shape, _ in self.tensors
        }
        outputs = self.run(arrays)
        for name, is_input, _, _ in self.tensors:
            if not is_input:
                arrays[name][...] = outputs[name]
        return self.works


class EngineByNumber(Engine):
    """Up to TensorRT 8.4."""

    @property
    def num_bindings(self):
        return len(self.tensors)

    def get_binding_name(self, index):
        return self.tensors[index][0]

    def binding_is_input(self, index):
        return self.tensors[index][1]

    def get_binding_shape(self, index):
        return list(self.tensors[index][2])

    def get_binding_dtype(self, index):
        return self.tensors[index][3]

    def execute_v2(self, bindings):
        names = [name for name, *_ in self.tensors]
        return self.execute(dict(zip(names, bindings, strict=True)))


class EngineByName(Engine):
    """From TensorRT 8.5; 10 has nothing else."""

    def __init__(self, tensors, run):
        super().__init__(tensors, run)
        self.addresses = {}

    @property
    def num_io_tensors(self):
        return len(self.tensors)

    def get_tensor_name(self, index):
        return self.tensors[index][0]

    def _of(self, name):
        return next(entry for entry in self.tensors if entry[0] == name)

    def get_tensor_mode(self, name):
        inside = self._of(name)[1]
        return TensorIOMode.INPUT if inside else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return list(self._of(name)[2])

    def get_tensor_dtype(self, name):
        return self._of(name)[3]

    def set_tensor_address(self, name, pointer):
        self.addresses[name] = pointer
        return True

    def execute_async_v3(self, stream):
        assert stream == STREAM
        return self.execute(self.addresses)


def make_head(hand):
    def run(arrays):
        pixels = arrays["image"][0].transpose(1, 2, 0)
        sums = hand.head_sums(pixels)
        codes = np.rint(np.clip(sums, 0, 255)).transpose(2, 0, 1)
        return {"codes": codes, "range": [[sums.min(), sums.max()]]}

    return run


TENSORS = [
    ("range", False, (1, 2), DataType.FLOAT),
    ("image", True, (1, 3, 8, 8), DataType.FLOAT),
    ("codes", False, (1, 2, 4, 4), DataType.FLOAT),
]


@pytest.fixture
def cuda(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr(tensorrt_engine, "load_cudart", lambda: cuda)
    return cuda


@pytest.fixture(params=[EngineByNumber, EngineByName])
def engine(request, hand):
    """What the stand-in for TensorRT reads from any file."""
    return request.param(list(TENSORS), make_head(hand))


@pytest.fixture
def tensorrt(monkeypatch, engine, cuda):
    """A module `tensorrt` whose engines are `engine`, unless it is None."""
    module = types.ModuleType("tensorrt")
    module.__spec__ = importlib.machinery.ModuleSpec("tensorrt", None)
    module.__version__ = "8.2.1.9"
    module.DataType, module.TensorIOMode = DataType, TensorIOMode
    module.Logger = lambda severity: severity
    module.Logger.WARNING = 2
    module.engine = engine
    module.Runtime = lambda logger: types.SimpleNamespace(
        deserialize_cuda_engine=lambda data: module.engine
    )
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return module


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "head.engine"
    path.write_bytes(b"an engine")
    return path


def test_tensors_are_listed_with_their_shapes(tensorrt, path):
    opened = open_engine(path)
    assert opened.inputs == {"image": (1, 3, 8, 8)}
    assert opened.outputs == {"range": (1, 2), "codes": (1, 2, 4, 4)}


def test_a_head_makes_the_payload_that_onnx_runtime_makes(
    tensorrt, deploy, pixels
):
    folder = deploy()
    (folder / "edge" / "head.engine").write_bytes(b"an engine")
    head = Head.load(folder)
    assert head.runtime == "tensorrt"
    # Twice: buffers and addresses serve every call.
    for image in (255 - pixels, pixels):
        want = Head.load(folder, "onnx").encode(image)
        assert head.encode(image) == want


@pytest.mark.parametrize("engine", [EngineByName], indirect=True)
def test_results_are_read_after_the_stream_is_done(tensorrt, cuda, path):
    open_engine(path)({"image": np.zeros((1, 3, 8, 8), np.float32)})
    assert cuda.synchronized


def test_memory_and_stream_are_freed_with_the_engine(tensorrt, cuda, path):
    opened = open_engine(path)
    assert len(cuda.memory) == 3 and cuda.streams == 1
    del opened
    gc.collect()
    assert not cuda.memory and cuda.streams == 0


def test_memory_is_freed_when_opening_fails_half_way(tensorrt, cuda, path):
    tensorrt.engine.tensors[2] = ("codes", False, (1, 2), DataType.HALF)
    with pytest.raises(ValueError, match="float32.*tensor='codes'"):
        open_engine(path)
    gc.collect()
    assert not cuda.memory and cuda.streams == 0


def test_an_open_dimension_is_refused(tensorrt, path):
    tensorrt.engine.tensors[1] = ("image", True, (-1, 3, 8, 8), DataType.FLOAT)
    with pytest.raises(ValueError, match="fixed.*tensor='image'"):
        open_engine(path)


def test_an_engine_of_another_device_is_named(tensorrt, path):
    tensorrt.engine = None
    with pytest.raises(ValueError, match="8.2.1.9.*head.engine"):
        open_engine(path)


def test_a_context_that_cannot_be_made_is_named(tensorrt, path, monkeypatch):
    monkeypatch.setattr(
        tensorrt.engine, "create_execution_context", lambda: None
    )
    with pytest.raises(RuntimeError, match="memory.*head.engine"):
        open_engine(path)


def test_a_failed_run_is_no_result(tensorrt, path):
    opened = open_engine(path)
    tensorrt.engine.works = False
    with pytest.raises(RuntimeError, match="failed to run"):
        opened({"image": np.zeros((1, 3, 8, 8), np.float32)})


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((1, 3, 8, 9), np.float32),
        np.zeros((3, 8, 8), np.float32),
        np.zeros((1, 3, 8, 8), np.float64),
    ],
)
def test_an_array_that_does_not_fill_the_buffer_is_refused(
    tensorrt, path, array
):
    with pytest.raises(ValueError, match="Input 'image' must be float32"):
        open_engine(path)({"image": array})


def test_an_error_of_cuda_is_reported_in_its_words(tensorrt, cuda, path):
    cuda.fails = "cudaMalloc"
    with pytest.raises(RuntimeError, match="cudaMalloc.*out of memory.*2"):
        open_engine(path)


def test_a_missing_tensorrt_says_where_it_comes_from(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(ImportError, match="python3-libnvinfer.*head.engine"):
        open_engine(path)


def test_a_missing_cuda_runtime_is_named(monkeypatch):
    monkeypatch.setattr(tensorrt_engine, "_CUDART", ("libno_cudart.so",))
    with pytest.raises(ImportError, match="libcudart.*libno_cudart.so"):
        tensorrt_engine.load_cudart()


def test_a_plan_is_an_engine(tensorrt, path):
    plan = path.with_suffix(".plan")
    plan.write_bytes(b"an engine")
    assert open_engine(plan).inputs == {"image": (1, 3, 8, 8)}
