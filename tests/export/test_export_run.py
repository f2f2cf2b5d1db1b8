"""export.py from runs to a folder that works, and what it refuses."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tensorflow as tf
from PIL import Image

from bottlenet_tf import backbones, export
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export import (
    frozen,
    onnx_graphs,
    run_files,
    runner,
    staging,
    unsplit,
)
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.runtime import served
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.whole import Whole
from bottlenet_tf.training import load_model
from tests import point_unit
from tests.jpeg_libraries import coarser, encoding_by

ROOT = pathlib.Path(__file__).parents[2]


def _config(sweep, out, *names, **more):
    workdir = tuple(str(sweep / name) for name in names)
    return ExportConfig(workdir=workdir, out=str(out), parity_images=20, **more)


@pytest.fixture(scope="module")
def deployment(sweep, tmp_path_factory):
    out = tmp_path_factory.mktemp("deploy") / "one"
    export.run(_config(sweep, out, "range"))
    return out


def test_the_folder_holds_what_the_manifest_lists(deployment):
    manifest = json.loads((deployment / "manifest.json").read_text())
    found = staging.checksums(deployment)
    del found["manifest.json"]
    assert manifest["sha256"] == found
    assert {
        "edge/head.onnx",
        "edge/head.tflite",
        "edge/head_float16.tflite",
        "edge/head_int8.tflite",
        "edge/encode.py",
        "edge/run.py",
        "edge/bottlenet_tf/link/sender.py",
        "edge/unit.json",
        "edge/whole.json",
        "edge/whole.onnx",
        "edge/whole.tflite",
        "edge/whole_float16.tflite",
        "edge/whole_int8.tflite",
        "edge/build_whole.sh",
        "cloud/tail.onnx",
        "cloud/unit.json",
        "cloud/labels.txt",
        "cloud/serving/models.config",
        "cloud/serving/batching.config",
        "cloud/serving/range/1/saved_model.pb",
        "cloud/served.json",
        "edge/served.json",
        "cloud/triton/tail/config.pbtxt",
    } <= set(found)
    version = f"cloud/triton/tail/{manifest['served']['version']}"
    assert {
        f"{version}/model.py",
        f"{version}/units/range/tail.onnx",
        f"{version}/units/range/unit.json",
    } <= set(found)


def test_the_manifest_holds_the_runs_figures_and_the_parity(deployment, sweep):
    (model,) = json.loads((deployment / "manifest.json").read_text())["models"]
    report = json.loads((sweep / "range" / "report.json").read_text())
    assert model["run"]["accuracy"] == report["accuracy"]
    assert model["run"]["wire_bytes_mean"] == report["wire_bytes_mean"]
    assert [p["artefact"] for p in model["parity"]] == [
        "head.onnx",
        "head.tflite",
        "head_float16.tflite",
        "head_int8.tflite",
        "tail.onnx",
        "serving/range",
        "triton/range",
    ]


def test_the_manifest_tells_of_the_network_without_a_split(deployment, sweep):
    (whole,) = json.loads((deployment / "manifest.json").read_text())["whole"]
    report = json.loads((sweep / "range" / "report.json").read_text())
    assert (whole["folder"], whole["models"]) == ("edge", ["range"])
    assert whole["name"] == "tiny.keras" and whole["timing_only"] is None
    assert whole["baseline_accuracy"] == report["baseline_accuracy"]
    assert whole["weights_sha256"] == report["untouched_sha256"]
    for parity, file in zip(
        whole["parity"],
        ("edge/whole.onnx", "edge/whole.tflite", "edge/whole_float16.tflite",
         "edge/whole_int8.tflite", "triton/whole"),
        strict=True,
    ):  # fmt: skip
        assert parity["artefact"] == file
        assert parity["same_payloads"] is None
        limit = parity["tolerance"]["logit_difference"]
        assert limit is None or parity["logit_difference"] <= limit


@pytest.mark.parametrize("runtime", ["onnx", "litert"])
def test_the_device_answers_alone_as_the_untouched_network_does(
    deployment, tiny_backbone, runtime
):
    image = np.random.RandomState(0).randint(0, 256, (32, 32, 3), np.uint8)
    given = backbones.create(tiny_backbone, image_size=32, num_classes=10)
    wanted = given.model(image[None].astype(np.float32))[0]
    found = Whole.load(deployment, runtime).logits(image)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_manifest_says_where_the_cut_is_and_what_each_half_computes(
    deployment,
):
    (model,) = json.loads((deployment / "manifest.json").read_text())["models"]
    # Convolution 16 * 16 * 27 * 4, classifier 4 * 10.
    before, after = 27_648, 40
    # 16 * 16 of 4 channels to 2; 8 * 8 of 2 to 2 with 3 x 3 taps, and back
    # with 4 x 4; 16 * 16 of 2 to 4.
    assert model["network"] == {
        "layer": "cut",
        "feature_shape": [16, 16, 4],
        "head_macs": before + 2_048 + 2_304,
        "tail_macs": 4_096 + 2_048 + after,
        "whole_macs": before + after,
    }


@pytest.mark.parametrize("runtime", ["onnx", "litert"])
def test_the_halves_work_from_python(deployment, runtime):
    image = np.random.RandomState(0).randint(0, 256, (32, 32, 3), np.uint8)
    payload = Head.load(deployment, runtime=runtime).encode(image)
    probabilities = Tail.load(deployment).predict([payload])
    assert probabilities.shape == (1, 10)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_the_device_program_runs_from_its_copy_alone(deployment, tmp_path):
    image = tmp_path / "a.png"
    Image.new("RGB", (32, 32), (200, 30, 90)).save(image)
    out = tmp_path / "a.payload"
    subprocess.run(
        [sys.executable, "-I", "-c",
         f"import sys, runpy; sys.path.insert(0, {str(deployment / 'edge')!r});"
         f"sys.argv = ['encode.py', {str(image)!r}, '--out', {str(out)!r}, "
         f"'--deploy', {str(deployment / 'edge')!r}];"
         f"runpy.run_path({str(deployment / 'edge' / 'encode.py')!r}, "
         "run_name='__main__')"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    assert Tail.load(deployment).predict([out.read_bytes()]).shape == (1, 10)


def test_several_runs_share_one_server_configuration(both):
    config = (both / "cloud" / "serving" / "models.config").read_text()
    assert config.count("base_path") == 2
    for name in ("range", "learned"):
        assert (both / name / "edge" / "head.onnx").is_file()
        assert (both / "cloud" / "serving" / name / "1").is_dir()
    (units,) = both.glob("cloud/triton/*/*/units")
    assert sorted(path.name for path in units.iterdir()) == ["learned", "range"]


def test_a_deployment_is_identified_by_its_units(both):
    manifest = json.loads((both / "manifest.json").read_text())
    ids = {m["name"]: m["unit"]["unit_id"] for m in manifest["models"]}
    (version,) = both.glob("cloud/triton/tail/*/")
    for side in ("edge", "cloud"):
        identity = served.read(both / side)
        assert identity.units == ids
        assert identity.version == int(version.name)
        assert manifest["served"] == identity._asdict()


def test_runs_with_the_same_tag_stop_the_export_early(
    sweep, tmp_path, monkeypatch
):
    # The same run under two names has one and the same unit.
    shutil.copytree(sweep / "range", tmp_path / "runs" / "copy")
    shutil.copytree(sweep / "range", tmp_path / "runs" / "first")
    written = []
    monkeypatch.setattr(
        run_files.RunFiles, "write", lambda e, *_: written.append(e) or {}
    )
    config = _config(tmp_path, tmp_path / "out", "runs", litert=())
    with pytest.raises(ValueError, match="'copy' and 'first'.*leave one"):
        export.run(config)
    assert len(written) == 1
    assert not (tmp_path / "out").exists()


def test_several_runs_share_one_network_without_a_split(both, tmp_path):
    (whole,) = json.loads((both / "manifest.json").read_text())["whole"]
    assert (whole["folder"], whole["models"]) == ("edge", ["learned", "range"])
    files = [path.relative_to(both) for path in both.rglob("whole*.onnx")]
    # The server's copy is a model of its own.
    files = [path for path in files if path.parts[0] != "cloud"]
    assert files == [pathlib.Path("edge/whole.onnx")]
    # That folder alone is enough to answer.
    edge, photo = tmp_path / "edge", tmp_path / "photo.png"
    shutil.copytree(both / "edge", edge)
    Image.new("RGB", (32, 32), (200, 30, 90)).save(photo)
    program = (
        "from bottlenet_tf.runtime import whole\n"
        f"found = whole.Whole.load('.').predict({str(photo)!r})\n"
        "assert found.shape == (10,) and whole.__file__.startswith("
        f"{str(edge)!r})"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", program], cwd=edge, env=environment, check=True
    )


@pytest.mark.parametrize("name", ["range", "learned"])
def test_head_and_tail_of_different_exports_refuse_each_other(
    both, name, tmp_path
):
    # Another unit of the very same shapes: only its identity is different.
    other = tmp_path / "other"
    shutil.copytree(both / name / "cloud", other)
    unit = json.loads((other / "unit.json").read_text())
    unit["unit_id"] ^= 1 << 25
    (other / "manifest.json").unlink()  # It would tell of the change.
    (other / "unit.json").write_text(json.dumps(unit))
    payload = Head.load(both / name).encode(np.zeros((32, 32, 3), np.uint8))
    assert len(Tail.load(both / name).predict([payload])) == 1
    with pytest.raises(ValueError, match="not of the same export"):
        Tail.load(other).predict([payload])


@pytest.mark.parametrize("load", [Head.load, Tail.load])
def test_a_machine_whose_library_has_other_tables_is_reported(both, load):
    with encoding_by(coarser):
        with pytest.raises(ValueError, match="jpeg library .*refused"):
            load(both / "range")


@pytest.mark.parametrize(
    "half, file, load",
    [
        ("edge", "head.onnx", lambda folder: Head.load(folder, "onnx")),
        ("cloud", "tail.onnx", Tail.load),
    ],
)
def test_a_network_file_of_another_export_is_refused(
    both, half, file, load, tmp_path
):
    mixed = tmp_path / "mixed"
    shutil.copytree(both / "range" / half, mixed)
    load(mixed)
    # Same shapes, other bytes.
    graph = onnx.load(mixed / file)
    graph.producer_name = "another export"
    onnx.save(graph, mixed / file)
    with pytest.raises(ValueError, match=f"{file} must be.*copy the complete"):
        load(mixed)


def test_a_wrong_artefact_stops_the_export(sweep, tmp_path, monkeypatch):
    convert = onnx_graphs.convert

    def spoiled(part):
        spoiled = convert(part)
        for tensor in spoiled.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.ndim == 4:
                tensor.CopyFrom(
                    onnx.numpy_helper.from_array(
                        np.flip(values, 0).copy(), tensor.name
                    )
                )
        return spoiled

    monkeypatch.setattr(onnx_graphs, "convert", spoiled)
    with pytest.raises(export.ParityError, match="head.onnx"):
        export.run(_config(sweep, tmp_path / "out", "range"))
    assert not list(tmp_path.iterdir())


def test_a_wrong_network_without_a_split_stops_the_export(
    sweep, tmp_path, monkeypatch
):
    # The run's own halves, which training has changed.
    tuned = frozen.network(unsplit.without_unit(load_model(sweep / "range")))
    monkeypatch.setattr(frozen, "network", lambda network: tuned)
    with pytest.raises(export.ParityError, match="edge/whole.onnx"):
        export.run(_config(sweep, tmp_path / "out", "range", litert=()))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_unit_that_takes_the_point_is_exported_and_checked_at_each(
    sweep, tmp_path, monkeypatch
):
    """One of flat codes, with its int8 file: `test_learned_deployment`."""
    point_unit.register_codecs(monkeypatch)
    load_run = runner.load_run

    def with_points(workdir):
        run = load_run(workdir)
        unit = point_unit.ScaleUnit(False, name="unit")
        model = BottleNet(run.model.prefix, unit, run.model.suffix)
        return dataclasses.replace(run, model=model)

    monkeypatch.setattr(runner, "load_run", with_points)
    out = tmp_path / "out"
    litert = ("float32",)
    manifest = export.run(_config(sweep, out, "range", litert=litert))
    (model,) = manifest["models"]
    artefacts = [(p["artefact"], p["point"]) for p in model["parity"]]
    files = ["head.onnx", "head.tflite", "tail.onnx"]
    files += ["serving/range", "triton/range"]
    assert artefacts == [(file, i) for file in files for i in range(3)]
    unit = json.loads((out / "edge" / "unit.json").read_text())
    assert unit["points"] == list(point_unit.POINTS)
    assert (unit["default_point"], unit["takes_point"]) == (1, True)
    image = np.random.RandomState(0).randint(0, 256, (32, 32, 3), np.uint8)
    head, tail = Head.load(out, "litert"), Tail.load(out)
    payloads = [head.encode(image, point) for point in (0, 1, 2)]
    assert head.encode(image) == payloads[1]
    assert [tail.unit.format.unpack(p).point for p in payloads] == [0, 1, 2]
    assert tail.predict(payloads).shape == (3, 10)
    script = (out / "cloud" / "build_tail.sh").read_text()
    assert re.search(r"--minShapes=codes:[\dx]+,point:1 ", script)


def test_a_full_disk_leaves_nothing(sweep, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx, "save", full)
    with pytest.raises(OSError, match="No space"):
        export.run(_config(sweep, tmp_path / "out", "range"))
    assert not list(tmp_path.iterdir())


def test_a_disk_full_inside_tensorflow_is_reported_as_such(
    sweep, tmp_path, monkeypatch
):
    def full(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(
            None, None, "No space left on device"
        )

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="SavedModel of range.*No space"):
        export.run(_config(sweep, tmp_path / "out", "range", litert=()))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_an_export_without_onnx_has_litert_and_tf_serving(
    sweep, tmp_path, monkeypatch
):
    """Its networks may have operators that ONNX lacks."""

    def refuse(*_):
        raise onnx_graphs.UntranslatedError([("cut", "Erfinv")])

    monkeypatch.setattr(onnx_graphs, "convert", refuse)
    out = tmp_path / "deploy"
    config = _config(sweep, out, "range", litert=("float32",))
    with pytest.raises(ValueError, match="--noonnx.*Erfinv"):
        export.run(config)
    with pytest.raises(ValueError, match="LiteRT alone.*onnx=False"):
        dataclasses.replace(config, onnx=False, litert=())
    export.run(dataclasses.replace(config, onnx=False))
    files = set(staging.checksums(out))
    assert {
        "edge/head.tflite",
        "edge/whole.tflite",
        "cloud/serving/range/1/saved_model.pb",
    } <= files
    assert not [f for f in files if f.endswith((".onnx", ".sh"))]
    assert not (out / "cloud" / "triton").exists()
    head = Head.load(out / "edge")
    assert head.encode(np.zeros((32, 32, 3), np.uint8))
    assert Whole.load(out / "edge").classes
    text = (out / "README.md").read_text()
    assert "--engine=tf_serving" in text and "tritonserver" not in text


@pytest.mark.slow
def test_sigterm_leaves_nothing(sweep, tmp_path):
    out = tmp_path / "new" / "out"
    with subprocess.Popen(
        [sys.executable, "export.py", f"--workdir={sweep / 'range'}",
         f"--out={out}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as exporting:  # fmt: skip
        for line in exporting.stdout:
            if "head.onnx" in line:
                break
        assert list((tmp_path / "new").glob(".out.*/edge"))
        exporting.terminate()
        _, errors = exporting.communicate(timeout=60)
    assert exporting.returncode == 128 + signal.SIGTERM, errors
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--workdir=nowhere"], "finished run"),
        (["--workdir="], "--workdir"),
        (["--workdir=nowhere", "--target=trt7"], "trt8.2"),
    ],
)
def test_bad_flags_are_refused_with_a_reason(flags, message, tmp_path):
    ran = subprocess.run(
        [sys.executable, "export.py", f"--out={tmp_path / 'out'}", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


def _readme_example():
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (example,) = [block for block in blocks if "Head.load" in block]
    return example


def test_the_readmes_example_runs_as_it_stands(deployment, tmp_path):
    (tmp_path / "deploy").symlink_to(deployment)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.png")
    ran = subprocess.run(
        [sys.executable, "-c", _readme_example()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"\d \d+ bytes\n", ran.stdout)
    lines = [line for line in _readme_example().splitlines() if line.strip()]
    assert len(lines) <= 10
