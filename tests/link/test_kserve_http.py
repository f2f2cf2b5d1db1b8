"""Triton's raw binary request over a real socket, and hostile answers to it."""

import json
import socket
import struct
import threading
import time

import pytest

from bottlenet_tf.link import kserve_answer
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.transport import (
    BadAnswer,
    LinkError,
    Missed,
    Refused,
    Unreachable,
)
from tests.link import scripted_server
from tests.link.scripted_server import (
    ScriptedServer,
    answer_body,
    good,
    response,
    tensor,
    tensors_body,
)

PAYLOAD = bytes(range(256)) + b"\r\n\r\n" + bytes(56)


def client_of(server, **options):
    return KServeHttp(
        server.address, "m", unpack=scripted_server.unpack, **options
    )


def ask(client, payload=PAYLOAD, seconds=2.0, request_id="q7"):
    return client.ask(payload, time.monotonic() + seconds, request_id)


def asking(script, **options):
    with ScriptedServer(script) as server:
        return ask(client_of(server), **options)


def test_an_answer_has_all_that_the_server_tells():
    answer = asking(lambda payload, number: good(payload))
    assert (answer.index, answer.label, answer.status) == (3, "", "ok")
    assert answer.top == ((3, 0.9), (5, 0.1))
    assert (answer.computed_ms, answer.queued_ms) == (1.5, None)
    assert (answer.unit_id, answer.request_id) == (1000, "q7")
    assert answer.received_bytes == len(good(PAYLOAD))


def test_the_request_is_tritons_raw_binary_form_in_one_packet():
    with ScriptedServer(lambda payload, number: good(payload)) as server:
        client = client_of(server)
        ask(client)
        (request,) = server.requests
        assert server.packets == 1
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == PAYLOAD
    assert head.split(b"\r\n") == [
        b"POST /v2/models/m/infer HTTP/1.1",
        b"Host:" + server.address.encode(),
        b"Inference-Header-Content-Length:0",
        b"Content-Length:316",
    ]
    # 40 bytes of TCP and IP.
    assert client.overhead_bytes == len(request) - len(PAYLOAD) + 40


def test_a_message_takes_at_most_160_bytes_beyond_its_payload():
    assert KServeHttp("10.1.200.255:18000", "tail").overhead_bytes <= 160
    assert KServeHttp("10.0.0.1:8000", "tail").overhead_bytes == 154
    with_version = KServeHttp("10.1.200.255", "tail", 13533880, host="")
    assert with_version.overhead_bytes <= 160


def test_one_connection_serves_many_questions():
    with ScriptedServer(lambda payload, number: good(payload)) as server:
        client = client_of(server)
        ask(client)
        assert client.connect_ms > 0
        for _ in range(5):
            ask(client)
            assert client.connect_ms is None
        assert server.connections == 1


def test_a_connection_that_the_server_closed_is_opened_again():
    def script(payload, number):
        if number == 1:
            return lambda c: (c.sendall(good(payload)), c.shutdown(2))
        return good(payload)

    with ScriptedServer(script) as server:
        client = client_of(server)
        for _ in range(4):
            assert ask(client).index == 3
        assert server.connections == 2


def test_a_connection_that_is_to_be_closed_is_closed():
    def script(payload, number):
        return response(*answer_body(payload), Connection="close")

    with ScriptedServer(script) as server:
        client = client_of(server)
        ask(client), ask(client)
        assert server.connections == 2


def test_a_killed_server_is_unreachable_and_found_again():
    server = ScriptedServer(lambda payload, number: good(payload))
    client = client_of(server)
    ask(client)
    server.stop()
    with pytest.raises(Unreachable):
        ask(client)
    with ScriptedServer(lambda payload, number: good(payload)) as other:
        client.port, client._addresses = other.port, None
        assert ask(client).index == 3


