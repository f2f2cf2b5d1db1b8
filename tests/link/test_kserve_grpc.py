"""KServe v2 over gRPC: read and written by Google's own protobuf here."""

import struct
import threading
import time
import zlib
from concurrent import futures

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bottlenet_tf.codec import answer as answers
from bottlenet_tf.emulation import Proxy, Settings
from bottlenet_tf.link.kserve_grpc import KServeGrpc
from bottlenet_tf.link.transport import (
    BadAnswer,
    Missed,
    Refused,
    Unreachable,
)

PAYLOAD = bytes(range(200))
# Field numbers of grpc_predict_v2.proto: name, number, type, repeated.
_TEXT, _BYTES, _INT64, _BOOL, _MESSAGE = 9, 12, 3, 8, 11
MESSAGES = {
    "Tensor": [
        ("name", 1, _TEXT, 0), ("datatype", 2, _TEXT, 0),
        ("shape", 3, _INT64, 1),
    ],
    "ModelInferRequest": [
        ("model_name", 1, _TEXT, 0), ("model_version", 2, _TEXT, 0),
        ("id", 3, _TEXT, 0), ("inputs", 5, _MESSAGE, 1),
        ("raw_input_contents", 7, _BYTES, 1),
    ],
    "ModelInferResponse": [
        ("model_name", 1, _TEXT, 0), ("outputs", 5, _MESSAGE, 1),
        ("raw_output_contents", 6, _BYTES, 1),
    ],
    "ModelReadyResponse": [("ready", 1, _BOOL, 0)],
}  # fmt: skip


def _classes():
    file = descriptor_pb2.FileDescriptorProto(
        name="v2.proto", package="inference", syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            added = message.field.add(
                name=field, number=number, type=kind, label=3 if repeated else 1
            )
            if kind == _MESSAGE:
                added.type_name = ".inference.Tensor"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"inference.{name}")
        )
        for name in MESSAGES
    }


V2 = _classes()


def good(payload, **changes):
    found = answers.CompactAnswer(
        "ok", 1000, zlib.crc32(payload), 1.5, 0.5, 1, ((3, 0.75), (1, 0.25))
    )._replace(**changes)
    response = V2["ModelInferResponse"](model_name="tail")
    response.outputs.add(name="answer", datatype="UINT8", shape=[1, 23])
    response.raw_output_contents.append(answers.pack(found, 2))
    return response.SerializeToString()


class Server(grpc.GenericRpcHandler):
    """Answers with what `script(message, context)` returns; has one version."""

    def __init__(self, script):
        self._script, self.requests = script, []
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def service(self, details):
        is_ready = details.method.endswith("/ModelReady")
        return grpc.unary_unary_rpc_method_handler(
            self._ready if is_ready else self._infer
        )

    def _ready(self, message, context):
        request = V2["ModelInferRequest"].FromString(message)
        there = request.model_version == "77"
        return V2["ModelReadyResponse"](ready=there).SerializeToString()

    def _infer(self, message, context):
        request = V2["ModelInferRequest"].FromString(message)
        self.requests.append(request)
        return self._script(request.raw_input_contents[0][4:], context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()


def client_of(server, version=77):
    return KServeGrpc(
        f"127.0.0.1:{server.port}", "tail", version, answers.unpack
    )


def ask(client, seconds=5.0):
    return client.ask(PAYLOAD, time.monotonic() + seconds, "q7")


def test_a_payload_is_asked_about_and_answered():
    with Server(lambda payload, context: good(payload)) as server:
        client = client_of(server)
        found = ask(client)
        (request,) = server.requests
        client.close()
    assert (found.index, found.status, found.unit_id) == (3, "ok", 1000)
    assert found.top[1] == (1, pytest.approx(0.25, abs=1e-4))
    assert (found.computed_ms, found.queued_ms) == (1.5, 0.5)
    assert (request.model_name, request.model_version) == ("tail", "77")
    (tensor,) = request.inputs
    assert (tensor.name, tensor.datatype) == ("payload", "BYTES")
    assert list(tensor.shape) == [1, 1]
    raw = struct.pack("<I", len(PAYLOAD)) + PAYLOAD
    assert list(request.raw_input_contents) == [raw]


def test_a_question_takes_some_150_bytes_beyond_its_payload():
    with Server(lambda payload, context: good(payload)) as server:
        target = "127.0.0.1", server.port
        with Proxy(Settings(uplink=100.0), target) as link:
            client = KServeGrpc(
                "{}:{}".format(*link.address), "tail", 13533880, answers.unpack
            )
            for _ in range(10):  # Headers are indexed by then.
                ask(client)
            before = link.counters()[0]
            for _ in range(50):
                ask(client)
            after = link.counters()[0]
            client.close()
    packets = after.packets - before.packets
    # The proxy counts 52 bytes of headers, time stamps included, not 40.
    sent = after.num_bytes - before.num_bytes - 12 * packets
    found = sent / 50 - len(PAYLOAD)
    assert found == pytest.approx(KServeGrpc.overhead_bytes, abs=15)


def test_a_version_is_asked_for_before_the_first_image():
    with Server(None) as server:
        for version, is_there in ((77, True), (78, False)):
            client = client_of(server, version)
            assert client.is_ready(time.monotonic() + 5.0) is is_there
            client.close()


@pytest.mark.parametrize(
    "code, words, error",
    [
        (grpc.StatusCode.UNAVAILABLE, "The queue is full: 4 wait", Refused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota", Refused),
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", Unreachable),
        (grpc.StatusCode.NOT_FOUND, "no such version", BadAnswer),
        (grpc.StatusCode.INTERNAL, "The model failed", BadAnswer),
    ],
)
def test_a_servers_refusal_is_told_apart_from_its_death(code, words, error):
    with Server(lambda _, context: context.abort(code, words)) as server:
        client = client_of(server)
        with pytest.raises(error):
            ask(client)
        assert client.is_open is (error is Refused)
        client.close()


def test_a_late_answer_is_missed_and_another_thread_can_end_a_question():
    gone = threading.Event()
    with Server(lambda *_: gone.wait(5.0) and b"") as server:
        client = client_of(server)
        with pytest.raises(Missed):
            ask(client, 0.05)
        threading.Timer(0.05, client.interrupt).start()
        with pytest.raises(Missed, match="interrupted"):
            ask(client)
        gone.set()


def test_a_server_that_is_not_there_is_unreachable():
    with Server(None) as server:
        client = client_of(server)
    with pytest.raises(Unreachable):
        ask(client, 2.0)


_GOOD = good(PAYLOAD)
HOSTILE = {
    "another payload's": good(b"other"),
    "damaged": _GOOD[:-1] + bytes([_GOOD[-1] ^ 1]),
    "cut": _GOOD[:-3],
    "no message": b"\xff" * 40,
    "nothing": b"",
    "too large": bytes(100_000),
    "of many fields": b"\x08\x01" * 5000,
    "of another type": b"\x28\x01\x30\x01",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_answer_is_a_bad_one(name):
    with Server(lambda *_: HOSTILE[name]) as server:
        client = client_of(server)
        with pytest.raises(BadAnswer):
            ask(client)
        assert not client.is_open
