"""KServe v2 over gRPC: one payload as a raw tensor, the compact answer back.

Reference:
    Open Inference Protocol, grpc_predict_v2.proto.
"""

import struct
import time

from bottlenet_tf.link import kserve_answer, wire
from bottlenet_tf.link.grpc_transport import GrpcTransport
from bottlenet_tf.link.transport import BadAnswer

DEFAULT_PORT = 8001
_SERVICE = "/inference.GRPCInferenceService/"


class KServeGrpc(GrpcTransport):
    """Asks one model of a server; see `GrpcTransport` and `KServeHttp`."""

    def __init__(
        self,
        address,
        model,
        version=None,
        unpack=None,
        certificate=None,
        clock=time.monotonic,
    ):
        kserve_answer.check_model(model, version)
        super().__init__(address, DEFAULT_PORT, certificate, clock)
        self._unpack = unpack
        self._model = wire.data(1, model)
        if version is not None:
            self._model += wire.data(2, str(version))
        tensor = wire.data(1, "payload") + wire.data(2, "BYTES")
        tensor += wire.data(3, b"\x01\x01")  # The shape (1, 1), packed.
        self._input = wire.data(5, tensor)

    def _question(self, payload):
        raw = struct.pack("<I", len(payload)) + payload
        return _SERVICE + "ModelInfer", (
            self._model + self._input + wire.data(7, raw)
        )

    def _read(self, response, payload, request_id):
        fields = wire.read(response)
        outputs = [wire.read(output) for output in wire.many(fields, 5)]
        raw = wire.many(fields, 6)
        if len(outputs) != len(raw):
            raise BadAnswer(
                "An answer's tensors must be raw, each occurring once."
            )
        tensors = {}
        for output, values in zip(outputs, raw):
            name, kind = (wire.one(output, i, bytes, b"") for i in (1, 2))
            tensors[name.decode("utf-8", "replace")] = kserve_answer.values_of(
                kind.decode("utf-8", "replace"), values
            )
        return kserve_answer.of_tensors(
            tensors, payload, request_id, len(response), self._unpack
        )

    def _readiness(self):
        return _SERVICE + "ModelReady", self._model

    def _is_ready(self, response):
        return bool(wire.one(wire.read(response), 1, int, 0))
