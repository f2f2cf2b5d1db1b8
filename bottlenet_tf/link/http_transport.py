"""HTTP/1.1 over one connection that is kept open, for any server's API."""

import re
import socket
import time
import urllib.parse

from bottlenet_tf.common.checks import is_whole, require
from bottlenet_tf.link.http_reader import read_response
from bottlenet_tf.link.transport import (
    BadAnswer,
    Missed,
    Refused,
    Transport,
    Unreachable,
)

_TCP_IP_BYTES = 40
_BUSY = (429, 503)
_MOST_RETRY_S = 3600


class HttpTransport(Transport):
    """Asks one server over one connection that is kept open.

    The first question opens it, and so does the next one after a failure. If
    the server has closed it meanwhile, the question is sent once more.

    Args:
        address: `HOST`, `HOST:PORT` or `[IPv6]:PORT`, with or without
            `http://` before it.
        port: Port if the address has none.
        host: Value of the header Host; None takes the address. A server with a
            single host accepts "".
        clock: Function that returns monotonic seconds.
    """

    def __init__(self, address, port, host=None, clock=time.monotonic):
        self.host, self.port = split_address(address, port)
        self._clock = clock
        if host is None:
            name = "[{}]".format(self.host) if ":" in self.host else self.host
            host = "{}:{}".format(name, self.port)
        require(
            host == "" or _is_plain(host),
            "A Host must be a host and a port, or empty.",
            host=host,
        )
        self._header = host
        self._connection = self._addresses = None
        self._interrupted = False

    @property
    def overhead_bytes(self):
        """At IP level, for a question with a payload of 100 to 999 bytes."""
        return len(self._message(bytes(100))) - 100 + _TCP_IP_BYTES

    @property
    def is_open(self):
        return self._connection is not None

    def _message(self, payload):
        """Returns the bytes of a question about a payload."""
        raise NotImplementedError

    def _read(self, headers, body, payload, request_id, received_bytes):
        """Returns the `Answer` in a response of status 200."""
        raise NotImplementedError

    def _ready_path(self):
        """Returns the path that answers 200 if the model is ready."""
        raise NotImplementedError

    def ask(self, payload, deadline, request_id):
        return self._asked(
            self._message(payload),
            deadline,
            lambda response: self._understand(response, payload, request_id),
        )

    def is_ready(self, deadline):
        """Returns whether the server has this model, and this version of it.

        Another version is another export. Raises `LinkError` as `ask` does.
        """

        def understand(response):
            status, headers, _, _ = response
            self._heed(status, headers)
            return status == 200

        question = "GET {} HTTP/1.1\r\nHost:{}\r\n\r\n".format(
            self._ready_path(), self._header
        )
        return self._asked(question.encode("ascii"), deadline, understand)

    def _exchange(self, message, deadline):
        was_open = self._connection is not None
        self.connect_ms, self._interrupted = None, False
        try:
            return self._once(message, deadline)
        except Unreachable:
            self.close()
            if self._interrupted:
                raise Missed("The question was interrupted.") from None
            if not was_open:
                raise
        return self._once(message, deadline)

    def _once(self, message, deadline):
        if self._connection is None:
            self._connect(deadline)
        connection = self._connection
        try:
            connection.settimeout(_left(deadline, self._clock))
            connection.sendall(message)
        except socket.timeout:
            raise Missed("The link took no payload in time.") from None
        except OSError as error:
            raise Unreachable(
                "The connection broke: {}".format(error)
            ) from None
        return read_response(connection, deadline, self._clock)

    def _connect(self, deadline):
        begun, problem = self._clock(), None
        addresses = self._resolve()
        # An answer takes as long as a connection, or longer.
        until = self._clock() + 0.5 * _left(deadline, self._clock)
        for family, kind, protocol, _, address in addresses:
            connection = None
            try:
                left = _left(until, self._clock)
                connection = socket.socket(family, kind, protocol)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(left)
                connection.connect(address)
            except OSError as error:
                problem = error
                if connection is not None:
                    connection.close()
                continue
            self._connection = connection
            self.connect_ms = 1e3 * (self._clock() - begun)
            return
        if isinstance(problem, socket.timeout):
            raise Missed("The server took no connection in time.")
        raise Unreachable(
            "No connection to {}:{}: {}".format(self.host, self.port, problem)
        )

    def _resolve(self):
        """Returns the addresses, looked up once, as this can't be bounded."""
        if self._addresses is None:
            try:
                self._addresses = socket.getaddrinfo(
                    self.host, self.port, type=socket.SOCK_STREAM
                )
            except (OSError, UnicodeError) as error:
                raise Unreachable(
                    "No address of {}: {}".format(self.host, error)
                ) from None
        return self._addresses

    def _understand(self, response, payload, request_id):
        status, headers, body, received_bytes = response
        self._heed(status, headers)
        if status != 200:
            raise BadAnswer(
                "The server must answer with status 200. Received: "
                "{} {!r}".format(status, body[:200])
            )
        return self._read(headers, body, payload, request_id, received_bytes)

    def _heed(self, status, headers):
        if headers.get("connection", "").lower() == "close":
            self.close()
        if status in _BUSY:
            raise Refused(
                "The server is busy: status {}.".format(status),
                _retry_after(headers),
            )

    def interrupt(self):
        self._interrupted = True
        connection = self._connection
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # Already closed.
                pass

    def close(self):
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _left(deadline, clock):
    left = deadline - clock()
    if left <= 0:
        raise Missed("The deadline had passed.")
    return left


def _retry_after(headers):
    text = headers.get("retry-after", "")
    if text.isdigit() and len(text) <= 9:
        return float(min(int(text), _MOST_RETRY_S))
    return None  # A date, or nothing.


def split_address(address, otherwise):
    """Returns host and port of an address; `otherwise` if it has no port."""
    text = address if isinstance(address, str) else ""
    if text.startswith("http://"):
        text = text[len("http://") :].rstrip("/")
    try:
        parts = urllib.parse.urlsplit("//" + text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    is_plain = _is_plain(text)
    require(
        host and is_plain and (port is None or is_whole(port, 1, 65535)),
        "A server must be given as HOST or HOST:PORT, an IPv6 host as "
        "[HOST]:PORT, plain HTTP, without a name or password.",
        # Logs contain errors, and must not contain a password.
        address="..." + text[text.rindex("@") :] if "@" in text else address,
    )
    return host, otherwise if port is None else port


def _is_plain(text):
    """Whether a text has only characters of hosts and ports."""
    return re.fullmatch(r"[A-Za-z0-9._:\[\]%-]{1,299}", text) is not None