def test_a_server_that_never_answers_is_missed_at_the_deadline():
    with ScriptedServer(lambda p, n: lambda c: c.recv(1)) as server:
        client = client_of(server)
        begun = time.monotonic()
        with pytest.raises(Missed):
            ask(client, seconds=0.1)
        assert time.monotonic() - begun >= 0.1
        assert client._connection is None


def test_connecting_takes_at_most_half_of_the_time():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):  # The only one it takes.
            client = KServeHttp("{}:{}".format(*address), "m")
            begun = time.monotonic()
            with pytest.raises(Missed, match="no connection in time"):
                ask(client, seconds=0.6)
            assert 0.25 <= time.monotonic() - begun < 0.6


def test_a_late_answer_is_never_the_next_questions():
    held = threading.Event()

    def script(payload, number):
        if number == 0:
            held.wait(5)
            return good(payload, top=[[9, 1.0]])
        return good(payload)

    with ScriptedServer(script) as server:
        client = client_of(server)
        with pytest.raises(Missed):
            ask(client, seconds=0.05)
        held.set()
        assert ask(client, b"other").index == 3


def test_a_deadline_that_has_passed_sends_nothing():
    with ScriptedServer(lambda payload, number: good(payload)) as server:
        with pytest.raises(Missed):
            ask(client_of(server), seconds=-1.0)
        assert server.requests == []


def test_another_thread_can_end_a_question():
    with ScriptedServer(lambda p, n: lambda c: c.recv(1)) as server:
        client = client_of(server)
        timer = threading.Timer(0.1, client.interrupt)
        timer.start()
        with pytest.raises(Missed, match="interrupted"):
            ask(client, seconds=30.0)
        timer.join()
        assert len(server.requests) == 1  # Not asked once more.
        client.interrupt()  # Nothing is under way.


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Slow"])
def test_a_busy_server_refuses_and_keeps_the_connection(status):
    def script(payload, number):
        if number == 0:
            return response(b'{"error":"full"}', status=status, Retry_After=7)
        return good(payload)

    with ScriptedServer(script) as server:
        client = client_of(server)
        with pytest.raises(Refused) as caught:
            ask(client)
        assert caught.value.retry_after_s == 7.0
        assert ask(client).index == 3
        assert server.connections == 1


def drip(connection):
    """A body that never ends, a byte at a time."""
    connection.sendall(response(b"", Content_Length=60000))
    while True:
        connection.sendall(b"x")
        time.sleep(0.005)


