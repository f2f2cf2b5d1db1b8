"""TF Serving's gRPC API around a deployment's SavedModels, for development."""

from bottlenet_tf.serving.inprocess.models import ServedModel, load_models
from bottlenet_tf.serving.inprocess.server import start_server

__all__ = ["ServedModel", "load_models", "start_server"]
