"""A deployment's models behind Triton's raw binary requests, without Triton.

    python stand_in_triton.py DEPLOY PORT

One process that can be killed and started again, for tests of what talks to it.
"""

import http.server
import json
import pathlib
import re
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from bottlenet_tf.runtime import triton_model  # noqa: E402

_PATH = re.compile(r"/v2/models/([^/]+)/versions/(\d+)/(ready|infer)")
_ROOM = 8


class Models:
    """The models of `cloud/triton`, and how many may ask at once."""

    def __init__(self, deploy):
        folders = pathlib.Path(deploy, "cloud", "triton").glob("*/*/")
        self._models = {
            (folder.parent.name, folder.name): triton_model.load(
                str(folder), "cpu", 1, 8
            )
            for folder in folders
        }
        self._room = threading.BoundedSemaphore(_ROOM)
        self._lock = threading.Lock()

    def answer(self, key, payload):
        """Returns HTTP status, compact answer."""
        if key not in self._models:
            return 404, None
        if payload is None:
            return 200, None
        if not self._room.acquire(blocking=False):
            return 503, None
        try:
            with self._lock:
                found = self._models[key].answer([payload], ["answer"])
            return 200, found["answer"][0].tobytes()
        finally:
            self._room.release()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection's questions."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # One piece an answer.

    def do_GET(self):
        self._answer(None)

    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, payload):
        match = _PATH.fullmatch(self.path)
        status, packed = 404, None
        if match:
            status, packed = self.server.models.answer(
                match.groups()[:2], payload
            )
        head, packed = b"", packed or b""
        if packed:
            output = {
                "name": "answer", "datatype": "UINT8", "shape": [1, 35],
                "parameters": {"binary_data_size": len(packed)},
            }  # fmt: skip
            head = json.dumps({"outputs": [output]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(head) + len(packed)))
        self.send_header("Inference-Header-Content-Length", str(len(head)))
        self.end_headers()
        self.wfile.write(head + packed)

    def log_message(self, *_):
        pass


def main():
    _, deploy, port = sys.argv
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    server.models = Models(deploy)
    server.serve_forever()


if __name__ == "__main__":
    main()
