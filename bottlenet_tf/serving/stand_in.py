"""KServe v2 over HTTP around a deployment's tails, where Triton is missing.

    python -m bottlenet_tf.serving.stand_in DEPLOY HOST PORT

Answers raw binary requests with compact answers, queued and refused as
Triton's model does it. For demonstrations and tests: Python's own HTTP server,
one request a thread, no limit on connections, no encryption.
"""

import http.server
import json
import pathlib
import sys
import threading

from bottlenet_tf.runtime import served
from bottlenet_tf.runtime.tails import Tails
from bottlenet_tf.runtime.triton_model import COMPACT, UNITS
from bottlenet_tf.runtime.waiting import Waiting

_MOST_BYTES = 1 << 24
# As `export.py` writes them for Triton, unless it is told otherwise.
MAX_BATCH, QUEUE_SIZE, QUEUE_S = 8, 64, 1.0


class Question:
    """One payload that waits for its answer."""

    def __init__(self, payload):
        self.payload, self.answer = payload, None
        self.done = threading.Event()

    def end(self, answer):
        self.answer = answer
        self.done.set()


class StandIn(http.server.ThreadingHTTPServer):
    """Serves one deployment's model.

    Args:
        address: `(host, port)`.
        identity: `Served`.
        tails: `Tails`.

    Attributes:
        tails: The same.
        waiting: `Waiting` with the `Question`s.
        answered: How many were.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, identity, tails):
        super().__init__(address, _Handler)
        model = f"/v2/models/{identity.model}"
        version = f"{model}/versions/{identity.version}"
        self.ready = {"/v2/health/ready", f"{model}/ready", f"{version}/ready"}
        self.infer = {f"{model}/infer", f"{version}/infer"}
        self.tails, self.answered = tails, 0
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
        found = self.tails.answer(
            [question.payload for question, _ in batch],
            [COMPACT],
            [1e3 * waited_s for _, waited_s in batch],
        )
        for (question, _), row in zip(batch, found[COMPACT]):
            question.end(row.tobytes())
        self.answered += len(batch)


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
        payload = self.rfile.read(int(length))
        if self.path not in self.server.infer:
            return self._reply(404)
        question = Question(payload)
        self.server.waiting.put(question)
        question.done.wait()
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
        except ConnectionError:  # A device that gave up.
            pass

    def log_message(self, *_):
        """Says nothing."""


def start(deploy, host, port):
    """Returns a `StandIn` for a deployment folder, its networks warmed up.

    Raises:
        OSError, ValueError: if the deployment or the address is unusable.
    """
    cloud = pathlib.Path(deploy) / "cloud"
    identity = served.read(cloud)
    model = cloud / "triton" / identity.model / str(identity.version)
    tails = Tails.load(model / UNITS, threads=1, max_batch=MAX_BATCH)
    tails.warm_up()
    return StandIn((host, int(port)), identity, tails)


def main(arguments):
    """Serves until it is ended.

    Args:
        arguments: Deployment folder, host and port; port 0 takes a free one.
    """
    server = start(*arguments)
    host, port = server.server_address[:2]
    print(f"Ready: a stand-in for Triton at HTTP {host}:{port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
