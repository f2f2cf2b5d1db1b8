"""The served tail: bytes in, labels out, a bad payload fails alone."""

import re

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.evaluation import WirePath, payload_format
from bottlenet_tf.export import saved_model
from bottlenet_tf.export.parity import Reference

IMAGES = np.random.RandomState(0).randint(0, 256, (5, 24, 24, 3), np.uint8)
LABELS = [f"class {i}" for i in range(7)]


@pytest.fixture(scope="module", params=["network", "learned_network"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def payloads(model):
    return WirePath(model).encode(IMAGES)


@pytest.fixture(scope="module")
def folder(model, payloads, tmp_path_factory):
    path = tmp_path_factory.mktemp("serving") / "net" / "1"
    saved_model.write_saved_model(model, LABELS, path, "net", payloads, 64)
    return path


@pytest.fixture(scope="module")
def serve(folder):
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures["serving_default"]

    def call(batch):
        outputs = signature(payload=tf.constant(batch, tf.string))
        return {name: value.numpy() for name, value in outputs.items()}

    call.keep = loaded  # Or its functions lose what they capture.
    return call


@pytest.mark.onednn
def test_it_answers_as_the_keras_model(model, payloads, serve):
    wanted = WirePath(model).decode(payloads)
    found = serve(payloads)
    assert set(found) == set(saved_model.OUTPUTS)
    np.testing.assert_allclose(found["logits"], wanted, atol=1e-4)
    np.testing.assert_array_equal(found["classes"], wanted.argmax(-1))
    np.testing.assert_allclose(found["probabilities"].sum(-1), 1, rtol=1e-5)
    names = [LABELS[i].encode() for i in wanted.argmax(-1)]
    assert found["labels"].tolist() == names
    assert found["status"].tolist() == [b"ok"] * 5


@pytest.mark.onednn
def test_a_bad_payload_fails_alone(payloads, serve):
    whole = serve(payloads)
    cut = serve([*payloads[:2], payloads[2][:-1], b"", *payloads[3:]])
    assert [s == b"ok" for s in cut["status"]] == [
        True, True, False, False, True, True,
    ]  # fmt: skip
    honest = [0, 1, 4, 5]
    np.testing.assert_array_equal(
        cut["logits"][honest], whole["logits"][[0, 1, 3, 4]]
    )
    for bad in (2, 3):
        assert cut["classes"][bad] == -1
        assert cut["labels"][bad] == b""
        assert not cut["probabilities"][bad].any()


@pytest.mark.slow
@pytest.mark.onednn
def test_a_batch_mixes_qualities(several_network):
    _check_mixed_batch(several_network)


@pytest.mark.onednn
def test_a_batch_mixes_operating_points(point_network):
    _check_mixed_batch(point_network)


def _check_mixed_batch(model):
    path = WirePath(model)
    points = [2, 0, 1, 1, 2]
    encoded = [path.encode(IMAGES, point) for point in range(3)]
    payloads = [encoded[point][i] for i, point in enumerate(points)]
    wanted = path.decode(payloads)
    tail = saved_model.ServedTail(model, LABELS)
    found = tail.serve(tf.constant(payloads))
    np.testing.assert_allclose(found["logits"], wanted, atol=1e-4)
    assert found["status"].numpy().tolist() == [b"ok"] * 5


def test_a_point_that_the_unit_has_not_gets_a_status(several_network):
    (good,) = WirePath(several_network).encode(IMAGES[:1])
    message = payload_format(several_network)
    unknown = message._header(good[4:], 3) + good[4:]
    tail = saved_model.ServedTail(several_network, LABELS)
    found = tail.serve(tf.constant([unknown, good]))
    assert found["status"].numpy().tolist() == [b"unknown point", b"ok"]
    assert found["classes"].numpy()[0] == -1


def test_another_exports_payload_is_refused(serve):
    from tests.export.conftest import make_network

    foreign = WirePath(make_network(seed=1)).encode(IMAGES[:1])
    assert serve(foreign)["status"].tolist() != [b"ok"]


@pytest.mark.onednn
def test_no_payloads_give_no_answers(payloads, serve):
    nothing, whole = serve([]), serve(payloads)
    assert set(nothing) == set(whole)
    for name, values in nothing.items():
        assert values.shape == (0, *whole[name].shape[1:])
        assert values.dtype == whole[name].dtype


@pytest.mark.onednn
def test_a_batch_of_nothing_but_bad_payloads_is_answered(payloads, serve):
    first = payloads[0]
    turned = first[:-1] + bytes([first[-1] ^ 1])
    bad = [b"", first[:-1], turned, first + b"\0", bytes(40), b"\xff" * 40]
    for batch in (bad, *([each] for each in bad)):
        answer = serve(batch)
        assert b"ok" not in answer["status"]
        assert answer["classes"].tolist() == [-1] * len(batch)
        assert answer["labels"].tolist() == [b""] * len(batch)
        assert not answer["logits"].any()
        assert not answer["probabilities"].any()


def test_warm_up_has_one_request_for_each_batch_size(folder):
    assert _warm_up_sizes(folder) == [1, 4, 16]


def _warm_up_sizes(folder):
    from tensorflow_serving.apis import prediction_log_pb2

    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    sizes = []
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "net"
        sizes.append(len(request.inputs["payload"].string_val))
    return sizes


@pytest.mark.parametrize("max_batch", [1, 15, 16])
def test_no_warm_up_is_larger_than_a_batch_may_be(
    network, tmp_path, monkeypatch, max_batch
):
    # TF Serving refuses to load a model with such a request.
    monkeypatch.setattr(tf.saved_model, "save", lambda *args: None)
    monkeypatch.setattr(
        saved_model.repeatable, "order_saved_model", lambda folder: None
    )
    payloads = WirePath(network).encode(IMAGES)
    saved_model.write_saved_model(
        network, LABELS, tmp_path, "net", payloads, max_batch
    )
    config = ExportConfig(("a",), "out", max_batch=max_batch)
    text = saved_model.batching_config(config)
    limit = int(re.search(r"max_batch_size { value: (\d+) }", text)[1])
    assert limit == max_batch
    wanted = [size for size in (1, 4, 16) if size <= limit]
    assert _warm_up_sizes(tmp_path) == wanted


def test_a_failing_warm_up_is_an_os_error(network, tmp_path, monkeypatch):
    def full(*args):
        raise tf.errors.UnknownError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", lambda *args: None)
    monkeypatch.setattr(
        saved_model.repeatable, "order_saved_model", lambda folder: None
    )
    monkeypatch.setattr(tf.io.TFRecordWriter, "write", full)
    payloads = WirePath(network).encode(IMAGES)
    with pytest.raises(OSError, match="SavedModel of net.*No space"):
        saved_model.write_saved_model(
            network, LABELS, tmp_path, "net", payloads, 64
        )


def test_the_configuration_names_every_model():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = saved_model.models_config(["a", "b"])
    config = text_format.Parse(
        text, model_server_config_pb2.ModelServerConfig()
    ).model_config_list.config
    assert [(c.name, c.base_path) for c in config] == [
        ("a", "/models/a"),
        ("b", "/models/b"),
    ]


def test_several_labels_are_all_named(network):
    task, labels = tasks.SEVERAL_LABELS, np.zeros((5, 7), int)
    served = saved_model.ServedTail(network, LABELS, task)
    reference = Reference(network, IMAGES, labels, task)

    def serve(batch):
        found = served.serve(tf.constant(batch, tf.string))
        return {name: value.numpy() for name, value in found.items()}

    # It compares labels and probabilities with what the logits say.
    (parity,) = reference.compare_served("net", serve, LABELS)
    assert parity.top1_agreement == 100
