"""Imports run downward only, and the byte side needs no TensorFlow."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1] / "bottlenet_tf"

# A module may import what stands on lower levels, and its own package.
LEVELS = {
    "common": 0,
    "codec": 1,
    "link": 1,
    "tasks": 1,
    "config": 2,
    "emulation": 2,
    "layers": 2,
    "runtime": 2,
    "backbones": 3,
    "data": 3,
    "edge": 3,
    "models": 4,
    "evaluation": 5,
    "training": 6,
    "export": 7,
    "serving": 7,
    "adaptation": 8,
    "other_images": 8,
    "profiling": 8,
    "split_model": 8,
    "search": 9,
    "selection": 9,
    "report": 10,
    "cli": 11,
}
WITHOUT_TENSORFLOW = (
    "codec",
    "common.rate_curves",
    "common.registry",
    "common.run_folders",
    "common.validation",
    "config.adapt",
    "config.evaluate",
    "config.run",
    "config.unit",
    "edge.network",
    "edge.program",
    "emulation",
    "emulation.replay_picture",
    "link.controller",
    "link.kserve_http",
    "link.plan_file",
    "link.sender",
    "profiling.measure",
    "profiling.meters",
    "profiling.profile_file",
    "report",
    "runtime.cloud",
    "runtime.device",
    "runtime.edge",
    "runtime.tails",
    "selection",
    "serving",
    "serving.engines",
)
MODULES = sorted(ROOT.rglob("*.py"))


def _package(path):
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def _imports(path):
    """Yields the dotted names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.name))
def test_imports_run_downward_only(path):
    package = _package(path)
    if package == "__init__":
        assert list(_imports(path)) == ["importlib"]
        return
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] != "bottlenet_tf" or len(parts) < 2:
            continue
        if parts[1] not in LEVELS or parts[1] == package:
            continue
        assert LEVELS[parts[1]] < LEVELS[package], f"{path} imports {name}"


def test_every_package_has_a_level():
    assert {_package(path) for path in MODULES} - {"__init__"} == set(LEVELS)


def test_deployments_hold_utf_8_wherever_they_are_written():
    for path in (ROOT / "export").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if getattr(getattr(node, "func", None), "attr", "") == "write_text":
                given = {k.arg: k.value.value for k in node.keywords}
                assert given == {"encoding": "utf-8"}, path.name


def test_flags_are_touched_by_the_command_lines_alone():
    users = {
        _package(path)
        for path in MODULES
        if any(name.startswith("absl") for name in _imports(path))
    }
    assert users == {"cli"}


def test_test_images_are_named_in_one_place():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if _package(path) != "data"
        and any(
            isinstance(node, ast.Attribute) and node.attr == "test"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert users == {"training/measure.py"}


def test_a_device_measures_time_by_a_clock_that_nobody_sets():
    # A clock that jumps would end questions, or keep them for ever.
    paths = [
        p for n in ("link", "edge", "runtime") for p in (ROOT / n).glob("*.py")
    ]
    assert len(paths) > 30
    for path in paths:
        assert "time.time(" not in path.read_text(), path


def test_the_byte_side_does_without_tensorflow():
    program = "\n".join(
        f"import bottlenet_tf.{name}\n"
        "found = {'tensorflow', 'keras', 'absl'} & set(sys.modules)\n"
        f"if found: sys.exit(f'{name} imports {{found}}')"
        for name in WITHOUT_TENSORFLOW
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
