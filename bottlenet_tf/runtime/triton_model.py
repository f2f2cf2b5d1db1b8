"""A deployment's tails in Triton's Python backend: payloads in, classes out.

An export copies this file to a version folder of the model repository, as
`model.py`, with this package and a folder next to it: `units` for the tails, or
`whole` for the network without a split, which takes image files. The copy needs
NumPy, ONNX Runtime and Pillow (or, for payloads, imagecodecs), no TensorFlow.
"""

import json
import os
import sys
import traceback

UNITS, WHOLE = "units", "whole"
COMPACT = "answer"  # The output for a request that names none.
REFUSALS = {
    "full": "The queue is full: at most {} requests wait",
    "late": "The queue is long: a request waited for more than {} ms",
}


class TritonPythonModel:
    """Answers requests with `Answers.answer`; created and called by Triton.

    Requests wait in the model's own queue. In Triton's dynamic batcher with a
    bounded queue, requests that arrive while a batch is computed wait for half
    a second (Triton 2.51).

    Triton itself refuses requests whose names, types and shapes aren't those of
    `config.pbtxt`, and more payloads than its `max_batch_size`.
    """

    def initialize(self, args):
        """Opens all networks and runs each once.

        Args:
            args: Triton's dictionary of strings. `model_config` is
                `config.pbtxt` as JSON; of its parameters, `device` and
                `threads` are those of `open_engine`, the others the queue's.
        """
        folder = os.path.dirname(os.path.abspath(__file__))
        # A server that watches the repository would take new files as a change
        # of the model.
        sys.dont_write_bytecode = True
        # First, since another version of the package may be installed.
        sys.path.insert(0, folder)
        # Only the server's process has the former.
        import triton_python_backend_utils

        from bottlenet_tf.runtime.answers import OUTPUTS
        from bottlenet_tf.runtime.waiting import Waiting

        config = json.loads(args["model_config"])
        parameters = {
            name: entry["string_value"]
            for name, entry in config["parameters"].items()
        }
        most = max(1, int(config["max_batch_size"]))
        self._limits = {
            "full": int(parameters["queue_size"]),
            "late": int(parameters["queue_timeout_ms"]),
        }
        self._backend = triton_python_backend_utils
        self._every = set(OUTPUTS)
        self._answers = load(
            folder, parameters["device"], int(parameters["threads"]), most
        )
        self._answers.warm_up()
        self._waiting = Waiting(
            self._work,
            self._refuse,
            lambda item: len(item[1]),
            most,
            room=self._limits["full"],
            seconds=self._limits["late"] / 1000,
            delay=int(parameters["queue_delay_us"]) / 1e6,
        )
        self._waiting.start()

    def execute(self, requests):
        """Queues requests of `payload`, bytes `(N, 1)`; the worker answers.

        Each gets the outputs that it names. Triton doesn't distinguish a
        request that names all outputs from one that names none, such as a raw
        binary request: both get only the compact answer.
        """
        for request in requests:
            payloads = self._backend.get_input_tensor_by_name(
                request, "payload"
            )
            names = set(request.requested_output_names())
            wanted = [COMPACT] if names >= self._every else sorted(names)
            self._waiting.put(
                (
                    request.get_response_sender(),
                    # Copied: the tensor's memory is freed with the request.
                    list(payloads.as_numpy().reshape(-1)),
                    wanted,
                )
            )

    def finalize(self):
        """Answers waiting requests; called by Triton before unloading."""
        self._waiting.close()

    def _work(self, batch):
        """Answers a batch of `((sender, payloads, names), seconds waited)`."""
        try:
            answers = self._answers.answer(
                [data for (_, payloads, _), _ in batch for data in payloads],
                sorted(set().union(*(names for (_, _, names), _ in batch))),
                [
                    1000 * seconds
                    for (_, payloads, _), seconds in batch
                    for _ in payloads
                ],
            )
        except Exception:  # Otherwise unreported, and clients would wait.
            text = traceback.format_exc()
            print(text, file=sys.stderr, flush=True)
            error = self._backend.TritonError("The model failed")
            for (sender, _, _), _ in batch:
                self._send(sender, output_tensors=[], error=error)
            return
        start = 0
        for (sender, payloads, names), _ in batch:
            stop = start + len(payloads)
            tensors = [
                self._backend.Tensor(name, answers[name][start:stop])
                for name in names
            ]
            self._send(sender, output_tensors=tensors)
            start = stop

    def _refuse(self, item, reason):
        """Refuses a request: HTTP 503, gRPC UNAVAILABLE."""
        error = self._backend.TritonError(
            REFUSALS[reason].format(self._limits[reason]),
            self._backend.TritonError.UNAVAILABLE,
        )
        self._send(item[0], output_tensors=[], error=error)

    def _send(self, sender, **response):
        sender.send(
            self._backend.InferenceResponse(**response),
            flags=self._backend.TRITONSERVER_RESPONSE_COMPLETE_FINAL,
        )


def load(folder, device, threads, max_batch):
    """Returns the `Answers` of the networks next to this file."""
    from bottlenet_tf.runtime import intact

    intact.check_tree(folder)
    whole = os.path.join(folder, WHOLE)
    if os.path.isdir(whole):
        from bottlenet_tf.runtime.whole_images import WholeImages

        return WholeImages.load(whole, device, threads)
    from bottlenet_tf.runtime.tails import Tails

    units = os.path.join(folder, UNITS)
    return Tails.load(units, device, threads, max_batch)
