"""gRPC for any server's API, by generic calls; needs the package grpcio."""

import time

from bottlenet_tf.common.checks import require
from bottlenet_tf.link.http_reader import MAX_BODY_BYTES
from bottlenet_tf.link.http_transport import split_address
from bottlenet_tf.link.transport import (
    BadAnswer,
    Missed,
    Refused,
    Transport,
    Unreachable,
)


class GrpcTransport(Transport):
    """Asks one server over one channel.

    A channel whose server is gone waits longer each time before it reconnects,
    so it is closed after each failure except a refusal. Messages are bytes,
    which a subclass writes and reads.

    Args:
        address, port, clock: As in `HttpTransport`.
        certificate: PEM bytes to check the server's certificate; None for no
            encryption.

    Raises:
        ImportError: if grpcio isn't installed.
    """

    #: Measured at IP level; see docs/controller.md.
    overhead_bytes = 150

    def __init__(self, address, port, certificate=None, clock=time.monotonic):
        host, port = split_address(address, port)
        host = "[{}]".format(host) if ":" in host else host
        self._target = "{}:{}".format(host, port)
        require(
            certificate is None or isinstance(certificate, bytes),
            "A certificate must be the bytes of a PEM file.",
            certificate=type(certificate).__name__,
        )
        self._grpc, self._clock = _import_grpc(), clock
        self._certificate = certificate
        self._channel = self._call = None
        self.host = host

    @property
    def is_open(self):
        """See `Transport.is_open`; a channel that has answered."""
        return self._channel is not None

    def _question(self, payload):
        """Returns method and message for a payload."""
        raise NotImplementedError

    def _read(self, response, payload, request_id):
        """Returns the `Answer` in a response's bytes."""
        raise NotImplementedError

    def _readiness(self):
        """Returns method and message that ask whether the model is ready."""
        raise NotImplementedError

    def ask(self, payload, deadline, request_id):
        return self._asked(
            self._question(payload),
            deadline,
            lambda response: self._read(response, payload, request_id),
        )

    def is_ready(self, deadline):
        """See `HttpTransport.is_ready`."""
        try:
            return self._asked(self._readiness(), deadline, self._is_ready)
        except BadAnswer:  # Not found.
            return False

    def _is_ready(self, response):
        return True

    def _exchange(self, question, deadline):
        method, message = question
        left = deadline - self._clock()
        if left <= 0:
            raise Missed("The deadline had passed.")
        if self._channel is None:
            self._channel = self._open()
        self._call = self._channel.unary_unary(method).future(
            message, timeout=left
        )
        try:
            return self._call.result()
        except self._grpc.FutureCancelledError:
            raise Missed("The question was interrupted.") from None
        except self._grpc.RpcError as error:
            raise self._understood(error) from None
        finally:
            self._call = None

    def _open(self):
        options = [
            ("grpc.max_receive_message_length", MAX_BODY_BYTES),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            # Otherwise channels share connections, dead ones as well.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if self._certificate is None:
            return self._grpc.insecure_channel(self._target, options)
        credentials = self._grpc.ssl_channel_credentials(self._certificate)
        return self._grpc.secure_channel(self._target, credentials, options)

    def _understood(self, error):
        """Returns the `LinkError` of a failed call."""
        codes, code = self._grpc.StatusCode, error.code()
        words = "{}: {}".format(code.name, (error.details() or "")[:200])
        if code == codes.DEADLINE_EXCEEDED:
            return Missed("No complete answer came in time.")
        if code == codes.CANCELLED:
            return Missed("The question was interrupted.")
        # A missing server and a full queue have the same code, but all servers
        # mention the queue.
        is_busy = "queue" in words.lower() or code == codes.RESOURCE_EXHAUSTED
        if is_busy and "larger than max" not in words:
            return Refused("The server is busy: {}".format(words))
        if code == codes.UNAVAILABLE:
            return Unreachable("No connection: {}".format(words))
        return BadAnswer("The server must answer. Received: {}".format(words))

    def interrupt(self):
        call = self._call
        if call is not None:
            call.cancel()

    def close(self):
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _import_grpc():
    try:
        import grpc
    except ImportError as error:
        raise ImportError(
            "Requests by gRPC need grpcio, `pip install grpcio` ({}); HTTP "
            "needs nothing.".format(error)
        ) from None
    return grpc
