"""TF Serving's Predict, over gRPC and as REST: a model for each unit.

Its answers don't name the payload or the unit; a payload of another export is
refused by its own checksum.

Reference:
    TensorFlow Serving documentation, "RESTful API"; predict.proto,
    tensor.proto.
"""

import base64
import time
import urllib.parse

from bottlenet_tf.common.checks import is_text, require
from bottlenet_tf.link import kserve_answer, wire
from bottlenet_tf.link.grpc_transport import GrpcTransport
from bottlenet_tf.link.http_reader import MAX_BODY_BYTES
from bottlenet_tf.link.http_transport import HttpTransport
from bottlenet_tf.link.transport import BadAnswer

GRPC_PORT, REST_PORT = 8500, 8501
_SERVICES = "/tensorflow.serving."
_OUTPUTS = ("classes", "status")
_STRING = 7  # In the enumeration DataType.


def _named(payload, model):
    """Returns the model of a payload's unit; `model` if it names none."""
    return getattr(payload, "unit", None) or model


class TfServingGrpc(GrpcTransport):
    """Asks the models of a server by gRPC; see `GrpcTransport`.

    Args:
        model: Name of the model for payloads that name no unit.
    """

    def __init__(self, address, model, certificate=None, clock=time.monotonic):
        require(is_text(model), "A model must have a name.", model=model)
        super().__init__(address, GRPC_PORT, certificate, clock)
        self._model = model
        shape = wire.data(2, wire.data(2, wire.number(1, 1)))
        self._kind = wire.number(1, _STRING) + shape
        self._filter = b"".join(wire.data(3, name) for name in _OUTPUTS)

    def _question(self, payload):
        tensor = self._kind + wire.data(8, payload)
        entry = wire.data(1, "payload") + wire.data(2, tensor)
        spec = wire.data(1, wire.data(1, _named(payload, self._model)))
        return _SERVICES + "PredictionService/Predict", (
            spec + wire.data(2, entry) + self._filter
        )

    def _read(self, response, payload, request_id):
        tensors = {}
        for entry in wire.many(wire.read(response), 1):
            fields = wire.read(entry)
            name = wire.one(fields, 1, bytes, b"").decode("utf-8", "replace")
            tensor = wire.read(wire.one(fields, 2, bytes, b""))
            is_text_ = wire.one(tensor, 1, int, 0) == _STRING
            tensors[name] = (
                wire.many(tensor, 8) if is_text_ else _integers(tensor)
            )
        return kserve_answer.of_tensors(
            tensors, payload, request_id, len(response)
        )

    def _readiness(self):
        return (
            _SERVICES + "ModelService/GetModelStatus",
            wire.data(1, wire.data(1, self._model)),
        )


def _integers(tensor):
    """Returns an int32 tensor's values, one by one or as one piece."""
    content = wire.one(tensor, 4, bytes, b"")
    if content:
        return kserve_answer.values_of("INT32", content)
    return wire.numbers(tensor, 7)


class TfServingRest(HttpTransport):
    """Asks the models of a server by REST; see `HttpTransport`.

    Payloads travel as base64, a third longer, and answers contain all outputs
    of a model: prefer the other transports if possible.

    Args:
        model: Name of the model for payloads that name no unit.
    """

    def __init__(self, address, model, host=None, clock=time.monotonic):
        require(is_text(model), "A model must have a name.", model=model)
        super().__init__(address, REST_PORT, host, clock)
        self._model = model

    def _ready_path(self):
        return _path(self._model)

    def _message(self, payload):
        text = base64.b64encode(payload).decode("ascii")
        body = '{"instances":[{"b64":"%s"}]}' % text
        return (
            "POST {}:predict HTTP/1.1\r\nHost:{}\r\nContent-Length:{}\r\n\r\n"
            "{}".format(
                _path(_named(payload, self._model)), self._header, len(body),
                body,
            )
        ).encode("ascii")  # fmt: skip

    def _read(self, headers, body, payload, request_id, received_bytes):
        found = kserve_answer.json_object(body, MAX_BODY_BYTES)
        rows = found.get("predictions")
        is_one = isinstance(rows, list) and len(rows) == 1
        if not (is_one and isinstance(rows[0], dict)):
            raise BadAnswer("An answer must have one prediction, an object.")
        tensors = {name: [rows[0].get(name)] for name in _OUTPUTS}
        return kserve_answer.of_tensors(
            tensors, payload, request_id, received_bytes
        )


def _path(model):
    return "/v1/models/" + urllib.parse.quote(model, safe="")
