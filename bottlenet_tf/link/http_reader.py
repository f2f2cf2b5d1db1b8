"""Reads one HTTP/1.1 response from a socket, bounded in bytes and time."""

import socket

from bottlenet_tf.link.transport import BadAnswer, Missed, Unreachable

MAX_HEAD_BYTES = 8192
MAX_BODY_BYTES = 65536
_END = b"\r\n\r\n"
_CHUNK_BYTES = 16384


def read_response(connection, deadline, clock):
    """Returns `(status, headers, body, received_bytes)`.

    Only a body of stated length is read: chunks, or a body until the
    connection closes, could be endless.
    Headers are a dictionary of lower-case names.
    """
    data = bytearray()
    while True:
        end = data.find(_END)
        if end >= 0 or len(data) > MAX_HEAD_BYTES:
            break
        data += _receive(connection, deadline, clock)
    if not 0 <= end <= MAX_HEAD_BYTES:
        raise BadAnswer(
            "A response's head must be at most {} bytes long. Received: "
            "{} bytes without its end".format(MAX_HEAD_BYTES, len(data))
        )
    status, headers = _parse(bytes(data[:end]))
    length = _length(headers)
    whole = end + len(_END) + length
    while len(data) < whole:
        data += _receive(connection, deadline, clock)
    if len(data) > whole:
        raise BadAnswer(
            "A response must have its stated length. Received: {} bytes more "
            "than its Content-Length={}".format(len(data) - whole, length)
        )
    return status, headers, bytes(data[end + len(_END) :]), len(data)


def _receive(connection, deadline, clock):
    left = deadline - clock()
    if left <= 0:
        raise Missed("No complete answer came in time.")
    connection.settimeout(left)
    try:
        data = connection.recv(_CHUNK_BYTES)
    except socket.timeout:
        raise Missed("No complete answer came in time.") from None
    except OSError as error:
        raise Unreachable("The connection broke: {}".format(error)) from None
    if not data:
        raise Unreachable("The server closed the connection.")
    return data


def _parse(head):
    lines = head.split(b"\r\n")
    first = lines[0].split(b" ", 2)
    is_http = first[0] in (b"HTTP/1.1", b"HTTP/1.0") and len(first) >= 2
    if not (is_http and len(first[1]) == 3 and first[1].isdigit()):
        raise BadAnswer(
            "A server must answer in HTTP/1.1. Received: {!r}".format(
                lines[0][:40]
            )
        )
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        name = name.lower().decode("latin-1")
        if not colon or not name or name != name.strip() or name in headers:
            raise BadAnswer(
                "Each header must be a name, a colon and a value, and occur "
                "once. Received: {!r}".format(line[:40])
            )
        headers[name] = value.strip().decode("latin-1")
    return int(first[1]), headers


def _length(headers):
    text = headers.get("content-length", "")
    # `isdigit` is true for digits of other scripts, too.
    is_number = 0 < len(text) <= 9 and set(text) <= set("0123456789")
    if "transfer-encoding" in headers or not is_number:
        raise BadAnswer(
            "A response must state its length, and not come in chunks. "
            "Received: Content-Length={!r}, Transfer-Encoding={!r}".format(
                text[:20], headers.get("transfer-encoding", "")[:20]
            )
        )
    if int(text) > MAX_BODY_BYTES:
        raise BadAnswer(
            "An answer must be at most {} bytes long. Received: "
            "Content-Length={}".format(MAX_BODY_BYTES, text)
        )
    return int(text)
