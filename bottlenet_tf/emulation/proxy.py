"""The emulated link without root: a TCP proxy on loopback."""

import socket
import time

from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation.process import Forwarder
from bottlenet_tf.emulation.tcp_forwarder import (
    HEADER_BYTES,
    SEGMENT_BYTES,
    Target,
)

_TIMEOUT_S = 60.0


class Proxy(Forwarder):
    """Listens, and forwards data to a target, through the lines.

    Up is from the clients to the target. Packets are of 1500 bytes, headers of
    IP and TCP included. Lost packets are sent again after 0.2, 0.4, … s, so an
    outage pauses connections and doesn't close them: their bytes arrive after
    it. A connection takes a round trip to begin; a target that refuses it ends
    it with a reset. Acknowledgements, slow start and competing traffic are not
    modelled: see `Namespaces`.

    Args:
        settings: `Settings`.
        target: `(host, port)` of the server.
        listen: `(host, port)`; port 0 takes a free one.

    Attributes:
        address: `(host, port)` to connect to.
        settings: As given.
        scheduling: How the loop's process is scheduled, in words.

    Raises:
        OSError: for an address that can't be listened on or is unknown.
    """

    form = "proxy"

    def __init__(self, settings, target, listen=("127.0.0.1", 0)):
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            *target, type=socket.SOCK_STREAM
        )
        with socket.create_server(listen) as listener:
            self.address = listener.getsockname()[:2]
            check(
                self.address != address[:2],
                "A proxy must not forward to itself.",
                target=target,
            )
            super().__init__(
                {
                    "form": self.form,
                    "settings": settings,
                    "files": [listener.fileno()],
                    "target": Target(family, address),
                }
            )


class Messages:
    """Times single messages through a proxy, for `check`."""

    def __init__(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.link = Proxy(settings, server.getsockname())
            self._device = socket.create_connection(
                self.link.address, timeout=_TIMEOUT_S
            )
            self._device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.settimeout(_TIMEOUT_S)
            self._server, _ = server.accept()
            self._server.settimeout(_TIMEOUT_S)
        self.one_way_s(2 * HEADER_BYTES)  # The connection is open.

    def one_way_s(self, num_bytes):
        """Returns the seconds of a message from device to server.

        Args:
            num_bytes: Bytes of its packets at IP level.
        """
        packets = -(-num_bytes // (SEGMENT_BYTES + HEADER_BYTES))
        left = num_bytes - packets * HEADER_BYTES
        message = bytes(left)
        start_s = time.monotonic()
        self._device.sendall(message)
        while left:
            left -= len(self._server.recv(65_536))
        return time.monotonic() - start_s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._device.close()
        self._server.close()
        self.link.close()
