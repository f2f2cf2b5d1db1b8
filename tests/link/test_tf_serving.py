"""TF Serving's REST; its gRPC is asked for real in tests/serving."""

import base64
import json
import time

import pytest

from bottlenet_tf.edge import message
from bottlenet_tf.link.tf_serving import TfServingRest
from bottlenet_tf.link.transport import BadAnswer, Refused
from tests.link.scripted_server import ScriptedServer, response

GOOD = {"classes": 2, "labels": "newt", "status": "ok", "logits": [0.5, 1.0]}


def ask(script, payload=b"\0\xffpayload"):
    with ScriptedServer(script) as server:
        client = TfServingRest(server.address, "rb1", host="")
        try:
            found = client.ask(payload, time.monotonic() + 5.0, "q")
        finally:
            client.close()
        return found, server.requests


def answering(*predictions):
    body = json.dumps({"predictions": predictions}).encode()
    return lambda payload, number: response(body)


def test_a_payload_travels_in_base_64():
    found, (request,) = ask(answering(GOOD))
    assert (found.index, found.status, found.top) == (2, "ok", ())
    assert found.unit_id is None and found.computed_ms is None
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/models/rb1:predict HTTP/1.1\r\n")
    (instance,) = json.loads(body)["instances"]
    assert base64.b64decode(instance["b64"]) == b"\0\xffpayload"


def test_a_payload_goes_to_the_model_of_its_unit():
    sent = message.payload(b"p", (), 0, "rb6")
    _, (request,) = ask(answering(GOOD), sent)
    assert request.startswith(b"POST /v1/models/rb6:predict ")


def test_a_payload_of_another_export_has_a_status():
    bad = dict(GOOD, classes=-1, labels="", status="foreign or corrupt")
    found, _ = ask(answering(bad))
    assert (found.index, found.status) == (-1, "foreign or corrupt")


NO_ANSWERS = {
    "nothing": b"",
    "a list": b"[]",
    "no predictions": b"{}",
    "none of them": b'{"predictions": []}',
    "a bomb": b"[" * 60000,
    "two": json.dumps({"predictions": [GOOD, GOOD]}).encode(),
    "a class in words": json.dumps(
        {"predictions": [dict(GOOD, classes="2")]}
    ).encode(),
    "no status": json.dumps(
        {"predictions": [dict(GOOD, status=None)]}
    ).encode(),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_a_bad_one(name):
    with pytest.raises(BadAnswer):
        ask(lambda payload, number: response(NO_ANSWERS[name]))


def test_a_full_queue_refuses():
    busy = response(b"{}", status="503 Service Unavailable")
    with pytest.raises(Refused):
        ask(lambda payload, number: busy)


@pytest.mark.parametrize(
    "status, is_there", [("200 OK", True), ("404 Not Found", False)]
)
def test_a_model_is_asked_for_before_the_first_image(status, is_there):
    with ScriptedServer(lambda *_: response(b"{}", status=status)) as server:
        client = TfServingRest(server.address, "rb1")
        assert client.is_ready(time.monotonic() + 5.0) is is_there
        assert server.requests[0].startswith(b"GET /v1/models/rb1 ")
        client.close()
