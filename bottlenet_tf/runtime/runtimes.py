"""The libraries that run a network: its file, and the modules needed.

A device has two: the head, and the network without a split (`whole`).

Imports neither NumPy nor any of the libraries, so that naming and choosing one
is fast.
"""

import importlib.util
import os

_LITERT = ("ai_edge_litert", "tflite_runtime")

# Runtime: the ending of its file's name, and modules of which one is needed to
# run it.
RUNTIMES = {
    "tensorrt": (".engine", ("tensorrt",)),
    "onnx": (".onnx", ("onnxruntime",)),
    "litert": (".tflite", _LITERT),
    "litert_float16": ("_float16.tflite", _LITERT),
    "litert_int8": ("_int8.tflite", _LITERT),
}

# Tried in this order by default. The other two change some codes.
AUTOMATIC = ("tensorrt", "onnx", "litert")


def choose(folder, part="head"):
    """Returns the first of `AUTOMATIC` whose file and library exist."""
    seen, error = [], FileNotFoundError
    for runtime in AUTOMATIC:
        file, modules = file_of(runtime, part), RUNTIMES[runtime][1]
        if not os.path.isfile(os.path.join(folder, file)):
            seen.append(f"{file} is missing")
        elif not any(map(_is_installed, modules)):
            seen.append(f"{file} needs the module {' or '.join(modules)}")
            error = ImportError
        else:
            return runtime
    raise error(
        "A network needs one of its files and the library that runs it. "
        f"Received: folder={folder!r}, where {', '.join(seen)}"
    )


def file_of(runtime, part="head"):
    """Returns the name of a runtime's file of a network."""
    if runtime not in RUNTIMES:
        raise ValueError(
            f"`runtime` must be one of {', '.join(RUNTIMES)}. "
            f"Received: runtime={runtime!r}"
        )
    return part + RUNTIMES[runtime][0]


def _is_installed(module):
    """Whether a module is found; it is not imported."""
    return importlib.util.find_spec(module) is not None
