"""Tests of the build scripts: their syntax, and a run with a false trtexec."""

import os
import subprocess

import pytest
from onnx import TensorProto, helper

from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export import trtexec
from bottlenet_tf.export.tensorrt import TARGETS
from bottlenet_tf.runtime.unit_file import file_sha256

HEAD = {"image": (1, 3, 64, 64)}
TAIL = {"codes": ("N", 1, 8, 8), "range": ("N", 2)}
# Writes its arguments, a line each, and the file that it was to write.
FAKE = """\
#!/bin/sh
printf '%s\\n' "$@" > arguments
for argument in "$@"; do
    case $argument in
        --saveEngine=*) printf "$FAKE_ENGINE" > "${argument#--saveEngine=}" ;;
    esac
done
exit $FAKE_STATUS
"""
FAKE_PYTHON = """\
#!/bin/sh
printf '%s\\n' "$@" > arguments
while [ $# -gt 0 ]; do
    if [ "$1" = --output_path ]; then echo graph > "$2"; fi
    shift
done
"""


def scripts(target, tail=TAIL):
    return {
        **trtexec.scripts(target, "head", HEAD, 16),
        **trtexec.scripts(target, "tail", tail, 16),
    }


@pytest.fixture
def machine(tmp_path):
    """A folder with graphs, and `run(script)` in a PATH of our own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    folder = tmp_path / "with space" / "edge"
    folder.mkdir(parents=True)
    for part in ("head", "tail"):
        (folder / f"{part}.onnx").write_text(part)
    for name, text in (("trtexec", FAKE), ("python3", FAKE_PYTHON)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    usual = f"{programs}:/usr/bin:/bin"

    def run(text, status="0", engine="new", path=usual):
        (folder / "script.sh").write_text(text)
        done = subprocess.run(
            ["sh", folder / "script.sh"],
            cwd=tmp_path,
            env={"PATH": path, "FAKE_STATUS": status, "FAKE_ENGINE": engine},
            capture_output=True,
            text=True,
        )
        log = folder / "arguments"
        done.arguments = log.read_text().splitlines() if log.exists() else []
        return done

    run.folder = folder
    return run


def test_an_operating_point_is_an_input_of_one_number_for_each_image():
    inputs = {"codes": ("N", 1, 8, 8), "point": ("N",)}
    text = scripts("trt10", inputs)["build_tail.sh"]
    assert "Inputs: codes Nx1x8x8, point N." in text
    assert "--maxShapes=codes:16x1x8x8,point:16 " in text


@pytest.mark.parametrize("target", TARGETS)
def test_every_script_is_valid_shell(target):
    for name, text in scripts(target).items():
        done = subprocess.run(["sh", "-n"], input=text.encode())
        assert done.returncode == 0, name


@pytest.mark.parametrize(
    "target, flags",
    [
        ("trt8.2", ["--fp16", "--workspace=1024", "--buildOnly"]),
        ("trt8.5", ["--fp16", "--memPoolSize=workspace:1024", "--buildOnly"]),
        (
            "trt8.6",
            ["--fp16", "--memPoolSize=workspace:1024", "--skipInference"],
        ),
        (
            "trt10",
            ["--fp16", "--memPoolSize=workspace:1024", "--skipInference"],
        ),
    ],
)
def test_the_head_is_built_for_one_image_with_the_target_s_flags(
    target, flags, machine
):
    done = machine(scripts(target)["build_head.sh"])
    assert done.returncode == 0
    files = ["--onnx=head.onnx", "--saveEngine=head.engine.tmp"]
    assert sorted(done.arguments) == sorted(files + flags)


def test_the_engine_s_graph_is_noted_beside_it(machine):
    assert machine(scripts("trt8.2")["build_head.sh"]).returncode == 0
    note = (machine.folder / "head.engine.sha256").read_text().strip()
    assert note == file_sha256(machine.folder / "head.onnx")
    # A failed build leaves engine and note as they were.
    assert machine(scripts("trt8.2")["build_head.sh"], "1").returncode
    assert (machine.folder / "head.engine.sha256").read_text().strip() == note


@pytest.mark.parametrize("target", TARGETS)
def test_the_tail_gets_a_profile_of_all_its_inputs(target, machine):
    texts = scripts(target)
    if target == "trt11":
        machine(texts["convert_tail.sh"])
    arguments = machine(texts["build_tail.sh"]).arguments
    assert "--minShapes=codes:1x1x8x8,range:1x2" in arguments
    # Kernels are chosen for the largest batch.
    assert "--optShapes=codes:16x1x8x8,range:16x2" in arguments
    assert "--maxShapes=codes:16x1x8x8,range:16x2" in arguments


@pytest.mark.parametrize("part", ["head", "tail"])
def test_an_engine_appears_under_its_name_alone(part, machine):
    machine(scripts("trt8.2")[f"build_{part}.sh"])
    engines = [f.name for f in machine.folder.iterdir() if "engine" in f.name]
    assert sorted(engines) == [f"{part}.engine", f"{part}.engine.sha256"]


@pytest.mark.parametrize(
    "outcome, status", [({"status": "3"}, 3), ({"engine": ""}, 1)]
)
def test_a_failed_build_leaves_the_old_engine_and_fails(
    outcome, status, machine
):
    (machine.folder / "head.engine").write_text("old")
    done = machine(scripts("trt8.2")["build_head.sh"], **outcome)
    assert done.returncode == status
    assert (machine.folder / "head.engine").read_text() == "old"
    assert not (machine.folder / "head.engine.tmp").exists()


@pytest.mark.skipif(
    os.path.exists("/usr/src/tensorrt/bin/trtexec"), reason="has trtexec"
)
def test_without_trtexec_a_build_says_so(machine):
    text = scripts("trt8.2")["build_head.sh"]
    done = machine(text, path="/usr/bin:/bin")
    assert done.returncode == 127
    assert "trtexec must be in PATH" in done.stderr


def test_tensorrt_11_gets_no_precision_flag(machine):
    texts = scripts("trt11")
    assert machine(texts["convert_head.sh"]).returncode == 0
    done = machine(texts["build_head.sh"])
    assert sorted(done.arguments) == [
        "--memPoolSize=workspace:1024",
        "--onnx=head_fp16.onnx",
        "--saveEngine=head.engine.tmp",
        "--skipInference",
    ]


def test_tensorrt_11_gets_its_graph_from_autocast(machine):
    done = machine(scripts("trt11")["convert_tail.sh"])
    assert done.arguments == [
        "-m",
        "modelopt.onnx.autocast",
        "--onnx_path",
        "tail.onnx",
        "--output_path",
        "tail_fp16.tmp.onnx",
        "--low_precision_type",
        "fp16",
        "--keep_io_types",
    ]
    assert (machine.folder / "tail_fp16.onnx").read_text() == "graph\n"
    assert not (machine.folder / "tail_fp16.tmp.onnx").exists()


def test_an_fp16_graph_of_another_export_is_not_built(machine):
    texts = scripts("trt11")
    machine(texts["convert_head.sh"])
    (machine.folder / "head.onnx").write_text("another")
    done = machine(texts["build_head.sh"])
    assert done.returncode == 1
    assert "run convert_head.sh first" in done.stderr
    assert not (machine.folder / "head.engine").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_only_tensorrt_11_is_converted_first(target):
    names = {"build_head.sh", "build_tail.sh"}
    if target == "trt11":
        names |= {"convert_head.sh", "convert_tail.sh"}
    assert set(scripts(target)) == names


def test_the_scripts_say_what_they_are_for():
    texts = scripts("trt8.2")
    assert "with TensorRT 8.2, for 1 image." in texts["build_head.sh"]
    assert "Inputs: image 1x3x64x64." in texts["build_head.sh"]
    assert "for 1 to 16 images." in texts["build_tail.sh"]
    assert "Inputs: codes Nx1x8x8, range Nx2." in texts["build_tail.sh"]


def test_shapes_are_those_of_the_graph(machine):
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 4, 4))
    ]
    graph = helper.make_graph([], "g", inputs, [])
    config = ExportConfig(("a",), "out", target="trt8.2")
    trtexec.write(machine.folder, "whole", graph, config)
    (machine.folder / "whole.onnx").write_text("whole")
    script = machine.folder / "build_whole.sh"
    assert os.access(script, os.X_OK)
    assert "Inputs: image 1x3x4x4." in script.read_text()
    assert machine(script.read_text()).returncode == 0
    assert "--onnx=whole.onnx" in (machine.folder / "arguments").read_text()
    note = (machine.folder / "whole.engine.sha256").read_text().strip()
    assert note == file_sha256(machine.folder / "whole.onnx")
