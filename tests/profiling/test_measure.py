"""Whole profiles of tiny runs, exported and not."""

import contextlib
import dataclasses
import json
import shutil
import time
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.profiling import jobs, measure, profile_file, targets
from bottlenet_tf.profiling.config import ProfileConfig
from bottlenet_tf.profiling.jobs import Job
from bottlenet_tf.runtime import intact
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.whole import Whole
from tests.profiling import workers

QUICK = ProfileConfig(
    deploy="unset",
    repeats=2,
    seconds=0.0,
    warmup=1,
    num_images=2,
    meter="constant",
    power_w=2.0,
)
DEVICE, SERVER = ("head", "encode"), ("decode", "tail")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of two images, of another size than the network's."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        coarse = generator.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((48, 40)).save(folder / name)
    return folder


@pytest.fixture
def inline(monkeypatch):
    """Runs jobs here rather than in processes, and competes with none."""

    class Pool:
        def submit(self, function, *args):
            value = function(*args)
            return type("Future", (), {"result": lambda self: value})()

    monkeypatch.setattr(jobs, "process", lambda: contextlib.nullcontext(Pool()))


def _measure(tmp_path, **changes):
    config = dataclasses.replace(
        QUICK, out=str(tmp_path / "profile.json"), **changes
    )
    return measure.run(config)


def _parts(profile):
    return [(row.split, row.part, row.load) for row in profile.rows]


@pytest.fixture(scope="module")
def profiled(both, photos, tmp_path_factory):
    """The profile of both exported runs, each side in a process, and file."""
    folder = tmp_path_factory.mktemp("profiled")
    deploy, images = str(both), str(photos)
    profile = _measure(folder, deploy=deploy, images=images, loads=(0, 1))
    return profile, folder / "profile.json"


def test_every_part_is_measured_at_every_load(profiled):
    profile, _ = profiled
    parts = [
        (split, part)
        for split in ("range", "learned")
        for part in (*DEVICE, *SERVER)
    ]
    assert set(_parts(profile)) == {
        (*part, load) for part in (*parts, ("", "whole")) for load in (0, 1)
    }
    for row in profile.rows:
        assert row.n == 2 and 0 < row.median_ms <= row.p95_ms
        assert row.power_mw == pytest.approx(2000.0)


def test_the_file_holds_the_profile(profiled):
    profile, path = profiled
    assert profile_file.read(path) == profile
    assert profile.runtime == "onnx" and profile.threads is None
    assert profile.meter == "constant 2 W, assumed, not measured"
    assert profile.network == "tiny.keras" and profile.image_size == 32
    assert "onnxruntime" in profile.versions


def test_sizes_are_those_of_the_images_payloads(profiled, both, photos):
    profile, _ = profiled
    for split in profile.splits:
        head = Head.load(both / split.name)
        sizes = [len(head.encode(str(path))) for path in photos.iterdir()]
        assert split.payload_bytes == np.mean(sizes)


def test_facts_come_from_the_manifest(profiled, both):
    profile, _ = profiled
    models = json.loads((both / "manifest.json").read_text())["models"]
    for model, split in zip(models, profile.splits, strict=True):
        network = model["network"]
        assert (split.name, split.point) == (model["name"], "cut")
        assert split.layer == "cut" and split.feature_shape == (16, 16, 4)
        assert split.head_macs == network["head_macs"]
        assert split.tail_macs == network["tail_macs"]
        assert profile.whole_macs == network["whole_macs"]


def test_a_side_s_memory_is_without_the_libraries_of_training(profiled):
    profile, _ = profiled
    for split in profile.splits:
        # TensorFlow alone takes more than 400 MB, a Python 10.
        assert 10 < split.head_memory_mb < 300
        assert 10 < split.tail_memory_mb < 300
    assert 10 < profile.whole_memory_mb < 300


def test_memory_is_a_process_s_own():
    ballast = b"x" * 400_000_000
    with jobs.process() as pool:
        before = pool.submit(jobs.peak_memory_mb).result()
        pool.submit(workers.allocate, 200).result()
        after = pool.submit(jobs.peak_memory_mb).result()
    assert before < len(ballast) / 1e6 / 2
    # Of 200 MB, some may have been there already.
    assert after - before > 150


def test_what_still_runs_after_an_interruption_is_ended():
    with pytest.raises(KeyboardInterrupt):
        with jobs.process() as pool:
            running = pool.submit(time.sleep, 20)
            raise KeyboardInterrupt
    assert isinstance(running.exception(), BrokenProcessPool)


def test_keras_halves_are_measured_like_exported_ones(sweep, tmp_path, inline):
    profile = _measure(
        tmp_path, deploy=None, workdir=(str(sweep / "range"),), loads=(0,)
    )
    assert _parts(profile) == [
        *(("range", part, 0) for part in (*DEVICE, *SERVER)),
        ("", "whole", 0),
    ]
    (split,) = profile.splits
    assert profile.runtime == "keras" and profile.network == "tiny.keras"
    assert split.layer == "cut" and split.head_macs == 32_000
    assert profile.whole_macs == 27_688
    assert split.payload_bytes > 8 and "payload_bytes" not in profile.reasons


