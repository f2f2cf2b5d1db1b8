"""The tail as a SavedModel for TF Serving: payloads in, classes out."""

import pathlib

import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.common import graphs
from bottlenet_tf.evaluation import payload_format
from bottlenet_tf.export import frozen, repeatable
from bottlenet_tf.export.tensorflow_files import written
from bottlenet_tf.layers import STATUSES, PayloadParser

SIGNATURE = "serving_default"
INPUT = "payload"
OUTPUTS = ("logits", "probabilities", "classes", "labels", "status")
WARMUP_BATCHES = (1, 4, 16)
_BATCH_THREADS = 4  # One per core in use.
_WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"


class ServedTail(tf.Module):
    """The cloud's half from bytes to labels, in one graph.

    ```
    payload -> check, codec -> unit's decode -> suffix -> softmax or sigmoid
    ```

    A refused payload fails alone: its `status` says why, its class is -1, its
    label empty and its numbers are 0. Weights are constants, so that TensorFlow
    can fold them. A batch may mix operating points.

    Call arguments:
        payload: string `(N,)`, the bytes that devices send. N may be 0.

    Returns:
        Dictionary of `logits` and `probabilities`, float32 `(N, classes)`;
        `classes` int32 `(N,)`; `labels` and `status`, string `(N,)`. The
        status is "ok" or one of the reasons in `layers.STATUSES`.
    """

    def __init__(self, model, labels, task=tasks.ONE_CLASS):
        super().__init__(name="served_tail")
        self._parse = PayloadParser(payload_format(model))
        part = frozen.tail(model)
        self._inputs = part.inputs
        if model.unit.takes_point:
            self._points = [float(value) for value in model.unit.points]
        self._tail = part.function
        self._labels, self._task = list(labels), task

    @graphs.function(input_signature=[tf.TensorSpec([None], tf.string, INPUT)])
    def serve(self, payload):
        batch = tf.shape(payload)[0]
        # oneDNN's convolution gives an empty batch its input's shape, and the
        # next op raises (TensorFlow 2.21). So an empty batch gets one payload,
        # which is refused and whose answer is cut off.
        spare = tf.fill([tf.maximum(1 - batch, 0)], "")
        payload = tf.concat([payload, spare], axis=0)
        codes, code_range, point, status = self._parse(payload)
        inputs = {"codes": codes, "range": code_range}
        if "point" in self._inputs:  # The graph's tail takes the point's value.
            inputs["point"] = tf.gather(tf.constant(self._points), point)
        (logits,) = self._tail(*(inputs[name] for name in self._inputs))
        ok = status == 0
        logits = tf.where(ok[:, None], logits, 0.0)
        classes = tf.argmax(logits, axis=-1, output_type=tf.int32)
        shares = self._task.probabilities(logits)
        answers = {
            "logits": logits,
            "probabilities": tf.where(ok[:, None], shares, 0.0),
            "classes": tf.where(ok, classes, -1),
            "labels": tf.where(ok, self._label(logits, classes), ""),
            "status": tf.gather(tf.constant(STATUSES), status),
        }
        return {name: values[:batch] for name, values in answers.items()}

    def _label(self, logits, classes):
        """Same as `runtime.outputs.label`, for each image."""
        names = tf.constant(self._labels)
        if self._task.output == "softmax":
            return tf.gather(names, classes)
        names = tf.broadcast_to(names, tf.shape(logits))
        there = tf.ragged.boolean_mask(names, logits > 0)
        return tf.strings.reduce_join(there, axis=1, separator=", ")


def write_saved_model(
    model, labels, folder, name, payloads, max_batch, task=tasks.ONE_CLASS
):
    """Writes a served model's version folder, with its warm-up requests.

    Args:
        folder: `<base>/<name>/1`.
        max_batch: As in `batching_config`. A server refuses larger requests,
            and models whose warm-up has one.
    """
    module = ServedTail(model, labels, task)
    sizes = [size for size in WARMUP_BATCHES if size <= max_batch]
    with written(f"the SavedModel of {name}"):
        tf.saved_model.save(module, str(folder), {SIGNATURE: module.serve})
        repeatable.order_saved_model(folder)
        path = pathlib.Path(folder) / _WARMUP_FILE
        _write_warmup(path, name, payloads, sizes)


def _write_warmup(path, name, payloads, sizes):
    """Writes one Predict request for each batch size to be traced early."""
    # Takes seconds to import.
    from tensorflow_serving.apis import prediction_log_pb2

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for size in sizes:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = name
            request.model_spec.signature_name = SIGNATURE
            batch = [payloads[i % len(payloads)] for i in range(size)]
            request.inputs[INPUT].CopyFrom(tf.make_tensor_proto(batch))
            writer.write(log.SerializeToString())


def models_config(names):
    """Returns the text of `models.config`: all models of one server.

    TF Serving takes absolute paths only, and its container mounts the folder
    `serving` as /models.
    """
    entries = "".join(
        f'  config {{\n    name: "{name}"\n    base_path: "/models/{name}"\n'
        '    model_platform: "tensorflow"\n  }\n'
        for name in names
    )
    return f"model_config_list {{\n{entries}}}\n"


def batching_config(config):
    """Returns the text of TF Serving's `batching.config`."""
    # TF Serving counts batches, and refuses a request if none is free.
    batches = max(1, config.queue_size // config.max_batch)
    return (
        f"max_batch_size {{ value: {config.max_batch} }}\n"
        f"batch_timeout_micros {{ value: {config.queue_delay_us} }}\n"
        f"num_batch_threads {{ value: {_BATCH_THREADS} }}\n"
        f"max_enqueued_batches {{ value: {batches} }}\n"
    )
