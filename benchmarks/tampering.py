"""A hostile middle: passes HTTP on to a server, and spoils answers on demand.

A device must survive answers that are damaged, of other questions, of
other networks, never ending, nested beyond measure or none at all.
"""

import random
import socket
import threading
import time

from bottlenet_tf.codec import answer as answers

_KEPT = 50
_TIMEOUT_S = 30.0
_LENGTH = b"content-length:"
_JSON = b"inference-header-content-length:"


def _corrupt(response, others, rng):
    """Turns one bit behind the status line."""
    data = bytearray(response)
    place = rng.randrange(response.index(b"\n"), len(data))
    data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def _foreign(response, others, rng):
    """The whole answer to another question."""
    return rng.choice(others)


def _another_network(response, others, rng):
    """The right answer, but by a network of another identity."""
    head, _, body = response.partition(b"\r\n\r\n")
    start = _number(head, _JSON, len(body))
    try:
        found = answers.unpack(body[start:])
    except answers.AnswerError:
        return response
    other = found._replace(unit_id=found.unit_id ^ 1)
    packed = answers.pack(other, (len(body) - start - 15) // 4)
    return head + b"\r\n\r\n" + body[:start] + packed


def _bomb(response, others, rng):
    body = b"[" * 60000
    return b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + body


def _endless(response, others, rng):
    return b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000)


def _silent(response, others, rng):
    return b""


SPOILS = {
    "corrupt": _corrupt,
    "foreign": _foreign,
    "another network": _another_network,
    "bomb": _bomb,
    "endless": _endless,
    "silent": _silent,
}


class Tampering:
    """Listens on loopback and passes each message on.

    Args:
        target: `(host, port)` of the server.
        seed: Of which answers are spoiled, and how.
        share: Of the answers that are, while a spoil is set.

    Attributes:
        address: `(host, port)` to connect to.
        spoil: Name of one of `SPOILS`; None passes all as it is.
        spoiled: How many answers were, so far.
    """

    def __init__(self, target, seed=0, share=0.3):
        self._target, self._share = target, share
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._kept = []
        self.spoil, self.spoiled = None, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Takes no more connections."""
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(client,), daemon=True
            ).start()

    def _serve(self, client):
        with client:
            try:
                client.settimeout(_TIMEOUT_S)
                with socket.create_connection(self._target, 5.0) as server:
                    server.settimeout(_TIMEOUT_S)
                    for end in (client, server):
                        end.setsockopt(
                            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
                        )
                    self._pass_on(client, server)
            except OSError:  # An end has gone; so shall the other.
                pass

    def _pass_on(self, client, server):
        while True:
            question = _message(client)
            server.sendall(question)
            response = _message(server)
            is_asked = question.startswith(b"POST") and b" 200 " in response
            client.sendall(self._spoil(response) if is_asked else response)

    def _spoil(self, response):
        with self._lock:
            spoil, self._kept = self.spoil, [response, *self._kept[:_KEPT]]
            if spoil is None or self._random.random() >= self._share:
                return response
            self.spoiled += 1
            others = self._kept[1:] or self._kept
            return SPOILS[spoil](response, others, self._random)


def _message(connection):
    """Reads one HTTP message of stated length; OSError at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head = data.partition(b"\r\n\r\n")[0]
    whole = len(head) + 4 + _number(head, _LENGTH, 0)
    while len(data) < whole:
        data += _more(connection)
    return data


def _number(head, name, otherwise):
    for line in head.lower().split(b"\r\n")[1:]:
        if line.startswith(name):
            return int(line[len(name) :])
    return otherwise


def _more(connection):
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("An end has closed.")
    return data


def flood(address, path, payload, seconds, clients):
    """Asks a server from many connections at once for some seconds.

    Returns the number of refusals, HTTP 503 and 429.
    """
    end, refused = time.monotonic() + seconds, []
    question = (
        f"POST {path} HTTP/1.1\r\nHost:\r\nInference-Header-Content-Length:0"
        f"\r\nContent-Length:{len(payload)}\r\n\r\n"
    ).encode() + payload

    def ask():
        while time.monotonic() < end:
            try:
                with socket.create_connection(address, 1.0) as connection:
                    connection.settimeout(1.0)
                    while time.monotonic() < end:
                        connection.sendall(question)
                        status = _message(connection).split(b" ", 2)[1]
                        if status in (b"503", b"429"):
                            refused.append(status)
            except OSError:
                time.sleep(0.01)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(refused)
