"""TF Serving's own client against a deployment, over a real socket."""

import re
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from bottlenet_tf.edge import message
from bottlenet_tf.emulation import Proxy, Settings
from bottlenet_tf.link.tf_serving import TfServingGrpc
from bottlenet_tf.link.transport import BadAnswer
from bottlenet_tf.serving import inprocess as serving
from tests.serving import examples

NAMES = ("learned", "range")
CODES = grpc.StatusCode


@pytest.fixture(scope="module")
def address(both):
    server, port = serving.start_server(
        serving.load_models(both, max_batch=16), port=0, max_message_mb=1
    )
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture(scope="module")
def channel(address):
    with grpc.insecure_channel(address) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def test_a_full_queue_refuses():
    begun, gate = threading.Event(), threading.Event()

    class Slow:
        def find(self, request):
            begun.set()
            gate.wait(20)
            raise RuntimeError

    server, port = serving.start_server(Slow(), port=0, threads=1, queue_size=1)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        at_once = [stub.Predict.future(request) for _ in range(3)]
        assert begun.wait(10)
        codes = {CODES.RESOURCE_EXHAUSTED}
        while not any(call.done() for call in at_once):
            time.sleep(0.01)
        assert {call.code() for call in at_once if call.done()} == codes
        gate.set()
    server.stop(None).wait()


def request_of(payloads, name="range", **spec):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    for field, value in spec.items():
        setattr(request.model_spec, field, value)
    request.inputs["payload"].CopyFrom(
        tf.make_tensor_proto(payloads, tf.string, [len(payloads)])
    )
    return request


def arrays_of(response):
    arrays = {k: tf.make_ndarray(v) for k, v in response.outputs.items()}
    for name in ("labels", "status"):
        arrays[name] = [value.decode() for value in arrays[name]]
    return arrays


