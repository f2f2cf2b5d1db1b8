"""Two units of one frozen network and one trained apart, exported together."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import export, training
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.profiling.config import ProfileConfig
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.tails import Tails
from bottlenet_tf.training import load_model
from tests import replay_plans
from tests.eager import eagerly
from tests.link.scripted_server import (
    ScriptedServer,
    response,
    tensor,
    tensors_body,
)

pytestmark = pytest.mark.slow

NAMES = ("deep", "near", "tuned")
IMAGES = np.random.RandomState(0).randint(0, 256, (6, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def runs(learned_run, replace, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    closed = replace(learned_run, epochs=0, warmup_epochs=0.0)
    configs = {
        "near": closed,
        "deep": replace(
            closed, split="second",
            unit=replace(closed.unit, coefficients=64, mixed=40, mixed_to=30),
        ),
        "tuned": replace(
            learned_run, mode="aware", unit=UnitConfig(channels=2, quality=80),
            learning_rate=0.01, batch_size=8,
        ),
    }  # fmt: skip
    with eagerly():
        for name, config in configs.items():
            training.run(replace(config, workdir=str(root / name)))
    return root


@pytest.fixture(scope="module")
def plan(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    path.write_text(json.dumps(_plan("near", unit_id=None)))
    return path


def _plan(name, **changes):
    """Returns the content of a plan that sends one run's payloads."""
    content = replay_plans.plan_values(
        {name: (0.1, ((300.0, 400, 90.0),))}, (), 92.0, 1e4, 1.0, 80.0
    )
    content["choices"][0].update(changes)
    return content


@pytest.fixture(scope="module")
def deployment(runs, plan, tmp_path_factory):
    out = tmp_path_factory.mktemp("deploy") / "three"
    export.run(
        ExportConfig(
            workdir=(str(runs),), out=str(out), parity_images=20,
            litert=("float32", "int8"), plan=str(plan),
        )
    )  # fmt: skip
    return out


def test_what_is_shared_is_there_once(deployment):
    found = {
        str(path.relative_to(deployment))
        for path in deployment.rglob("*")
        if path.suffix in (".onnx", ".tflite") and "edge" in path.parts
    }
    kinds = (".onnx", ".tflite", "_int8.tflite")
    assert found == {
        f"{part}{kind}"
        for part in (
            "edge/segments/segment_0", "edge/segments/segment_1",
            "near/edge/encoder", "deep/edge/encoder", "tuned/edge/head",
            "edge/whole",
        )
        for kind in kinds
    }  # fmt: skip
    manifest = json.loads((deployment / "manifest.json").read_text())
    assert [model["name"] for model in manifest["models"]] == list(NAMES)
    shared = {m["name"]: m["unit"]["segments"] for m in manifest["models"]}
    assert shared == {
        "near": ["segment_0"],
        "deep": ["segment_0", "segment_1"],
        "tuned": [],
    }


@pytest.mark.parametrize("runtime", ["onnx", "litert"])
def test_payloads_are_the_networks(deployment, runs, runtime):
    heads = Head.load(deployment, runtime)
    for name in NAMES:
        path = WirePath(load_model(runs / name))
        wanted = path.encode(IMAGES)
        found = [heads.encode(image, unit=name) for image in IMAGES]
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        # Sums in another order may move a value over the edge of a code.
        assert same >= 5


def test_the_server_answers_all_of_them(deployment, runs):
    heads = Head.load(deployment, "onnx")
    payloads = [
        heads.encode(image, unit=name) for image in IMAGES for name in NAMES
    ]
    (units,) = deployment.glob("cloud/triton/tail/*/units")
    found = Tails.load(units).answer(payloads)
    assert set(found["status"][:, 0]) == {"ok"}
    for k, name in enumerate(NAMES):
        wanted = WirePath(load_model(runs / name)).decode(payloads[k::3])
        np.testing.assert_allclose(
            found["logits"][k::3], wanted, rtol=1e-4, atol=1e-3
        )


def test_a_device_needs_no_folder_of_the_server(deployment, tmp_path):
    device = tmp_path / "device"
    shutil.copytree(deployment, device, ignore=shutil.ignore_patterns("cloud"))
    Image.fromarray(IMAGES[0]).save(tmp_path / "photo.png")
    out = tmp_path / "photo.payload"
    subprocess.run(
        [sys.executable, str(device / "deep" / "edge" / "encode.py"),
         str(tmp_path / "photo.png"), "--out", str(out)],
        cwd=tmp_path, check=True, capture_output=True,
        env={"PATH": "/usr/bin"},
    )  # fmt: skip
    heads = Head.load(device, "onnx")
    assert out.read_bytes() == heads.encode(IMAGES[0], unit="deep")


@pytest.mark.parametrize("name", ["deep", "near"])
def test_the_device_s_program_asks_the_tails(deployment, tmp_path, name):
    device = tmp_path / "device"
    shutil.copytree(deployment, device, ignore=shutil.ignore_patterns("cloud"))
    photo = tmp_path / "photo.png"
    Image.fromarray(IMAGES[0]).save(photo)
    content = json.dumps(_plan(name, unit_id=None))
    (device / "edge" / "plan.json").write_text(content)
    (units,) = deployment.glob("cloud/triton/tail/*/units")
    tails = Tails.load(units)

    def script(payload, number):
        if not payload:
            return response(b"")
        (row,) = tails.answer([payload], ("answer",))["answer"]
        return response(
            *tensors_body([tensor("answer", "UINT8", row.tobytes())])
        )

    with ScriptedServer(script) as server:
        done = subprocess.run(
            [sys.executable, str(device / "edge" / "run.py"), str(photo),
             "--server", server.address, "--choice", f"{name} at point 0"],
            cwd=tmp_path, check=True, capture_output=True, text=True,
            env={"PATH": "/usr/bin"},
        )  # fmt: skip
    found = json.loads(done.stdout)
    heads = Head.load(device, "onnx")
    payload = heads.encode(IMAGES[0], unit=name, point=0)
    wanted = tails.answer([payload], ("classes", "labels"))
    assert found["where"] == "split" and found["split"] == name
    assert found["payload_bytes"] == len(payload)
    assert found["class"] == wanted["classes"][0, 0]
    assert found["label"] == wanted["labels"][0, 0]


def test_the_guide_s_example_names_a_unit(deployment):
    text = (deployment / "README.md").read_text()
    assert 'heads.encode("photo.jpg", unit="deep")' in text
    assert "`deep`, `near` have the same network" in text


def test_the_plan_goes_to_the_device(deployment, plan):
    found = json.loads((deployment / "edge" / "plan.json").read_text())
    assert found == json.loads(plan.read_text())


def test_a_plan_of_another_unit_stops_the_export(runs, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(_plan("near", unit_id=1)))
    config = ExportConfig(
        workdir=(str(runs / "near"),), out=str(tmp_path / "out"), litert=(),
        plan=str(path),
    )  # fmt: skip
    with pytest.raises(ValueError, match="--plan must have the exported unit"):
        export.run(config)
    assert not pathlib.Path(config.out).exists()


def test_profiles_run_on_the_parts(deployment):
    from bottlenet_tf.profiling import measure, targets

    found = targets.in_deployment(deployment)
    assert [target.name for target in found] == list(NAMES)
    config = ProfileConfig(deploy=str(deployment), out="unused.json")
    assert measure._runtime(config, found) == "onnx"
    for target in found:
        assert target.has("edge") and target.has("cloud")
        assert Head.load(target.folder, "onnx").codes(IMAGES[0])
