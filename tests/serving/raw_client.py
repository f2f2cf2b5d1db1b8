"""Triton's raw binary request, byte for byte, over a plain socket."""

import json
import socket
from typing import NamedTuple


class RawAnswer(NamedTuple):
    """What came back.

    Attributes:
        status: HTTP's.
        sent_bytes: Length of the request's header.
        received_bytes: Of everything that came back.
        header: The answer's JSON, a dictionary.
        data: The bytes behind it.
    """

    status: int
    sent_bytes: int
    received_bytes: int
    header: dict
    data: bytes


class RawClient:
    """One kept connection; closed by `with`."""

    def __init__(self, address, timeout=10):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def ask(self, payload, path="/v2/models/tail/infer"):
        """Sends one payload in one piece; returns `RawAnswer`."""
        header = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Length: {len(payload)}\r\n"
            "Inference-Header-Content-Length: 0\r\n\r\n"
        ).encode()
        return self._exchange(header, payload)

    def get(self, path):
        """Asks for a path; returns `RawAnswer`."""
        header = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n"
        return self._exchange(header.encode(), b"")

    def _exchange(self, header, payload):
        self._socket.sendall(header + payload)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        lines, body = got.split(b"\r\n\r\n", 1)
        first, *fields = lines.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in fields)
        while len(body) < int(fields["content-length"]):
            body += self._more()
        size = int(fields.get("inference-header-content-length", len(body)))
        return RawAnswer(
            int(first.split()[1]),
            len(header),
            len(lines) + 4 + len(body),
            json.loads(body[:size] or b"{}"),
            body[size:],
        )

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("The server closed the connection.")
        return data
