"""TCP connections through the lines, without root: the proxy's loop."""

import collections
import errno
import functools
import selectors
import socket
import struct
from typing import NamedTuple

# IP and TCP headers with time stamps; 1500 - 52 bytes of data per packet.
HEADER_BYTES = 52
SEGMENT_BYTES = 1448
SYN_BYTES = 60
# Linux's first timeouts of a SYN and of data; each further one is twice as
# long.
SYN_RETRY_S = 1.0
DATA_RETRY_S = 0.2
MAX_RETRY_S = 120.0
# Capacity of one direction of a connection, as of a socket's buffers.
WINDOW_BYTES = 256 * 1024
# `select` takes descriptors below 1024, two for each connection.
MAX_CONNECTIONS = 400
_PAUSE_S = 0.1
_RESET = struct.pack("ii", 1, 0)  # Lingering for 0 s makes a reset.


class Target(NamedTuple):
    """The target of accepted connections."""

    family: int
    address: tuple


class TcpForwarder:
    """Accepts connections and forwards their bytes when they arrive.

    A TCP stream may not lose bytes: lost packets are sent again after a
    retransmission timeout, and later bytes wait for them. So outages pause
    connections. Opening a connection takes a round trip; acknowledgements and
    slow start aren't modelled.

    Args:
        lines: Up, from the clients to the target, and down.
    """

    def __init__(self, loop, lines, listener, target):
        self._loop = loop
        self.lines = lines
        self._listener = listener
        self._target = target
        self._open = set()
        listener.setblocking(False)
        self._listen(True)

    def restart(self, lines):
        """Switches to new lines; bytes on the old ones still arrive."""
        self._loop.restart()
        self.lines = lines

    def change(self, change):
        """Applies a `Change`; bytes on the lines still arrive."""
        change.apply(self.lines, self._loop.now())

    def transmit(self, direction, num_bytes, wait_s, then):
        """Calls `then` when a packet has arrived, after any retransmissions."""
        arrives_s = self.lines[direction].send(self._loop.now(), num_bytes)
        if arrives_s is not None:
            self._loop.at(arrives_s, then)
        else:
            self._loop.at(
                self._loop.now() + wait_s,
                self.transmit, direction, num_bytes,
                min(2 * wait_s, MAX_RETRY_S), then,
            )  # fmt: skip

    def forget(self, connection):
        """Removes a connection that has ended."""
        self._open.discard(connection)
        if len(self._open) == MAX_CONNECTIONS - 1:
            self._listen(True)

    def _listen(self, wanted):
        selector = self._loop.selector
        if wanted == (self._listener in selector.get_map()):
            return
        if wanted:
            selector.register(
                self._listener, selectors.EVENT_READ, self._accept
            )
        else:
            selector.unregister(self._listener)

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # Already gone.
        except OSError:
            # No descriptor is free now.
            self._listen(False)
            self._loop.at(self._loop.now() + _PAUSE_S, self._listen, True)
            return
        self._open.add(Connection(self, self._loop, client, self._target))
        if len(self._open) >= MAX_CONNECTIONS:
            self._listen(False)


class Connection:
    """One accepted connection and the one to the target."""

    def __init__(self, forwarder, loop, client, target):
        self._forwarder = forwarder
        self._loop = loop
        self._client = client
        self._server = None
        self._target = target
        self._flows = ()
        self.is_closed = False
        client.setblocking(False)
        forwarder.transmit(0, SYN_BYTES, SYN_RETRY_S, self._connect)

    def close(self):
        """Closes both sides; resets them unless both streams have ended."""
        if self.is_closed:
            return
        self.is_closed = True
        resets = not self._flows or not all(f.has_ended for f in self._flows)
        for end in filter(None, (self._client, self._server)):
            if end in self._loop.selector.get_map():
                self._loop.selector.unregister(end)
            if resets:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()
        self._forwarder.forget(self)

    def _connect(self):
        try:
            self._server = socket.socket(
                self._target.family, socket.SOCK_STREAM
            )
        except OSError:  # No descriptor is free.
            self._answer(False)
            return
        self._server.setblocking(False)
        error = self._server.connect_ex(self._target.address)
        if error not in (0, errno.EINPROGRESS):
            self._answer(False)
            return
        self._loop.selector.register(
            self._server, selectors.EVENT_WRITE, self._connected
        )

    def _connected(self):
        self._loop.selector.unregister(self._server)
        error = self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._answer(not error)

    def _answer(self, is_accepted):
        then = self._begin if is_accepted else self.close
        self._forwarder.transmit(1, SYN_BYTES, SYN_RETRY_S, then)

    def _begin(self):
        ends = self._client, self._server
        for end in ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flows = (
            Flow(self, self._forwarder, 0, *ends),
            Flow(self, self._forwarder, 1, *reversed(ends)),
        )
        self.watch()

    def watch(self):
        """Registers each end for its two flows; closes when both have ended."""
        if all(flow.has_ended for flow in self._flows):
            self.close()
        if self.is_closed:
            return
        up, down = self._flows
        self._register(self._client, up, down)
        self._register(self._server, down, up)

    def _register(self, end, reader, writer):
        events = selectors.EVENT_READ * reader.wants_to_read
        events |= selectors.EVENT_WRITE * writer.wants_to_write
        selector = self._loop.selector
        is_known = end in selector.get_map()
        call = functools.partial(self._serve, end, reader, writer)
        if events and is_known:
            selector.modify(end, events, call)
        elif events:
            selector.register(end, events, call)
        elif is_known:
            selector.unregister(end)

    def _serve(self, end, reader, writer):
        if not self.is_closed and writer.wants_to_write:
            writer.write()
        if not self.is_closed and reader.wants_to_read:
            reader.read()


class Flow:
    """One direction of a connection: read, on the line, arrived, written."""

    def __init__(self, connection, forwarder, direction, source, target):
        self._connection = connection
        self._forwarder = forwarder
        self._direction = direction
        self._source, self._target = source, target
        self._segments = collections.deque()  # [data, has arrived]
        self._held = 0
        self._out = bytearray()
        self._at_end = False
        self.has_ended = False

    @property
    def wants_to_read(self):
        """Whether there is room, and more may come."""
        room = self._held + len(self._out) < WINDOW_BYTES
        return room and not self._at_end

    @property
    def wants_to_write(self):
        """Whether arrived bytes wait to be forwarded."""
        return bool(self._out)

    def read(self):
        """Reads bytes and gives them to the line, packet by packet."""
        try:
            data = self._source.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            self._connection.close()
            return
        self._at_end = not data
        # The end of a stream is a separate packet, without data.
        for first in range(0, max(1, len(data)), SEGMENT_BYTES):
            self._send(data[first : first + SEGMENT_BYTES])
        self._connection.watch()

    def _send(self, data):
        segment = [data, False]
        self._segments.append(segment)
        self._held += len(data)
        self._forwarder.transmit(
            self._direction,
            len(data) + HEADER_BYTES,
            DATA_RETRY_S,
            functools.partial(self._arrive, segment),
        )

    def _arrive(self, segment):
        segment[1] = True
        if self._connection.is_closed:
            return
        while self._segments and self._segments[0][1]:
            data, _ = self._segments.popleft()
            self._held -= len(data)
            self._out += data
        self.write()

    def write(self):
        """Forwards arrived bytes, and the end after them."""
        try:
            if self._out:
                del self._out[: self._target.send(self._out)]
            is_done = self._at_end and not self._segments and not self._out
            if is_done and not self.has_ended:
                self.has_ended = True
                self._target.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._connection.close()
            return
        self._connection.watch()
