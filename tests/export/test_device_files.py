"""Tests of the package's files that travel with a deployment."""

import pathlib
import subprocess
import sys

import pytest

import bottlenet_tf
from bottlenet_tf.export import device_files, wheel


@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_compiled_for_one_machine_goes_to_servers_alone(
    tmp_path, monkeypatch, compiled
):
    package = tmp_path / "from" / "bottlenet_tf"
    for part in ("codec", "common", "runtime"):
        (package / part / "__pycache__").mkdir(parents=True)
    for name in (
        "__init__.py",
        "common/__init__.py",
        "common/checks.py",
        "common/registry.py",
        "codec/_range_coder.c",
        "codec/_range_coder.abi3.so",
        "runtime/__pycache__/edge.pyc",
    ):
        (package / name).touch()
    monkeypatch.setattr(device_files, "_PACKAGE", package)
    device_files.copy_package(tmp_path / "to", compiled)
    copied = [path for path in (tmp_path / "to").rglob("*") if path.is_file()]
    assert sorted(path.name for path in copied) == [
        "__init__.py",
        "__init__.py",
        *(["_range_coder.abi3.so"] if compiled else []),
        "_range_coder.c",
        "checks.py",
        "registry.py",
    ]


def test_the_source_of_what_is_compiled_travels(tmp_path):
    device_files.copy_package(tmp_path)
    here = pathlib.Path(bottlenet_tf.__file__).parent
    name = "codec/_range_coder.c"
    copy = tmp_path / "bottlenet_tf" / name
    assert copy.read_bytes() == (here / name).read_bytes()


def test_a_wheel_of_it_installs_without_an_index(tmp_path):
    device_files.write_wheel(tmp_path)
    path = tmp_path / wheel.FILE_NAME
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--target", site, path], check=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import bottlenet_tf.edge.program\n"
        "from bottlenet_tf.runtime.cloud import Tail\n"
        "from bottlenet_tf.runtime.edge import Head\n"
        "print(bottlenet_tf.__file__)"
    )
    command = [sys.executable, "-I", "-c", code, site]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    assert found.stdout.decode().startswith(str(site))
    listed = site / f"{path.name.split('-py3')[0]}.dist-info" / "RECORD"
    assert "bottlenet_tf/runtime/edge.py,sha256=" in listed.read_text()


def test_wheels_of_the_same_files_are_the_same_bytes(tmp_path):
    device_files.write_wheel(tmp_path)
    path = tmp_path / wheel.FILE_NAME
    first = path.read_bytes()
    device_files.write_wheel(tmp_path)
    assert path.read_bytes() == first
