"""The server's half in Triton's Python backend: payloads in, classes out.

An export copies this file to a version folder of the model repository, as
`model.py`, with `tail.onnx`, `unit.json` and this package beside it. The copy
needs NumPy, ONNX Runtime and Pillow (or imagecodecs), no TensorFlow.
"""

import json
import os
import sys


class TritonPythonModel:
    """Answers requests with `Tail.answer`; Triton makes and calls it.

    Triton itself refuses requests of other names, types and shapes than
    `config.pbtxt` states, and more payloads than its `max_batch_size`.
    """

    def initialize(self, args):
        """Opens the tail.

        Args:
            args: Triton's dictionary of strings. `model_config` is
                `config.pbtxt` as JSON; its parameter `device` is the
                `device` of `Tail.load`.
        """
        folder = os.path.dirname(os.path.abspath(__file__))
        # First, since another version of the package may be installed.
        sys.path.insert(0, folder)
        # Only the server's process has the former.
        import triton_python_backend_utils

        from bottlenet_tf.runtime.cloud import Tail

        config = json.loads(args["model_config"])
        self._backend = triton_python_backend_utils
        self._tail = Tail.load(
            folder,
            device=config["parameters"]["device"]["string_value"],
            max_batch=max(1, int(config["max_batch_size"])),
        )

    def execute(self, requests):
        """Answers the requests of one batch, each with its own payloads.

        Args:
            requests: List of requests; each has `payload`, bytes `(N, 1)`.

        Returns:
            List of as many responses, with the arrays of `Tail.answer`;
            those of one value for a payload are `(N, 1)`, as Triton has it.
        """
        batches = [
            self._backend.get_input_tensor_by_name(request, "payload")
            .as_numpy()
            .reshape(-1)
            for request in requests
        ]
        answers = self._tail.answer([p for batch in batches for p in batch])
        responses, start = [], 0
        for batch in batches:
            stop = start + len(batch)
            tensors = [
                self._tensor(name, values[start:stop])
                for name, values in answers.items()
            ]
            responses.append(self._backend.InferenceResponse(tensors))
            start = stop
        return responses

    def _tensor(self, name, values):
        rows = values[:, None] if values.ndim == 1 else values
        return self._backend.Tensor(name, rows)
