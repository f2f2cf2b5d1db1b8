"""KServe v2 over HTTP/1.1, with Triton's raw binary body, in one send.

    POST /v2/models/NAME/versions/VERSION/infer HTTP/1.1
    Host:HOST:PORT
    Inference-Header-Content-Length:0
    Content-Length:BYTES

and the payload: the model's only input, one element, without JSON. The space
that usually follows a colon is optional. With the name "tail", 10.0.0.1:8000
and no version these are 114 bytes, 154 with TCP's and IP's headers; a version
takes 18 more, a Host without a value 13 less.

Reference:
    Triton Inference Server, Binary Tensor Data Extension, "Raw Binary
    Request".
"""

import time
import urllib.parse

from bottlenet_tf.link import kserve_answer
from bottlenet_tf.link.http_transport import HttpTransport
from bottlenet_tf.link.transport import BadAnswer

DEFAULT_PORT = 8000


class KServeHttp(HttpTransport):
    """Asks one model of a server; see `HttpTransport`.

    Args:
        address: As in `HttpTransport`.
        model: Name of the served model.
        version: Version of the model; None for the server's default.
        unpack: Reads compact answers; see `kserve_answer.read`.
        host, clock: As in `HttpTransport`.

    Raises:
        ValueError: for an invalid address, name or version.
    """

    def __init__(
        self,
        address,
        model,
        version=None,
        unpack=None,
        host=None,
        clock=time.monotonic,
    ):
        kserve_answer.check_model(model, version)
        super().__init__(address, DEFAULT_PORT, host, clock)
        self._unpack = unpack
        self._path = "/v2/models/" + urllib.parse.quote(model, safe="")
        if version is not None:
            self._path += "/versions/{}".format(version)
        self._head = (
            "POST {}/infer HTTP/1.1\r\nHost:{}\r\n"
            "Inference-Header-Content-Length:0\r\nContent-Length:"
        ).format(self._path, self._header)

    def _ready_path(self):
        return self._path + "/ready"

    def _message(self, payload):
        head = "{}{}\r\n\r\n".format(self._head, len(payload))
        return head.encode("ascii") + payload

    def _read(self, headers, body, payload, request_id, received_bytes):
        text = headers.get("inference-header-content-length", str(len(body)))
        if not (text.isdigit() and len(text) <= 9):
            raise BadAnswer(
                "A response must state its JSON's length. Received: "
                "{!r}".format(text[:20])
            )
        return kserve_answer.read(
            body, int(text), payload, request_id, received_bytes, self._unpack
        )