def flood(connection):
    """A head that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Header-%d: 1\r\n" * 100)


def deep(kind):
    return kind * (16384 // len(kind))


HOSTILE = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "no length": response(b"{}", Content_Length=None),
    "negative length": response(b"{}", Content_Length=-2),
    "other digits": "HTTP/1.1 200 OK\r\nContent-Length: ٢\r\n\r\n{}".encode(),
    "huge length": response(b"{}", Content_Length=10**8),
    "endless length": response(b"{}", Content_Length=10**30),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    b"Content-Length: 9\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\n\r\n",
    "a smuggled answer": response(*answer_body(PAYLOAD)) + b"HTTP/1.1 200 OK",
    "not found": response(b'{"error":"no model"}', status="404 Not Found"),
    "an error": response(b'{"error":"x"}', status="500 Oops"),
    "moved": response(b"", status="302 Found", Location="http://other"),
    "no JSON": response(b"hello"),
    "half a JSON": response(b'{"outputs": ['),
    "no UTF-8": response(b'{"outputs": ["\xff"]}'),
    "no object": response(b"[]"),
    "no outputs": response(b"{}"),
    "a JSON bomb of lists": response(deep(b"[")),
    "a JSON bomb of objects": response(deep(b'{"a":')),
    "a long number": response(b'{"outputs": %s}' % (b"9" * 16000)),
    "a long JSON": response(b" " * 60000 + b"{}"),
    "JSON beyond the body": response(*answer_body(PAYLOAD)[:1], 60000),
    "no JSON at all": response(answer_body(PAYLOAD)[0], 0),
    "a bad JSON length": response(answer_body(PAYLOAD)[0], "many"),
    "too many outputs": response(
        *tensors_body([tensor(f"t{i}", "INT32", b"0000") for i in range(99)])
    ),
    "outputs of one name": response(
        *tensors_body([tensor("answer", "UINT8", b"{}")] * 2)
    ),
    "an element that lies": response(
        *tensors_body(
            [({"name": "answer", "datatype": "BYTES",
               "parameters": {"binary_data_size": 4}},
              struct.pack("<I", 2**31))]
        )
    ),
    "a size that lies": response(
        *tensors_body(
            [({"name": "answer", "datatype": "UINT8",
               "parameters": {"binary_data_size": 10**12}}, b"")]
        )
    ),
    "bytes too many": response(
        *tensors_body([tensor("answer", "UINT8", b"{}"), ({"name": "x",
            "datatype": "BYTES", "parameters": {"binary_data_size": 0}},
            b"tail")])
    ),
    "numbers that aren't bytes": response(
        b'{"outputs":[{"name":"answer","datatype":"UINT8","data":[1,999]}]}'
    ),
    "an answer of a type nobody reads": response(
        *tensors_body([tensor("answer", "INT64", b"12345678")])
    ),
    "no answer": response(*tensors_body([tensor("other", "BYTES", b"{}")])),
    "a compact answer that is none": response(
        *tensors_body([tensor("answer", "UINT8", b"\x10\x00")])
    ),
    "another payload's": good(b"another payload"),
    "another question's": response(
        *tensors_body([tensor("classes", "INT32", b"1234")], id="q8")
    ),
    "no status among tensors": response(
        *tensors_body([tensor("classes", "INT32", b"\1\0\0\0")])
    ),
    "two classes": response(
        *tensors_body([tensor("classes", "INT32", bytes(8)),
                       tensor("status", "BYTES", b"ok")])
    ),
    "a class that is true": response(
        b'{"outputs":[{"name":"classes","data":[true]},'
        b'{"name":"status","data":["ok"]}]}'
    ),
    "a class beyond all": good(PAYLOAD, top=[[10**30, 1.0]]),
    "a long status": good(PAYLOAD, status="x" * 5000),
    "a status that is a list": good(PAYLOAD, status=["ok"]),
    "a probability of 7": good(PAYLOAD, top=[[1, 7.0]]),
    "negative milliseconds": good(PAYLOAD, computed_ms=-1),
    "infinite milliseconds": good(PAYLOAD, computed_ms=float("inf")),
    "a unit that is a text": good(PAYLOAD, unit_id="7"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_answer_is_a_bad_one(name):
    with ScriptedServer(lambda p, n: HOSTILE[name]) as server:
        client = client_of(server)
        with pytest.raises(BadAnswer) as caught:
            ask(client)
        assert len(str(caught.value)) < 500
        assert client._connection is None  # What follows isn't believed.


@pytest.mark.parametrize("act", [drip, flood])
def test_what_never_ends_is_left_at_the_deadline(act):
    with ScriptedServer(lambda p, n: act) as server:
        with pytest.raises((Missed, BadAnswer)):
            ask(client_of(server), seconds=0.3)


def test_an_answer_in_tensors_of_their_own_is_understood():
    tensors = [
        tensor("logits", "FP32", struct.pack("<3f", 1, 2, 3)),
        tensor("classes", "INT32", struct.pack("<i", 2)),
        tensor("labels", "BYTES", "Käfer".encode()),
        tensor("status", "BYTES", b"ok"),
        tensor("top_classes", "INT32", struct.pack("<2i", 2, 0)),
        tensor("top_probabilities", "FP32", struct.pack("<2f", 0.75, 0.25)),
        tensor("units", "UINT32", struct.pack("<I", 2**32 - 1)),
        tensor("computed_ms", "FP32", struct.pack("<f", 2.5)),
    ]
    answer = asking(lambda p, n: response(*tensors_body(tensors)))
    assert (answer.index, answer.label, answer.status) == (2, "Käfer", "ok")
    assert answer.top == ((2, 0.75), (0, 0.25))
    assert (answer.computed_ms, answer.unit_id) == (2.5, 2**32 - 1)
    few = asking(
        lambda p, n: response(*tensors_body(tensors[1:2] + tensors[3:4]))
    )
    assert (few.index, few.label, few.top) == (2, "", ())
    assert few.computed_ms is None and few.unit_id is None


def test_a_compact_answer_needs_its_reader():
    with ScriptedServer(lambda payload, number: good(payload)) as server:
        with pytest.raises(BadAnswer, match="unpack"):
            ask(KServeHttp(server.address, "m"))


def test_a_unit_of_zero_is_none():
    answer = asking(lambda p, n: good(p, unit_id=0, status="odd", top=[]))
    assert (answer.unit_id, answer.index) == (None, -1)


@pytest.mark.parametrize(
    ("status", "is_there"), [("200 OK", True), ("404 Not Found", False)]
)
def test_a_version_is_asked_for_before_the_first_image(status, is_there):
    with ScriptedServer(lambda p, n: response(b"", status=status)) as server:
        client = client_of(server, version=7)
        assert client.is_ready(time.monotonic() + 2) is is_there
        assert server.requests[0].startswith(
            b"GET /v2/models/m/versions/7/ready HTTP/1.1\r\n"
        )
        assert b"POST /v2/models/m/versions/7/infer HTTP/1.1\r\n" in (
            client._message(b"x")
        )


def test_an_answer_of_json_alone_is_understood():
    body = json.dumps(
        {
            "id": "q7",
            "outputs": [
                {"name": "classes", "datatype": "INT32", "data": [2]},
                {"name": "status", "datatype": "BYTES", "data": ["ok"]},
            ],
        }
    ).encode()
    assert asking(lambda p, n: response(body)).index == 2


def test_random_damage_is_a_link_error_or_an_answer():
    import random

    generator = random.Random(0)
    body, json_bytes = answer_body(PAYLOAD)
    for _ in range(3000):
        damaged = bytearray(body)
        for _ in range(generator.randrange(1, 6)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(
                256
            )
        cut = generator.choice([len(damaged), generator.randrange(len(body))])
        try:
            answer = kserve_answer.read(
                bytes(damaged[:cut]), json_bytes, PAYLOAD, "q7", cut,
                scripted_server.unpack,
            )  # fmt: skip
        except LinkError:
            continue
        assert isinstance(answer.index, int)


@pytest.mark.parametrize(
    "address",
    ["", "https://a", "http://a/b", "a:0", "a:70000", "a b", "a\r\nX: y",
     "user@host", None, 8000, "a?b", "é"],
)  # fmt: skip
def test_addresses_that_cannot_be_are_refused(address):
    with pytest.raises(ValueError, match="HOST:PORT"):
        KServeHttp(address, "m")


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="password.*@host:8000") as caught:
        KServeHttp("http://name:secret@host:8000", "m")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("a", "a", 8000), ("http://10.0.0.1:81/", "10.0.0.1", 81),
     ("[::1]:9", "::1", 9)],
)  # fmt: skip
def test_addresses(address, host, port):
    client = KServeHttp(address, "a model\r\n")
    assert (client.host, client.port) == (host, port)
    assert b"/a%20model%0D%0A/infer HTTP/1.1\r\n" in client._message(b"x")


def test_no_address_is_unreachable():
    with pytest.raises(Unreachable):
        ask(KServeHttp("host.invalid", "m"))


def test_the_scripted_server_can_be_asked_for_its_last_request():
    # What the tests above rely on: questions are told apart.
    with ScriptedServer(lambda payload, number: good(payload)) as server:
        client = client_of(server)
        ask(client, b"one"), ask(client, b"two")
        ends = [r.partition(b"\r\n\r\n")[2] for r in server.requests]
        assert ends == [b"one", b"two"]
    assert scripted_server.good(b"") != scripted_server.good(b"x")
