"""bottlenet-serve as a program: it starts, answers, stops and refuses."""

import pathlib
import re
import signal
import subprocess
import sys

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from bottlenet_tf.runtime.edge import Head

ROOT = pathlib.Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bottlenet_tf.cli.serve"]


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_stop(both):
    image = np.zeros((32, 32, 3), np.uint8)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "range"
    request.inputs["payload"].CopyFrom(
        tf.make_tensor_proto([Head.load(both / "range").encode(image)])
    )
    with subprocess.Popen(
        [*COMMAND, str(both), "--port=0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            found = (re.search(r"at (127.0.0.1:\d+)", line) for line in lines)
            address = next(filter(None, found))[1]
            with grpc.insecure_channel(address) as channel:
                stub = prediction_service_pb2_grpc.PredictionServiceStub(
                    channel
                )
                answer = stub.Predict(request, timeout=60)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert answer.outputs["status"].string_val == [b"ok"]
    assert process.returncode == 0, err
    assert out.endswith("Stopped\n")
    assert "Traceback" not in err
