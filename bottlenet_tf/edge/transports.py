"""Transports to one server, and whether it has this deployment."""

import socket
import time
from typing import Callable, NamedTuple

from bottlenet_tf.edge.message import ByKind
from bottlenet_tf.link.http_transport import split_address
from bottlenet_tf.link.kserve_grpc import KServeGrpc
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.tf_serving import TfServingGrpc, TfServingRest
from bottlenet_tf.link.transport import LinkError

_READY_S = 5.0


class Kind(NamedTuple):
    """One kind of transport.

    Attributes:
        routes: Whether one model takes all units' payloads, in versions of the
            deployment, and another one images.
        encrypts: Whether it can encrypt, like gRPC.
    """

    make: Callable
    routes: bool
    encrypts: bool


DEFAULT = "kserve_http"
TRANSPORTS = {
    DEFAULT: Kind(KServeHttp, True, False),
    "kserve_grpc": Kind(KServeGrpc, True, True),
    "tf_serving_grpc": Kind(TfServingGrpc, False, True),
    "tf_serving_rest": Kind(TfServingRest, False, False),
}


class Server:
    """The server of the arguments."""

    def __init__(self, args, network):
        served, self._kind = network.served, TRANSPORTS[args.transport]
        self._address, self._unpack = args.server, network.unpack
        self._certificate = None
        if args.tls_cert is not None:
            with open(args.tls_cert, "rb") as file:
                self._certificate = file.read()
        self._images = None
        if not self._kind.routes:
            self._models = [(name, None) for name in served.units]
            return
        self._models = [(args.model or served.model, served.version)]
        if args.image_model is not None:
            self._images = args.image_model, None
        elif served.image_model is not None:
            self._images = served.image_model, served.image_version

    def __str__(self):
        return ", ".join(
            "model {!r}".format(name)
            + ("" if version is None else ", version {}".format(version))
            for name, version in self._models
        )

    def connect(self):
        """Returns a `ByKind`, not yet connected."""
        units = self._make(*self._models[0])
        if self._images is None:
            return ByKind(units)
        return ByKind(units, self._make(*self._images))

    def _make(self, model, version):
        options = {}
        if self._kind.routes:
            options.update(version=version, unpack=self._unpack)
        if self._kind.encrypts:
            options.update(certificate=self._certificate)
        elif _is_address(split_address(self._address, None)[0]):
            # 13 bytes less. A name is sent: its address may have several hosts.
            options.update(host="")
        return self._kind.make(self._address, model, **options)

    def takes_images(self, say):
        """Returns whether it has the model that takes image files."""
        return self._images is not None and self._has(*self._images, say)

    def has_export(self, say):
        """Returns whether it has the models for this deployment's payloads.

        True for an unreachable server, which may start later: every question
        names version or unit, and another export never answers it.
        """
        return all(self._has(*model, say) for model in self._models)

    def _has(self, model, version, say):
        transport = self._make(model, version)
        try:
            return transport.is_ready(time.monotonic() + _READY_S)
        except LinkError as error:
            say("the server can't be reached yet: {}".format(error))
            return True
        finally:
            transport.close()


def _is_address(host):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
            return True
        except OSError:
            pass
    return False
