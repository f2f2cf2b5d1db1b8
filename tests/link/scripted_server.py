"""An HTTP server on loopback that answers as a test says."""

import json
import socket
import struct
import threading
import zlib
from typing import NamedTuple


def response(body, json_bytes=None, status="200 OK", **headers):
    """Returns the bytes of a response."""
    fields = {"Content-Length": len(body)}
    if json_bytes is not None:
        fields["Inference-Header-Content-Length"] = json_bytes
    fields.update({k.replace("_", "-"): v for k, v in headers.items()})
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{k}: {v}" for k, v in fields.items() if v is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tensor(name, datatype, data):
    """Returns the JSON of a binary output of one element, and its bytes."""
    if datatype == "BYTES":
        data = struct.pack("<I", len(data)) + data
    about = {
        "name": name,
        "datatype": datatype,
        "shape": [1, 1],
        "parameters": {"binary_data_size": len(data)},
    }
    return about, data


class Compact(NamedTuple):
    """What `unpack` returns."""

    status: str
    unit_id: int
    payload_crc: int
    computed_ms: float
    top: tuple

    @property
    def class_index(self):
        return self.top[0][0] if self.top else -1


def pack(**fields):
    """Returns the bytes of a compact answer; JSON serves for a test."""
    return json.dumps(fields).encode()


def unpack(data):
    """Returns what `pack` was given, as `codec.answer.unpack` would."""
    fields = json.loads(data.decode())  # ValueError for what is no JSON.
    return Compact(**fields)  # TypeError for other fields.


def answer_body(payload, **changes):
    """Returns a good answer's body and its JSON's length."""
    fields = {
        "top": [[3, 0.9], [5, 0.1]], "status": "ok", "computed_ms": 1.5,
        "unit_id": 1000, "payload_crc": zlib.crc32(payload),
    }  # fmt: skip
    fields.update(changes)
    return tensors_body([tensor("answer", "UINT8", pack(**fields))])


def tensors_body(tensors, **head):
    """Returns the body of a response of some tensors, and its JSON's length."""
    about = {"model_name": "m", "outputs": [a for a, _ in tensors], **head}
    text = json.dumps(about).encode()
    return text + b"".join(data for _, data in tensors), len(text)


def good(payload, **changes):
    """Returns the bytes of a good answer."""
    return response(*answer_body(payload, **changes))


class ScriptedServer:
    """Answers each question with what `script(payload, number)` returns.

    Bytes are sent as they are; None closes the connection; a function is
    called with the socket. Use it with `with`.

    Attributes:
        requests: List of the bytes received, one entry a question.
        connections: How many there were.
        packets: How many pieces the last question came in.
    """

    def __init__(self, script):
        self._script = script
        self.requests, self.connections, self.packets = [], 0, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it as a kill would: all connections break."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection):
        try:
            while True:
                request = self._read(connection)
                if request is None:
                    break
                self.requests.append(request)
                payload = request.partition(b"\r\n\r\n")[2]
                act = self._script(payload, len(self.requests) - 1)
                if act is None:
                    break
                if callable(act):
                    act(connection)
                else:
                    connection.sendall(act)
        except OSError:
            pass
        connection.close()

    def _read(self, connection):
        data, packets = b"", 0
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            if end:
                fields = dict(
                    line.lower().split(b":", 1)
                    for line in head.split(b"\r\n")[1:]
                )
                if len(body) >= int(fields.get(b"content-length", 0)):
                    self.packets = packets
                    return data
            more = connection.recv(65536)
            if not more:
                return None
            packets += 1
            data += more
