"""The device's side of the link against a server, under any Python 3.6 on.

Run as a program with the repository's root as argument; prints JSON. Needs the
standard library alone.
"""

import json
import os
import socket
import struct
import sys
import threading
import time

ROOT = os.path.abspath(sys.argv[1])
sys.path.insert(0, ROOT)

from bottlenet_tf.link import plan_file  # noqa: E402
from bottlenet_tf.link.controller import Controller  # noqa: E402
from bottlenet_tf.link.kserve_http import KServeHttp  # noqa: E402
from bottlenet_tf.link.sender import Sender  # noqa: E402

IMAGES = 40


def serve(listener, failing):
    """Answers questions; breaks the connection while `failing` is set."""
    while True:
        connection, _ = listener.accept()
        with connection:
            while True:
                data = b""
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        break
                    data += more
                if not data or failing.is_set():
                    break
                payload = data.partition(b"\r\n\r\n")[2]
                connection.sendall(answer(payload))


def answer(payload):
    """Returns a response as Triton's."""
    tensors = [
        ("classes", "INT32", struct.pack("<i", len(payload))),
        ("status", "BYTES", struct.pack("<I", 2) + b"ok"),
        ("computed_ms", "FP32", struct.pack("<f", 0.1)),
    ]
    outputs = [
        {"name": name, "datatype": datatype, "shape": [1, 1],
         "parameters": {"binary_data_size": len(data)}}
        for name, datatype, data in tensors
    ]  # fmt: skip
    head = json.dumps({"outputs": outputs}).encode("utf-8")
    body = head + b"".join(data for _, _, data in tensors)
    return (
        "HTTP/1.1 200 OK\r\nInference-Header-Content-Length: {}\r\n"
        "Content-Length: {}\r\n\r\n".format(len(head), len(body))
    ).encode("ascii") + body


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    failing = threading.Event()
    for _ in range(4):
        thread = threading.Thread(target=serve, args=(listener, failing))
        thread.daemon = True
        thread.start()
    address = "127.0.0.1:{}".format(listener.getsockname()[1])
    plan = plan_file.read(os.path.join(sys.argv[2]))
    controller = Controller(plan)

    def encode(image, choice):
        time.sleep(1e-3 * choice.device_ms)  # Or the device seems so fast.
        return b"x" * (image + 1)

    def local(image):
        time.sleep(0.02)
        return "local {}".format(image)

    sender = Sender(
        controller,
        KServeHttp(address, "m"),
        encode,
        local,
        probe_transport=KServeHttp(address, "m"),
    )
    sources = []
    for image in range(IMAGES):
        if image == 10:
            failing.set()
        if image == 20:
            failing.clear()
        reply = sender.answer(image)
        if reply.source == "server":
            assert reply.answer.index == image + 1
        else:
            assert reply.answer == "local {}".format(image)
        sources.append(reply.source)
    sender.close()
    print(json.dumps({"python": sys.version_info[:2], "sources": sources,
                      "explained": controller.explain()}))  # fmt: skip


if __name__ == "__main__":
    main()
