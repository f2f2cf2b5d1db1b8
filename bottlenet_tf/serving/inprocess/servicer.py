"""TF Serving's gRPC services around served models."""

from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from bottlenet_tf.serving.inprocess.refusal import answering, invalid

_METADATA = "signature_def"


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the others are UNIMPLEMENTED.

    It computes each request by itself; TF Serving collects them to batches.

    Args:
        models: `ModelTable`.
    """

    def __init__(self, models):
        self._models = models

    @answering
    def Predict(self, request):
        response = predict_pb2.PredictResponse()
        self._models.find(request).predict(request, response)
        return response

    @answering
    def GetModelMetadata(self, request):
        model = self._models.find(request)
        if set(request.metadata_field) != {_METADATA}:
            raise invalid(
                f"`metadata_field` must be {_METADATA!r}, all there is. "
                f"Received: metadata_field={list(request.metadata_field)}"
            )
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        model.fill_spec(response.model_spec)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in model.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.metadata[_METADATA].Pack(signatures)
        return response


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; models are all loaded before the server starts.

    Args:
        models: `ModelTable`.
    """

    def __init__(self, models):
        self._models = models

    @answering
    def GetModelStatus(self, request):
        model = self._models.find(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        status = response.model_version_status.add()
        status.version = model.version
        status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        status.status.error_code = 0
        return response