def test_keras_halves_compute_what_the_whole_path_does(sweep, tmp_path):
    from bottlenet_tf import evaluation, training

    for name in ("range", "learned"):
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (2, 32, 32, 3), np.uint8)
        path = tmp_path / "images.npy"
        np.save(path, images)
        job = Job("device", str(path), workdir=str(sweep / name))
        payloads = jobs.payloads(job)
        model = training.load_model(sweep / name)
        assert list(payloads) == evaluation.WirePath(model).encode(images)
        job = dataclasses.replace(job, side="server", payloads=payloads)
        logits = [jobs.steps(job)["tail"](i)[0] for i in range(2)]
        wanted = evaluation.WirePath(model).decode(list(payloads))
        np.testing.assert_allclose(logits, wanted, atol=1e-5)


@pytest.mark.slow
def test_keras_halves_follow_a_learned_unit_s_default_point(
    tmp_path, monkeypatch
):
    from bottlenet_tf import evaluation
    from bottlenet_tf.profiling import keras_halves
    from tests.learned_unit import learned_network

    model = learned_network()
    monkeypatch.setattr(keras_halves, "load_model", lambda workdir: model)
    images = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3), np.uint8)
    path = tmp_path / "images.npy"
    np.save(path, images)
    job = Job("device", str(path), workdir="learned")
    payloads = jobs.payloads(job)
    assert list(payloads) == evaluation.WirePath(model).encode(images)
    job = dataclasses.replace(job, side="server", payloads=payloads)
    logits = [jobs.steps(job)["tail"](i)[0] for i in range(2)]
    wanted = evaluation.WirePath(model).decode(list(payloads))
    np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=1e-5)


def _unsealed(manifest):
    """Returns a manifest as exports wrote it before they sealed it."""
    return json.dumps({**manifest, intact.SEAL: None})


@pytest.fixture
def one(both, tmp_path):
    """A deployment of one run: its folder with what lies in the root's."""
    folder = tmp_path / "one"
    shutil.copytree(both / "range", folder)
    shutil.copytree(both / "edge", folder / "edge", dirs_exist_ok=True)
    manifest = json.loads((both / "manifest.json").read_text())
    manifest["models"] = [
        model for model in manifest["models"] if model["name"] == "range"
    ]
    (folder / "manifest.json").write_text(_unsealed(manifest))
    return folder


@pytest.fixture
def opened(monkeypatch):
    """How unsplit networks are opened; CUDA's are opened on the CPU."""
    ways, load = [], Whole.load.__func__

    def spy(cls, folder, runtime, threads, device, **kwargs):
        ways.append((runtime, threads, device))
        return load(cls, folder, runtime, threads, **kwargs)

    monkeypatch.setattr(Whole, "load", classmethod(spy))
    tail = Tail.load.__func__
    monkeypatch.setattr(
        Tail, "load", classmethod(lambda cls, folder, *_: tail(cls, folder))
    )
    return ways


AS_HEAD, AS_TAIL = ("onnx", 1, "cpu"), ("onnx", 1, "cuda")


@pytest.mark.parametrize(
    "sides, wanted",
    [
        (("device",), {"whole": AS_HEAD}),
        (("server",), {"whole": AS_TAIL}),
        (("device", "server"), {"whole": AS_HEAD, "served": AS_TAIL}),
        (("whole",), {"whole": AS_HEAD, "served": AS_TAIL}),
    ],
)
def test_a_machine_runs_the_unsplit_network_as_it_does_its_half(
    one, photos, tmp_path, inline, opened, sides, wanted
):
    profile = _measure(
        tmp_path,
        deploy=str(one),
        images=str(photos),
        sides=sides,
        threads=1,
        tail_device="cuda",
    )
    parts = [row.part for row in profile.rows if not row.split]
    assert dict(zip(parts, opened, strict=True)) == wanted
    assert profile.whole_memory_mb > 0


def test_the_unsplit_network_runs_in_the_runtime_of_the_head(
    one, sweep, photos, tmp_path, inline, opened
):
    from bottlenet_tf.export import frozen, litert
    from bottlenet_tf.training import load_model

    run, edge = sweep / "range", one / "edge"
    head = litert.convert(frozen.head(load_model(run)), "float32")
    (edge / "head.tflite").write_bytes(head)
    config = {
        "deploy": str(one),
        "images": str(photos),
        "sides": ("device",),
        "runtime": "litert",
    }
    profile = _measure(tmp_path / "without", **config)
    assert _parts(profile) == [("range", part, 0) for part in DEVICE]
    assert "export.py --litert" in profile.reasons["whole"]
    untouched = load_model(run / "untouched.keras")
    whole = litert.convert(frozen.network(untouched), "float32")
    (edge / "whole.tflite").write_bytes(whole)
    profile = _measure(tmp_path / "with", **config)
    assert _parts(profile)[-1] == ("", "whole", 0)
    assert opened == [("litert", None, "cpu")]


