"""The SavedModels of a deployment folder, found and loaded."""

import pathlib

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from bottlenet_tf.runtime import intact
from bottlenet_tf.serving.inprocess.tensors import (
    invalid,
    read_inputs,
    write_tensor,
)
from bottlenet_tf.serving.repository import saved_models

_FILE = "saved_model.pb"
_WARMUP = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
_DEFAULT_SIGNATURE = "serving_default"
# Prefix of signatures that can't be called.
_INTERNAL = "__"


class ServedModel:
    """One version of one SavedModel, warmed up.

    Args:
        folder: Its version folder, whose name is the version.

    Attributes:
        signatures: `{name: SignatureDef}`.
    """

    def __init__(self, name, folder, max_batch):
        folder = pathlib.Path(folder)
        intact.check_tree(folder)
        self.name = name
        self.version = int(folder.name)
        self._max_batch = max_batch
        try:
            saved = saved_model_pb2.SavedModel.FromString(
                (folder / _FILE).read_bytes()
            )
            self.signatures = dict(saved.meta_graphs[0].signature_def)
            # Kept: a function loses its captures once this is deleted.
            self._loaded = tf.saved_model.load(str(folder))
            self._warm_up(folder / _WARMUP)
        except Exception as error:  # Protobuf's, TensorFlow's, ours.
            if isinstance(error, OSError):
                raise
            raise ValueError(
                "A version folder must contain a SavedModel that loads and "
                f"answers its warm-up requests: {error} Received: "
                f"folder={str(folder)!r}"
            ) from error

    def predict(self, request, response):
        """Fills a PredictResponse for a PredictRequest."""
        name = request.model_spec.signature_name or _DEFAULT_SIGNATURE
        signature = self.signatures.get(name)
        if signature is None or name.startswith(_INTERNAL):
            raise tf.errors.FailedPreconditionError(  # As in TF Serving.
                None,
                None,
                f"The signature must be one of {', '.join(self._callable())}. "
                f"Received: signature_name={name!r}",
            )
        wanted = self._outputs(request.output_filter, signature)
        inputs = read_inputs(request.inputs, signature.inputs, self._max_batch)
        outputs = self._loaded.signatures[name](
            **{
                key: tf.constant(value, signature.inputs[key].dtype)
                for key, value in inputs.items()
            }
        )
        for key in wanted:
            response.outputs[key].CopyFrom(write_tensor(outputs[key].numpy()))
        response.model_spec.name = self.name
        response.model_spec.version.value = self.version
        response.model_spec.signature_name = name

    def _callable(self):
        return sorted(n for n in self.signatures if not n.startswith(_INTERNAL))

    def _outputs(self, output_filter, signature):
        """Returns the names of the outputs that a request selects."""
        names = list(output_filter) or sorted(signature.outputs)
        unknown = sorted(set(names) - set(signature.outputs))
        if unknown or len(set(names)) < len(names):
            raise invalid(
                "`output_filter` must name outputs, each once: "
                f"{', '.join(sorted(signature.outputs))}. "
                f"Received: output_filter={names}"
            )
        return names

    def _warm_up(self, path):
        """Answers the recorded requests: first answers take longer."""
        if not path.is_file():
            return
        # Takes seconds to import.
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

        for record in tf.data.TFRecordDataset(str(path)):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            request = log.predict_log.request
            sizes = [
                dim.size
                for tensor in request.inputs.values()
                for dim in tensor.tensor_shape.dim
            ]
            if max(sizes, default=0) <= self._max_batch:
                self.predict(request, predict_pb2.PredictResponse())


class ModelTable:
    """A server's models by name, the latest version of each."""

    def __init__(self, models):
        self._models = {model.name: model for model in models}

    def __iter__(self):
        return iter(self._models.values())

    def find(self, request):
        """Returns the `ServedModel` that a request's `model_spec` names."""
        if not request.HasField("model_spec"):
            raise invalid("A request must have a `model_spec`. Received: none")
        spec = request.model_spec
        if spec.version_label:
            raise invalid(
                "Versions have no labels here, so a request must give a number "
                f"or none. Received: version_label={spec.version_label!r}"
            )
        model = self._models.get(spec.name)
        if model is None:
            raise _not_found(
                f"The model must be one of {', '.join(self._models)}. "
                f"Received: name={spec.name!r}"
            )
        if spec.HasField("version") and spec.version.value != model.version:
            raise _not_found(
                f"Of model {spec.name!r}, only the latest version "
                f"{model.version} is served. "
                f"Received: version={spec.version.value}"
            )
        return model


def _not_found(message):
    return tf.errors.NotFoundError(None, None, message)


def load_models(deploy, max_batch=64):
    """Returns the `ModelTable` of a deployment; see `saved_models`.

    Raises `ValueError` if a model is damaged.
    """
    _, found = saved_models(deploy)
    return ModelTable(
        ServedModel(name, path, max_batch) for name, path in found.items()
    )
