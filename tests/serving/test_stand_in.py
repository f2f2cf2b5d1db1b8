"""Triton's stand-in: asked by the device's own transport, and by a crowd."""

import json
import socket
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest

from bottlenet_tf.codec import answer
from bottlenet_tf.emulation import crowd
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.transport import BadAnswer, Refused
from bottlenet_tf.runtime import served
from bottlenet_tf.serving import stand_in

IDENTITY = served.of_units("tail", {"rb1": 1000})


class Tails:
    """Answers class 2; payloads of b"wait" once they are let go."""

    def __init__(self):
        self.gate, self.begun = threading.Event(), threading.Event()

    def answer(self, payloads, names, queued_ms):
        if b"wait" in payloads:
            self.begun.set()
            self.gate.wait(20)
        rows = [
            answer.pack(
                answer.CompactAnswer(
                    "ok", 1000, zlib.crc32(payload), 0.5, 0.1, 1,
                    ((2, 0.75), (0, 0.25)),
                ),
                3,
            )
            for payload in payloads
        ]  # fmt: skip
        return {"answer": np.stack([np.frombuffer(r, np.uint8) for r in rows])}


@pytest.fixture
def server():
    with stand_in.StandIn(
        ("127.0.0.1", 0), IDENTITY.models, {"tail": Tails()}
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.models["tail"].answers.gate.set()
        server.shutdown()
        thread.join()


def transport(server, version=IDENTITY.version):
    address = "{}:{}".format(*server.server_address[:2])
    return KServeHttp(address, "tail", version, answer.unpack, host="")


def in_s(seconds):
    return time.monotonic() + seconds


def test_it_answers_on_a_connection_that_stays(server):
    asking = transport(server)
    for payload in (b"a", bytes(3000)):
        found = asking.ask(payload, in_s(10), "q")
        assert (found.index, found.status, found.unit_id) == (2, "ok", 1000)
    assert asking.is_open
    asking.close()


def test_another_export_is_told_apart(server):
    assert transport(server).is_ready(in_s(10))
    other = transport(server, version=7)
    assert not other.is_ready(in_s(10))
    with pytest.raises(BadAnswer, match="404"):
        other.ask(b"a", in_s(10), "q")


def test_a_full_queue_is_refused(server):
    first = threading.Thread(
        target=lambda: transport(server).ask(b"wait", in_s(20), "q")
    )
    first.start()
    assert server.models["tail"].answers.begun.wait(10)
    for _ in range(stand_in.QUEUE_SIZE):
        server.models["tail"].waiting.put(stand_in.Question(b"b"))
    with pytest.raises(Refused):
        transport(server).ask(b"a", in_s(10), "q")
    server.models["tail"].answers.gate.set()
    first.join()


def test_no_more_bodies_are_held_than_there_is_room_for(server):
    for _ in range(stand_in._MOST_REQUESTS):
        server.room.acquire()
    asking = transport(server)
    with pytest.raises(Refused):
        asking.ask(bytes(1 << 20), in_s(10), "q")
    server.room.release()
    assert asking.ask(b"a", in_s(10), "q").index == 2


def test_a_crowd_measures_what_its_questions_take(server, tmp_path):
    (tmp_path / "a.payload").write_bytes(b"a")
    with subprocess.Popen(
        [
            sys.executable, "-m", crowd.__name__,
            "{}:{}".format(*server.server_address[:2]), "tail",
            str(IDENTITY.version), str(tmp_path), "3",
        ],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        until_s = in_s(20)
        while not server.models["tail"].answered and time.monotonic() < until_s:
            time.sleep(0.02)
        process.terminate()
        found = json.loads(process.communicate(timeout=20)[0])
    assert process.returncode == 0
    assert found["clients"] == 3 and found["answered"] > 0
    assert found["median_ms"] > 0 and found["failed"] == 0


def test_it_listens_on_ipv6_as_well():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with stand_in.StandIn(("::1", 0), {}, {}) as server:
        assert server.server_address[0] == "::1"
