"""Asks Triton with its own client; runs in the environment of Triton.

Reads a request as JSON from standard input, `{"url", "protocol", "model",
"version", "batches", "outputs"}`, where a batch is a list of payloads as
hexadecimal digits; all batches are sent at once. `"certificate"` is optional.
Writes a list as JSON: for each batch the arrays by name, as nested lists, or
`{"error": message}`.
"""

import concurrent.futures
import importlib
import json
import sys

import numpy as np
from tritonclient.utils import InferenceServerException


def _ask(library, client, request, batch):
    # As objects: NumPy's own bytes type drops zeros at the end.
    payloads = np.array([[bytes.fromhex(p)] for p in batch], object)
    tensor = library.InferInput("payload", [len(batch), 1], "BYTES")
    tensor.set_data_from_numpy(payloads.reshape(-1, 1))
    names = request["outputs"]
    outputs = [library.InferRequestedOutput(name) for name in names]
    try:
        answer = client.infer(
            request["model"], [tensor], request["version"], outputs or None
        )
    except InferenceServerException as error:
        return {"error": str(error), "code": error.status()}
    names = names or ["answer"]
    return {name: _listed(answer.as_numpy(name)) for name in names}


def _listed(array):
    if array.dtype != object:
        return array.tolist()
    return [[value.decode() for value in row] for row in array]


def _main():
    request = json.load(sys.stdin)
    library = importlib.import_module(f"tritonclient.{request['protocol']}")
    options = {}
    if request.get("certificate"):
        options = {"ssl": True, "root_certificates": request["certificate"]}

    def ask(batch):
        with library.InferenceServerClient(request["url"], **options) as client:
            return _ask(library, client, request, batch)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, request["batches"]))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    _main()
