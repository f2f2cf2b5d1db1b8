"""A deployment's tails in Triton's Python backend: payloads in, classes out.

An export copies this file to a version folder of the model repository, as
`model.py`, with a folder `units` and this package beside it. The copy needs
NumPy, ONNX Runtime and Pillow (or imagecodecs), no TensorFlow.
"""

import json
import os
import sys

UNITS = "units"
COMPACT = "answer"  # What a request gets that names no outputs.


class TritonPythonModel:
    """Answers requests with `Tails.answer`; Triton makes and calls it.

    Triton itself refuses requests of other names, types and shapes than
    `config.pbtxt` states, and more payloads than its `max_batch_size`.
    """

    def initialize(self, args):
        """Opens all tails and runs each once.

        Args:
            args: Triton's dictionary of strings. `model_config` is
                `config.pbtxt` as JSON; its parameters `device` and `threads`
                are those of `Tail.load`.
        """
        folder = os.path.dirname(os.path.abspath(__file__))
        # A server that watches the repository would take new files for a
        # change of the model.
        sys.dont_write_bytecode = True
        # First, since another version of the package may be installed.
        sys.path.insert(0, folder)
        # Only the server's process has the former.
        import triton_python_backend_utils

        from bottlenet_tf.runtime.tails import OUTPUTS, Tails

        config = json.loads(args["model_config"])
        parameters = {
            name: entry["string_value"]
            for name, entry in config["parameters"].items()
        }
        self._backend = triton_python_backend_utils
        self._every = set(OUTPUTS)
        self._tails = Tails.load(
            os.path.join(folder, UNITS),
            device=parameters["device"],
            threads=int(parameters["threads"]),
            max_batch=max(1, int(config["max_batch_size"])),
        )
        self._tails.warm_up()

    def execute(self, requests):
        """Answers the requests of one batch, each with its own payloads.

        Args:
            requests: List of requests; each has `payload`, bytes `(N, 1)`.

        Returns:
            List of as many responses, each with the outputs that its request
            names. Triton says the same of one that names all outputs and of
            one that names none, as raw binary requests do: both get the
            compact answer alone.
        """
        batches = [
            self._backend.get_input_tensor_by_name(request, "payload")
            .as_numpy()
            .reshape(-1)
            for request in requests
        ]
        wanted = [self._wanted(request) for request in requests]
        answers = self._tails.answer(
            [payload for batch in batches for payload in batch],
            sorted(set().union(*wanted)),
        )
        responses, start = [], 0
        for batch, names in zip(batches, wanted):
            stop = start + len(batch)
            tensors = [
                self._backend.Tensor(name, answers[name][start:stop])
                for name in names
            ]
            responses.append(self._backend.InferenceResponse(tensors))
            start = stop
        return responses

    def _wanted(self, request):
        """Returns the names of the outputs that a request gets."""
        names = set(request.requested_output_names())
        return [COMPACT] if names >= self._every else sorted(names)
