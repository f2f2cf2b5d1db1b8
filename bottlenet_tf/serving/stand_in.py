"""KServe v2 over HTTP around a deployment's models, in place of Triton.

    python -m bottlenet_tf.serving.stand_in DEPLOY HOST PORT

Answers raw binary requests with compact answers, queued and refused as in
Triton's model. For demonstrations and tests: Python's own HTTP server, a thread
per request, no limit on connections, no encryption.
"""

import http.server
import json
import pathlib
import socket
import sys
import threading

from bottlenet_tf.runtime import served, triton_model
from bottlenet_tf.runtime.triton_model import COMPACT
from bottlenet_tf.runtime.waiting import Waiting
from bottlenet_tf.serving import launch

_MOST_BYTES, _MOST_REQUESTS = 1 << 22, 128  # Half a GiB at once.
# As `export.py` writes them for Triton by default.
MAX_BATCH, QUEUE_SIZE, QUEUE_S = 8, 64, 1.0


class Question:
    """One payload waiting for its answer."""

    def __init__(self, payload):
        self.payload, self.answer = payload, None
        self.done = threading.Event()

    def end(self, answer):
        self.answer = answer
        self.done.set()


class Model:
    """One served model behind its queue."""

    def __init__(self, answers):
        self.answers, self.answered = answers, 0
        self.waiting = Waiting(
            self._work,
            lambda question, reason: question.end(None),
            lambda question: 1,
            MAX_BATCH,
            room=QUEUE_SIZE,
            seconds=QUEUE_S,
        )
        self.waiting.start()

    def _work(self, batch):
        found = self.answers.answer(
            [question.payload for question, _ in batch],
            [COMPACT],
            [1e3 * waited_s for _, waited_s in batch],
        )
        for (question, _), row in zip(batch, found[COMPACT]):
            question.end(row.tobytes())
        self.answered += len(batch)


class StandIn(http.server.ThreadingHTTPServer):
    """Serves one deployment's models.

    Attributes:
        room: Semaphore that each request acquires before its body is read.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, versions, answers):
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.models = {name: Model(each) for name, each in answers.items()}
        self.ready, self.infer = {"/v2/health/ready"}, {}
        self.room = threading.BoundedSemaphore(_MOST_REQUESTS)
        for name, model in self.models.items():
            path = f"/v2/models/{name}"
            for place in (path, f"{path}/versions/{versions[name]}"):
                self.ready.add(f"{place}/ready")
                self.infer[f"{place}/infer"] = model


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # Head and body leave in one packet.

    def do_GET(self):
        self._reply(200 if self.path in self.server.ready else 404)

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self.close_connection = True
            return self._reply(400)
        length = int(length)
        model = self.server.infer.get(self.path)
        has_room = model and self.server.room.acquire(blocking=False)
        if not has_room:
            while length and (
                read := len(self.rfile.read(min(length, 1 << 14)))
            ):
                length -= read
            return self._reply(503 if model else 404)
        try:
            question = Question(self.rfile.read(length))
            model.waiting.put(question)
            question.done.wait()
        finally:
            self.server.room.release()
        if question.answer is None:
            return self._reply(503)
        size = len(question.answer)
        about = {
            "name": COMPACT,
            "datatype": "UINT8",
            "shape": [1, size],
            "parameters": {"binary_data_size": size},
        }
        text = json.dumps({"outputs": [about]}).encode("ascii")
        return self._reply(200, text + question.answer, len(text))

    def _reply(self, status, body=b"", json_bytes=None):
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        if json_bytes is not None:
            name = "Inference-Header-Content-Length"
            self.send_header(name, str(json_bytes))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # The device has given up.
            pass

    def log_message(self, *_):
        """Logs nothing."""


def start(deploy, host, port):
    """Returns a `StandIn` for a deployment folder, its networks warmed up."""
    cloud = pathlib.Path(deploy) / "cloud"
    versions, answers = served.read(cloud).models, {}
    for name, version in versions.items():
        folder = cloud / "triton" / name / str(version)
        answers[name] = triton_model.load(str(folder), "cpu", 1, MAX_BATCH)
        answers[name].warm_up()
    return StandIn((host.strip("[]"), int(port)), versions, answers)


def main(arguments):
    """Serves until it is ended; port 0 takes a free one."""
    server = start(*arguments)
    place = launch.address(*server.server_address[:2])
    print(f"Ready: a stand-in for Triton at HTTP {place}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
