"""A learned unit's deployment: what travels, what stays off the device."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from bottlenet_tf import export
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.export import frozen, litert, repeatable, tensorrt
from bottlenet_tf.export.onnx_graphs import convert
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.training import load_model
from tests.learned_unit import learned_network, make_learned_network

IMAGES = np.random.RandomState(0).randint(0, 256, (6, 24, 24, 3), np.uint8)


def _sizes(graph):
    """Returns the elements of each float constant of a graph."""
    return {
        tensor.name: int(np.prod(tensor.dims))
        for tensor in graph.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }


def _constants(graph):
    """Returns a graph's constants in a certain order, without their names."""
    arrays = map(onnx.numpy_helper.to_array, graph.graph.initializer)
    return sorted((array.shape, array.tobytes()) for array in arrays)


def _elements(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


@pytest.mark.slow
def test_a_head_holds_the_encoder_s_weights_and_no_other():
    model = learned_network()
    unit = model.unit
    encoder = _elements(unit.analysis.trainable_variables)
    prefix = _elements(model.prefix.trainable_variables)
    graph = convert(frozen.head(model))
    total = sum(_sizes(graph).values())
    # Norms fold into convolutions, offsets into biases; what is new are a few
    # constants.
    assert 0.97 * (encoder + prefix) < total < 1.01 * (encoder + prefix)
    # Four bytes each, and the places that are kept; nodes and their names
    # are some kilobytes.
    repeatable.order_onnx(graph.graph)
    file = len(graph.SerializeToString())
    assert file < 4 * total + 4 * unit.analysis.kept.shape[0] + 12_000


def test_a_head_does_not_depend_on_gains_and_what_the_server_has():
    model = make_learned_network()
    before, unit = _constants(convert(frozen.head(model))), model.unit
    for part in (unit.prior, unit.synthesis, unit.restorer, unit.embedding):
        for variable in part.trainable_variables:
            variable.assign(variable + 1.0)
    for name in ("log_step", "log_gain", "gain_slope"):
        weight = getattr(unit, name)
        weight.assign(weight + 1.0)
    assert _constants(convert(frozen.head(model))) == before


@pytest.mark.slow
def test_a_tail_does_not_depend_on_prior_and_encoder():
    model = make_learned_network()
    before = _constants(convert(frozen.tail(model)))
    for layer in (model.unit.prior, model.unit.analysis, model.prefix):
        for variable in layer.trainable_variables:
            variable.assign(variable + 1.0)
    assert _constants(convert(frozen.tail(model))) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": "residual"},
        *(
            pytest.param(changes, marks=pytest.mark.slow)
            for changes in (
                {"mixed": 0, "mixed_to": 0, "shared_frequencies": True},
                {"patch": 1, "patch_channels": 4, "synthesis_width": 0},
                {"patch": 8, "patch_channels": 16},
            )
        ),
    ],
    ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items()),
)
def test_every_form_of_the_unit_is_taken_by_every_target(changes):
    model = make_learned_network(**changes)
    graphs = convert(frozen.head(model)), convert(frozen.tail(model))
    for target in tensorrt.TARGETS:
        for graph in graphs:
            tensorrt.require_supported(graph, target)
    head, tail = (
        onnxruntime.InferenceSession(
            graph.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        for graph in graphs
    )
    points = np.float32([-1, 0, 1, -1, 0, 1])
    sent = model.encode(IMAGES, points)
    codes, gains = sent["codes"].numpy(), model.unit.gains()
    for i, image in enumerate(IMAGES):
        pixels = image[None].transpose(0, 3, 1, 2).astype(np.float32)
        (coefficients,) = head.run(None, {"image": pixels})
        found = np.rint(coefficients[0] * gains[i % 3])
        # Sums in another order may move a value over the edge of a code.
        assert np.mean(found != codes[i]) < 0.05
        assert np.abs(found - codes[i]).max() <= 1
    (logits,) = tail.run(None, {"codes": codes, "point": points})
    want = model.decode(sent, points)
    np.testing.assert_allclose(logits, want, rtol=1e-4, atol=1e-3)


def test_int8_leaves_the_transform_in_float(monkeypatch):
    model = learned_network()
    gain = model.unit.gains()[1]
    middle = np.zeros(len(IMAGES), np.float32)
    wanted = model.encode(IMAGES, middle)["codes"].numpy()

    def apart():
        content = litert.convert(frozen.head(model), "int8", IMAGES)
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        (image,) = interpreter.get_input_details()
        (values,) = interpreter.get_output_details()
        found = []
        for pixels in IMAGES:
            pixels = pixels[None].astype(np.float32)
            interpreter.set_tensor(image["index"], pixels)
            interpreter.invoke()
            coefficients = interpreter.get_tensor(values["index"])[0]
            found.append(np.rint(coefficients * gain))
        return np.mean(np.abs(np.array(found) - wanted))

    kept = apart()
    monkeypatch.setattr(litert, "_FLOAT_LAYERS", ("/preprocess",))
    assert kept < 0.5 * apart()


@pytest.fixture(scope="module")
def run(finished_tail):
    """A finished run whose tail is told the operating point."""
    return pathlib.Path(finished_tail[0].workdir)


@pytest.fixture(scope="module")
def deployment(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("deploy") / "learned"
    export.run(
        ExportConfig(
            workdir=(str(run),), out=str(out), parity_images=20,
            litert=("float32", "int8"),
        )
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def digits_images(run):
    from bottlenet_tf.export.finished_run import load_run

    dataset = load_run(run).dataset
    return next(iter(dataset.test.batches(8)))[0].numpy()


def test_a_run_s_parity_is_reported_at_first_last_and_default_point(
    deployment, run
):
    (model,) = json.loads((deployment / "manifest.json").read_text())["models"]
    default = load_model(run).unit.default_point
    points = sorted({0, default, 4})
    files = ["head.onnx", "head.tflite", "head_int8.tflite", "tail.onnx"]
    files += ["serving/digits", "triton/digits"]
    found = [(p["artefact"], p["point"]) for p in model["parity"]]
    assert found == [(file, point) for file in files for point in points]


def test_unit_json_has_points_and_tables(deployment, run):
    unit = json.loads((deployment / "edge" / "unit.json").read_text())
    model = load_model(run)
    assert unit["code_shape"] == [96] and not unit["sends_range"]
    assert unit["points"] == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert unit["default_point"] == model.unit.default_point
    assert unit["takes_point"]
    config = {"name": "entropy", "config": model.unit.byte_codec.get_config()}
    assert unit["codec"] == config


def test_the_device_s_payloads_are_the_network_s(
    deployment, run, digits_images
):
    head, path = Head.load(deployment), WirePath(load_model(run))
    for point in range(5):
        wanted = path.encode(digits_images, point)
        found = [head.encode(image, point) for image in digits_images]
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        # Sums in another order may move a value over the edge of a code.
        assert same >= 7


def test_a_limit_gives_the_device_s_payloads_the_network_s_too(
    deployment, run, digits_images
):
    head, path = Head.load(deployment), WirePath(load_model(run))
    sizes = [len(head.encode(digits_images[0], i)) for i in range(5)]
    for limit in (sizes[0], sizes[2], sizes[4] - 1):
        wanted = path.encode(digits_images, max_bytes=limit)
        found = [head.encode(image, max_bytes=limit) for image in digits_images]
        assert max(map(len, [*wanted, *found])) <= limit
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        # Sums in another order may move a value over the edge of a code.
        assert same >= 7
    assert set(Tail.load(deployment).try_logits(found)[1]) == {"ok"}


def _odd_images():
    """Yields images unlike any that the unit was made for."""
    rng = np.random.default_rng(0)
    yield rng.integers(0, 256, (32, 32, 3), np.uint8)
    yield 255 * rng.integers(0, 2, (32, 32, 3), np.uint8)
    yield 255 * rng.integers(0, 2, (32, 32, 1), np.uint8).repeat(3, axis=2)
    y, x = np.indices((32, 32))
    for period in (1, 2, 4):
        board = (x // period + y // period) % 2
        yield (255 * board[..., None].repeat(3, axis=2)).astype(np.uint8)
    for value in (0, 255):
        yield np.full((32, 32, 3), value, np.uint8)
    for channel in range(3):
        image = np.zeros((32, 32, 3), np.uint8)
        image[..., channel] = 255
        yield image


def test_no_image_exceeds_the_limit(deployment):
    head, tail = Head.load(deployment), Tail.load(deployment)
    for limit in (head.least_bytes, head.least_bytes + 4, 40, 150):
        payloads = [
            head.encode(image, max_bytes=limit) for image in _odd_images()
        ]
        assert max(map(len, payloads)) <= limit
        assert set(tail.try_logits(payloads)[1]) == {"ok"}


def test_every_server_answers_a_batch_that_mixes_points(
    deployment, run, digits_images
):
    path = WirePath(load_model(run))
    points = [3, 0, 4, 1, 2, 0, 4, 3]
    payloads = [
        path.encode(image[None], point)[0]
        for image, point in zip(digits_images, points, strict=True)
    ]
    wanted = path.decode(payloads)
    served = tf.saved_model.load(
        str(deployment / "cloud" / "serving" / "digits" / "1")
    ).signatures["serving_default"]
    found = served(payload=tf.constant(payloads))
    assert set(found["status"].numpy()) == {b"ok"}
    for logits in (
        found["logits"],
        Tail.load(deployment).logits(payloads),
        Tail.load(
            *deployment.glob("cloud/triton/tail/*/units/digits")
        ).logits(payloads),
    ):  # fmt: skip
        np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-3)


def test_a_damaged_payload_gets_a_status_and_fails_alone(
    deployment, run, digits_images
):
    path = WirePath(load_model(run))
    good = path.encode(digits_images[:3])
    bad = [good[0][:-1], good[1] + b"\1", good[2][:7] + b"\xff" + good[2][8:]]
    served = tf.saved_model.load(
        str(deployment / "cloud" / "serving" / "digits" / "1")
    ).signatures["serving_default"]
    sent = [x for pair in zip(good, bad, strict=True) for x in pair]
    found = served(payload=tf.constant(sent))
    ok = [status == b"ok" for status in found["status"].numpy()]
    assert ok == [True, False] * 3
    np.testing.assert_allclose(
        found["logits"][::2], path.decode(good), rtol=1e-4, atol=1e-3
    )


def test_the_device_program_takes_a_point_from_its_copy_alone(
    deployment, tmp_path, digits_images
):
    photo, out = tmp_path / "photo.png", tmp_path / "photo.payload"
    Image.fromarray(digits_images[0]).save(photo)
    program = deployment / "edge" / "encode.py"
    sizes = []
    for point in (0, 4):
        subprocess.run(
            [sys.executable, str(program), str(photo), f"--point={point}",
             "--out", str(out)],
            cwd=tmp_path, check=True, capture_output=True,
            env={"PATH": "/usr/bin"},
        )  # fmt: skip
        payload = out.read_bytes()
        tail = Tail.load(deployment)
        assert tail.unit.format.unpack(payload).point == point
        assert payload == Head.load(deployment, "onnx").encode(
            digits_images[0], point
        )
        sizes.append(len(payload))
    assert sizes[0] > sizes[1]


def test_another_run_s_payload_is_refused(deployment, run, digits_images):
    model = load_model(run)
    model.unit.log_gain.assign(model.unit.log_gain + 0.1)
    other = BottleNet(model.prefix, model.unit, model.suffix)
    (payload,) = WirePath(other).encode(digits_images[:1])
    assert Tail.load(deployment).try_logits([payload])[1] != ["ok"]


def test_a_run_that_is_not_frozen_is_reported_as_such(run):
    # As training leaves it before the tables are made.
    from bottlenet_tf.evaluation import payload_format
    from bottlenet_tf.training.freeze_unit import with_unit_config

    model = with_unit_config(load_model(run), tables=None)
    with pytest.raises(ValueError, match="tables"):
        payload_format(model)


def test_the_files_of_the_device_are_small(deployment):
    edge = pathlib.Path(deployment / "edge")
    sizes = {path.name: path.stat().st_size for path in edge.iterdir()}
    # 8 x 8 patches of 16 values: frequencies 64 * 8 * 8, mixing 60 * 40.
    assert sizes["head.onnx"] < 4 * (64 * 64 + 2400 + 1000) + 12_000
    assert sizes["unit.json"] < 30_000
    assert sizes["gains.npy"] == 128 + 4 * 5 * 96


def test_gains_of_another_export_are_refused(deployment, tmp_path):
    edge = tmp_path / "edge"
    shutil.copytree(deployment / "edge", edge)
    Head.load(edge)
    np.save(edge / "gains.npy", 2 * np.load(edge / "gains.npy"))
    with pytest.raises(ValueError, match="gains.npy must be.*copy the comp"):
        Head.load(edge)