def refusal(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_keras_models(stub, sent, name):
    payloads = sent[name].payloads
    response = stub.Predict(request_of(payloads, name), timeout=10)
    sent[name].check(arrays_of(response), range(len(payloads)))


@pytest.mark.parametrize("name", NAMES)
def test_a_corrupt_payload_fails_alone(stub, sent, name):
    batch = sent[name].corrupt()
    answer = arrays_of(stub.Predict(request_of(batch, name), timeout=10))
    assert answer["status"] == ["ok", "foreign or corrupt", "ok"]
    assert answer["classes"][1] == -1
    honest = {key: [v[0], v[2]] for key, v in answer.items()}
    sent[name].check(honest, [0, 2])


def test_the_answer_names_model_version_and_signature(stub, sent):
    spec = stub.Predict(request_of(sent["range"].payloads)).model_spec
    assert (spec.name, spec.version.value) == ("range", 1)
    assert spec.signature_name == "serving_default"


def test_numbers_are_where_clients_without_tensorflow_look(stub, sent):
    response = stub.Predict(request_of(sent["range"].payloads[:2]))
    assert len(response.outputs["probabilities"].float_val) == 20
    assert len(response.outputs["classes"].int_val) == 2
    assert len(response.outputs["status"].string_val) == 2


def test_only_the_outputs_asked_for_are_sent(stub, sent):
    request = request_of(sent["range"].payloads[:1])
    request.output_filter.append("classes")
    assert set(stub.Predict(request).outputs) == {"classes"}


@pytest.mark.parametrize("name", NAMES)
def test_no_payloads_give_no_answers(stub, name):
    answer = arrays_of(stub.Predict(request_of([], name)))
    assert answer["logits"].shape == (0, 10)
    assert answer["status"] == answer["labels"] == []


@pytest.mark.parametrize("name", NAMES)
def test_bad_payloads_alone_are_answered(stub, sent, name):
    bad = [b"", sent[name].payloads[0][:-1], b"\xff" * 40]
    for batch in (bad, bad[1:2]):
        answer = arrays_of(stub.Predict(request_of(batch, name), timeout=10))
        assert answer["classes"].tolist() == [-1] * len(batch)
        assert "ok" not in answer["status"]


def test_the_latest_version_may_be_asked_for_by_number(stub, sent):
    request = request_of(sent["range"].payloads[:1])
    request.model_spec.version.value = 1
    assert stub.Predict(request).model_spec.version.value == 1


def _unnamed(request):
    request.ClearField("model_spec")


def _other_version(request):
    request.model_spec.version.value = 2


def _labelled(request):
    request.model_spec.version_label = "stable"


def _other_input(request):
    request.inputs["image"].CopyFrom(request.inputs["payload"])


def _no_input(request):
    request.inputs.clear()


def _numbers(request):
    request.inputs["payload"].CopyFrom(tf.make_tensor_proto([1.0]))


def _unknown_type(request):
    request.inputs["payload"].dtype = 9999


def _two_dimensions(request):
    request.inputs["payload"].CopyFrom(tf.make_tensor_proto([[b"a"]]))


def _unknown_rank(request):
    request.inputs["payload"].tensor_shape.unknown_rank = True


def _negative_side(request):
    request.inputs["payload"].tensor_shape.dim[0].size = -3


def _more_values(request):
    request.inputs["payload"].tensor_shape.dim[0].size = 2


def _too_many(request):
    # One value that stands for all: a few bytes, or gigabytes of tensor.
    del request.inputs["payload"].string_val[1:]
    request.inputs["payload"].tensor_shape.dim[0].size = 10**12


def _raw_content(request):
    request.inputs["payload"].tensor_content = b"abc"


def _other_output(request):
    request.output_filter.append("boxes")


def _output_twice(request):
    request.output_filter.extend(["classes", "classes"])


@pytest.mark.parametrize(
    "spoil, code, message",
    [
        (_unnamed, CODES.INVALID_ARGUMENT, "model_spec"),
        (_other_version, CODES.NOT_FOUND, "version=2"),
        (_labelled, CODES.INVALID_ARGUMENT, "version_label='stable'"),
        (_other_input, CODES.INVALID_ARGUMENT, "unknown=.'image'"),
        (_no_input, CODES.INVALID_ARGUMENT, "missing=.'payload'"),
        (_numbers, CODES.INVALID_ARGUMENT, "must be of type string"),
        (_unknown_type, CODES.INVALID_ARGUMENT, "number 9999"),
        (_two_dimensions, CODES.INVALID_ARGUMENT, r"shape=\(1, 1\)"),
        (_unknown_rank, CODES.INVALID_ARGUMENT, "must have the shape"),
        (_negative_side, CODES.INVALID_ARGUMENT, r"shape=\(-3,\)"),
        (_more_values, CODES.INVALID_ARGUMENT, "as many values"),
        (_too_many, CODES.INVALID_ARGUMENT, "at most 16 items"),
        (_raw_content, CODES.INVALID_ARGUMENT, "as many values"),
        (_other_output, CODES.INVALID_ARGUMENT, "boxes"),
        (_output_twice, CODES.INVALID_ARGUMENT, "each once"),
    ],
)
def test_a_wrong_request_is_refused_with_a_reason(
    stub, sent, spoil, code, message
):
    request = request_of(sent["range"].payloads[:3])
    spoil(request)
    found, details = refusal(stub.Predict, request)
    assert found == code
    assert re.search(message, details), details


@pytest.mark.parametrize("signature", ["train", "__saved_model_init_op"])
def test_an_unknown_signature_is_refused(stub, sent, signature):
    request = request_of(sent["range"].payloads[:1], signature_name=signature)
    code, details = refusal(stub.Predict, request)
    assert code == CODES.FAILED_PRECONDITION
    assert "serving_default" in details


def test_an_unknown_model_is_not_found(stub, sent):
    request = request_of(sent["range"].payloads[:1], "dogs")
    code, details = refusal(stub.Predict, request)
    assert code == CODES.NOT_FOUND
    assert "learned, range" in details


def test_a_message_beyond_the_limit_is_refused(stub):
    code, _ = refusal(stub.Predict, request_of([bytes(2 << 20)]))
    assert code == CODES.RESOURCE_EXHAUSTED


def test_what_is_not_served_is_unimplemented(stub):
    from tensorflow_serving.apis import classification_pb2

    code, _ = refusal(stub.Classify, classification_pb2.ClassificationRequest())
    assert code == CODES.UNIMPLEMENTED


def test_a_models_status_is_available(channel):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "range"
    (status,) = stub.GetModelStatus(request, timeout=10).model_version_status
    assert (status.version, status.state) == (
        1,
        get_model_status_pb2.ModelVersionStatus.AVAILABLE,
    )
    request.model_spec.name = "dogs"
    assert refusal(stub.GetModelStatus, request)[0] == CODES.NOT_FOUND


def test_the_documented_client_works(
    address, sent, tmp_path, monkeypatch, capsys
):
    (tmp_path / "photo.payload").write_bytes(sent["range"].payloads[0])
    monkeypatch.chdir(tmp_path)
    exec(examples.client("tensorflow_serving", "range", address), {})
    label = sent["range"].labels[sent["range"].logits[0].argmax()]
    assert capsys.readouterr().out == f"{label} [b'ok']\n"


def test_requests_at_once_do_not_mix(stub, sent):
    batches = [sent["range"].payloads[i : i + 3] for i in range(5)] * 6
    calls = [stub.Predict.future(request_of(batch)) for batch in batches]
    for i, call in enumerate(calls):
        rows = np.arange(3) + i % 5
        sent["range"].check(arrays_of(call.result(timeout=20)), rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_devices_own_client_is_answered(address, sent, name):
    client = TfServingGrpc(address, NAMES[0])
    assert client.is_ready(time.monotonic() + 10)
    for i, payload in enumerate(sent[name].payloads):
        asked = message.payload(payload, sent[name].labels, 0, name)
        found = client.ask(asked, time.monotonic() + 10, "q")
        assert (found.status, found.index) == (
            "ok",
            sent[name].logits[i].argmax(),
        )
    found = client.ask(
        message.payload(b"\xff" * 40, (), 0, name), time.monotonic() + 10, "q"
    )
    assert (found.status, found.index) == ("wrong version", -1)
    client.close()


def test_a_question_takes_some_150_bytes_beyond_its_payload(address, sent):
    host, port = address.rsplit(":", 1)
    payload = sent["range"].payloads[0]
    with Proxy(Settings(uplink=100.0), (host, int(port))) as link:
        client = TfServingGrpc("{}:{}".format(*link.address), "range")
        for _ in range(10):  # Headers are indexed by then.
            client.ask(payload, time.monotonic() + 10, "q")
        before = link.counters()[0]
        for _ in range(50):
            client.ask(payload, time.monotonic() + 10, "q")
        after = link.counters()[0]
        client.close()
    # The proxy counts 52 bytes of headers, time stamps included, not 40.
    packets = after.packets - before.packets
    found = (after.num_bytes - before.num_bytes - 12 * packets) / 50
    assert found - len(payload) == pytest.approx(client.overhead_bytes, abs=15)


def test_a_model_that_is_not_there_is_not_ready(address):
    client = TfServingGrpc(address, "other")
    assert not client.is_ready(time.monotonic() + 10)
    with pytest.raises(BadAnswer, match="NOT_FOUND"):
        client.ask(b"", time.monotonic() + 10, "q")