def test_a_device_that_has_not_got_the_unsplit_network_is_reported(
    one, photos, tmp_path, inline
):
    (one / "edge" / "whole.json").unlink()
    profile = _measure(
        tmp_path, deploy=str(one), images=str(photos), sides=("device",)
    )
    assert _parts(profile) == [("range", part, 0) for part in DEVICE]
    assert "must contain whole.json" in profile.reasons["whole"]
    with pytest.raises(ValueError, match="part='whole'.*contain whole.json"):
        profile.row("", "whole")


def test_a_damaged_unsplit_network_is_refused_at_once(one, tmp_path, inline):
    (one / "edge" / "whole.onnx").write_bytes(b"half of it")
    with pytest.raises(ValueError, match="whole.onnx must be"):
        _measure(tmp_path, deploy=str(one))


def test_an_unsplit_network_too_large_for_a_device_costs_no_other_figure(
    one, photos, tmp_path, inline, monkeypatch
):
    def too_large(*_, **__):
        raise ValueError("ONNX Runtime cannot open the file: bad allocation")

    monkeypatch.setattr(Whole, "load", too_large)
    config = {"deploy": str(one), "images": str(photos)}
    profile = _measure(tmp_path / "all", sides=("device",), **config)
    assert _parts(profile) == [("range", part, 0) for part in DEVICE]
    assert "bad allocation" in profile.reasons["whole"]
    with pytest.raises(ValueError, match="bad allocation"):
        _measure(tmp_path / "alone", sides=("whole",), **config)


def test_a_device_needs_its_own_half_alone(one, photos, tmp_path, inline):
    shutil.rmtree(one / "cloud")
    # Nor does it serve, though it is asked for both sides.
    profile = _measure(
        tmp_path, deploy=str(one), images=str(photos), tail_device="cuda"
    )
    assert _parts(profile) == [
        *(("range", part, 0) for part in DEVICE),
        ("", "whole", 0),
    ]
    assert "'cloud'" in profile.reasons["range, decode and tail"]


def test_noise_says_nothing_of_bytes(one, tmp_path, inline, capsys):
    def change(manifest):
        data = manifest["models"][0]["run"]["flags"]["data"]
        data["dataset"] = "./nowhere"

    _spoil(one, change)
    profile = _measure(tmp_path, deploy=str(one), sides=("device",))
    assert profile.splits[0].payload_bytes is None
    assert "nowhere" in profile.reasons["payload_bytes"]
    assert "Warning: measured on noise" in capsys.readouterr().err


def _spoil(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(_unsealed(manifest))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda m: m.update(format="bottlenet_tf.deployment.9"), "'format'"),
        (lambda m: m.pop("models"), "'models' and.*KeyError"),
        (lambda m: m["models"][0].pop("run"), "'models' and.*'run'"),
        (lambda m: m["whole"][0].pop("folder"), "'whole'.*'folder'"),
        (lambda m: m.pop("whole"), "export the runs again.*'whole'"),
        (lambda m: m["models"][0].pop("network"), "'models'.*'network'"),
    ],
)
def test_a_foreign_manifest_is_refused(one, tmp_path, change, message):
    _spoil(one, change)
    with pytest.raises(ValueError, match=message) as error:
        _measure(tmp_path, deploy=str(one))
    assert "manifest.json" in str(error.value)


def test_a_manifest_that_was_changed_since_the_export_is_refused(
    both, tmp_path
):
    folder = shutil.copytree(both, tmp_path / "changed")
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"range"', '"other"', 1))
    with pytest.raises(
        ValueError, match="manifest.json must be the exported file"
    ):
        targets.in_deployment(folder)


def test_half_a_manifest_is_refused(one, tmp_path):
    path = one / "manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match="manifest.json.*Copy it again"):
        _measure(tmp_path, deploy=str(one))


def test_splits_of_two_networks_are_refused(both, tmp_path):
    folder = tmp_path / "both"
    folder.mkdir()
    shutil.copy(both / "manifest.json", folder)

    def change(manifest):
        manifest["models"][1]["run"]["backbone"] = "/elsewhere/other.keras"

    _spoil(folder, change)
    with pytest.raises(ValueError, match="network 'tiny.keras' of.*'other"):
        _measure(tmp_path, deploy=str(folder))


def test_a_folder_that_is_no_deployment_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--deploy must be a deployment"):
        _measure(tmp_path, deploy=str(tmp_path))


def test_a_profile_replaces_none(tmp_path):
    (tmp_path / "profile.json").touch()
    with pytest.raises(ValueError, match="--out must be a new file"):
        _measure(tmp_path)


def test_a_folder_without_images_is_refused(one, tmp_path):
    with pytest.raises(ValueError, match="--images must be a folder of"):
        _measure(tmp_path, deploy=str(one), images=str(tmp_path))


def test_nothing_to_measure_is_an_error(one, photos, tmp_path):
    shutil.rmtree(one / "cloud")
    (one / "edge" / "whole.json").unlink()
    with pytest.raises(ValueError, match="something to measure.*'cloud'"):
        _measure(
            tmp_path, deploy=str(one), images=str(photos), sides=("server",)
        )
