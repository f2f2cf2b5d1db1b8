"""Tests of the build scripts: their syntax, and a run with a false trtexec."""

import os
import subprocess

import pytest

from bottlenet_tf.export.tensorrt import TARGETS
from bottlenet_tf.export.trtexec import build_scripts, image_scripts
from bottlenet_tf.runtime.unit_file import file_sha256

HEAD = {"image": (1, 3, 64, 64)}
TAIL = {"codes": (1, 8, 8), "range": (2,)}
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


def scripts(target, **changes):
    return build_scripts(target, HEAD, TAIL, **{"max_batch": 16, **changes})


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
    inputs = {"codes": (1, 8, 8), "point": ()}
    made = build_scripts("trt10", {**HEAD, "point": (1,)}, inputs, 16)
    assert "Inputs: image 1x3x64x64, point 1." in made["build_head.sh"]
    assert "Inputs: codes Nx1x8x8, point N." in made["build_tail.sh"]
    assert "--maxShapes=codes:16x1x8x8,point:16 " in made["build_tail.sh"]


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
    texts = scripts(target, opt_batch=4)
    if target == "trt11":
        machine(texts["convert_tail.sh"])
    arguments = machine(texts["build_tail.sh"]).arguments
    assert "--minShapes=codes:1x1x8x8,range:1x2" in arguments
    assert "--optShapes=codes:4x1x8x8,range:4x2" in arguments
    assert "--maxShapes=codes:16x1x8x8,range:16x2" in arguments


def test_kernels_are_chosen_for_the_largest_batch_unless_told(machine):
    arguments = machine(scripts("trt10")["build_tail.sh"]).arguments
    assert "--optShapes=codes:16x1x8x8,range:16x2" in arguments


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


def test_a_scalar_of_each_image_is_an_input_of_one_dimension():
    text = build_scripts("trt10", HEAD, {"low": ()}, 4)["build_tail.sh"]
    assert "--maxShapes=low:4 " in text


def test_an_unknown_target_lists_the_choices():
    with pytest.raises(ValueError, match="trt8.2, .*Received: target='trt9'"):
        scripts("trt9")


@pytest.mark.parametrize(
    "changes, received",
    [
        ({"max_batch": 0}, "max_batch=0"),
        ({"max_batch": True}, "max_batch=True"),
        ({"max_batch": 2.0}, "max_batch=2.0"),
        ({"opt_batch": -1}, "opt_batch=-1"),
        ({"opt_batch": 17}, "opt_batch=17, max_batch=16"),
        ({"workspace_mib": "1024"}, "workspace_mib='1024'"),
    ],
)
def test_sizes_must_be_positive_integers_in_order(changes, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        scripts("trt10", **changes)


@pytest.mark.parametrize(
    "name", ["codes:0", "a,b", "a b", "$(id)", "a'b", "", "a\n", "Ä"]
)
def test_names_that_would_be_split_are_refused(name):
    for inputs in (({name: (1,)}, TAIL), (HEAD, {name: (1,)})):
        with pytest.raises(ValueError, match="Received: name="):
            build_scripts("trt10", *inputs, 4)


@pytest.mark.parametrize("size", [0, -1, None, "N"])
def test_shapes_must_be_of_positive_integers(size):
    with pytest.raises(ValueError, match=r"Received: codes\[1\]="):
        build_scripts("trt10", HEAD, {"codes": (1, size)}, 4)


def test_a_graph_without_inputs_is_refused():
    with pytest.raises(ValueError, match="must have inputs"):
        build_scripts("trt10", {}, TAIL, 4)


def test_another_graph_of_one_image_is_built_as_the_head(machine):
    (machine.folder / "whole.onnx").write_text("whole")
    (text,) = image_scripts("trt8.2", "whole", HEAD).values()
    assert machine(text).returncode == 0
    assert "--onnx=whole.onnx" in (machine.folder / "arguments").read_text()
    note = (machine.folder / "whole.engine.sha256").read_text().strip()
    assert note == file_sha256(machine.folder / "whole.onnx")
