"""What runs on a device keeps to Python 3.6 and to the libraries there."""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1] / "bottlenet_tf"
MODULES = sorted(
    [
        ROOT / "__init__.py",
        ROOT / "common" / "__init__.py",
        ROOT / "common" / "checks.py",
        ROOT / "common" / "formats.py",
        ROOT / "common" / "registry.py",
        *(ROOT / "edge").rglob("*.py"),
        *(ROOT / "link").rglob("*.py"),
        *(ROOT / "codec").rglob("*.py"),
        *(ROOT / "runtime").rglob("*.py"),
    ]
)
# What a device has; the last row is imported by whoever asks for it.
INSTALLED = {"numpy", "PIL", "imagecodecs"}
ON_DEMAND = {
    "cv2",
    "grpc",
    "onnxruntime",
    "ai_edge_litert",
    "tflite_runtime",
    "tensorrt",
    "triton_python_backend_utils",
}
DEPLOYED = (
    "bottlenet_tf.codec",
    "bottlenet_tf.edge",
    "bottlenet_tf.common.checks",
    "bottlenet_tf.common.formats",
    "bottlenet_tf.link",
    "bottlenet_tf.common.registry",
    "bottlenet_tf.runtime",
)

each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(ROOT))
)


def lowest_python(source):
    """The lowest Python 3 that has a source's syntax, modules and names."""
    vermin = pytest.importorskip("vermin")
    return vermin.detect(source)[1] or (3, 0)


def imports(tree):
    """Yields the dotted names of the modules that a tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@each_module
def test_python_36_runs_it(path):
    assert lowest_python(path.read_text()) <= (3, 6)


@pytest.mark.parametrize(
    "source",
    [
        "import dataclasses",
        "from __future__ import annotations",
        "if (n := 1):\n    pass",
        "def f(a, /):\n    pass",
        "print(f'{1=}')",
        "import subprocess\nsubprocess.run([], capture_output=True)",
        "import math\nmath.prod([1])",
        "import functools\n@functools.cached_property\ndef f(self): pass",
        "'ab'.removeprefix('a')",
        "import time\ntime.perf_counter_ns()",
    ],
)
def test_the_check_sees_what_python_36_lacks(source):
    assert lowest_python(source) > (3, 6)


@each_module
def test_it_imports_what_a_device_has(path):
    for name in imports(ast.parse(path.read_text())):
        package = name.split(".")[0]
        if package == "bottlenet_tf":
            assert name.startswith(DEPLOYED), name
        elif package not in INSTALLED | ON_DEMAND:
            assert package in sys.stdlib_module_names, name


@each_module
def test_inference_libraries_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found = {name.split(".")[0] for name in imports(node)}
            assert id(node) in inside or not found & ON_DEMAND
