"""A gRPC server in this process that speaks TF Serving's API."""

import functools
from concurrent import futures

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from bottlenet_tf.serving.launch import address

# TensorFlow's codes are gRPC's.
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _answering(method):
    """Wraps a servicer's method: errors of TensorFlow's kinds refuse."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            return method(self, request)
        except tf.errors.OpError as error:
            context.abort(_CODES[error.error_code], error.message)

    return answer


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict; the others are UNIMPLEMENTED.

    It computes each request separately; TF Serving collects them into batches.
    """

    def __init__(self, models):
        self._models = models

    @_answering
    def Predict(self, request):
        response = predict_pb2.PredictResponse()
        self._models.find(request).predict(request, response)
        return response


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; models are all loaded before the server starts."""

    def __init__(self, models):
        self._models = models

    @_answering
    def GetModelStatus(self, request):
        model = self._models.find(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        status = response.model_version_status.add()
        status.version = model.version
        status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        status.status.error_code = 0
        return response


def start_server(
    models, host="127.0.0.1", port=8500, threads=4, max_message_mb=16,
    queue_size=64,
):  # fmt: skip
    """Starts a server and returns at once.

    Args:
        host: Address to listen on; "0.0.0.0" lets other machines in. There
            is no encryption and no password, as in TF Serving by default.
        queue_size: Most waiting requests; further ones are refused with
            RESOURCE_EXHAUSTED.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(threads),
        options=[
            ("grpc.max_receive_message_length", max_message_mb << 20),
            ("grpc.max_send_message_length", -1),
            # Otherwise a second server would take half of the first one's
            # requests.
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=threads + queue_size,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionServicer(models), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        ModelServicer(models), server
    )
    try:
        bound = server.add_insecure_port(address(host, port))
    except RuntimeError as error:
        raise OSError(
            "--host and --port must be a free address of this machine. "
            f"Received: host={host!r}, port={port} ({error})"
        ) from None
    server.start()
    return server, bound
