"""Two workers on one machine train one network."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

# Trains a run and writes the loss of every step, as this worker saw it, and
# the final weights.
WORKER = """
import json, sys
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.training import loop, runner
config = TrainConfig.from_json(open(sys.argv[1]).read())
if config.strategy == "mirrored":  # A GPU each, if there were any.
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])
    mirrored = tf.distribute.MirroredStrategy
    tf.distribute.MirroredStrategy = lambda: mirrored(["CPU:0", "CPU:1"])
losses, account = [], loop.Loop._account
def record(self, totals, pending, bar):
    if pending is not None:
        outputs = pending[1]
        losses.append(float(outputs[0]) / float(outputs[4]))
        record.model = self.model
    return account(self, totals, pending, bar)
loop.Loop._account = record
runner.run(config)
weights = [w.tolist() for w in record.model.get_weights()]
json.dump({"losses": losses, "weights": weights}, open(sys.argv[2], "w"))
"""


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _run_workers(config, folder, count):
    """Runs `count` processes to the end and returns what each wrote."""
    path = folder / "config.json"
    path.write_text(config.to_json())
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
    processes, results = [], []
    for index in range(count):
        result = folder / f"worker{index}.json"
        task = {"type": "worker", "index": index}
        tf_config = {"cluster": {"worker": addresses}, "task": task}
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        if count > 1:
            environment["TF_CONFIG"] = json.dumps(tf_config)
        command = [sys.executable, "-c", WORKER, str(path), str(result)]
        processes.append(
            subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        results.append(result)
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
    return [json.loads(result.read_text()) for result in results]


@pytest.mark.slow
def test_both_workers_see_the_same_loss_and_weights(
    tiny_config, replace, tmp_path
):
    config = replace(tiny_config, strategy="multiworker", clip_norm=1.0)
    first, second = _run_workers(config, tmp_path, 2)
    assert len(first["losses"]) == 6
    assert first["losses"] == second["losses"]
    for a, b in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_two_workers_train_what_one_would(
    replace, tiny_config, tmp_path, clip_norm
):
    import keras

    # No batch norm: its statistics are each worker's own.
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, 2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(10)(x))
    model.save(tmp_path / "plain.keras")
    config = replace(
        tiny_config,
        mode="baseline",
        backbone=str(tmp_path / "plain.keras"),
        clip_norm=clip_norm,
    )
    (alone,) = _run_workers(config, tmp_path, 1)
    config = replace(
        config, strategy="multiworker", workdir=str(tmp_path / "two")
    )
    both = _run_workers(config, tmp_path, 2)
    # The same sums in another order: float32 rounding only.
    np.testing.assert_allclose(both[0]["losses"], alone["losses"], rtol=1e-4)
    for a, b in zip(both[0]["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_two_mirrored_devices_train_as_two_workers_do(
    tiny_config, replace, tmp_path, precision
):
    config = replace(
        tiny_config, strategy="mirrored", precision=precision, max_steps=4
    )
    (mirrored,) = _run_workers(config, tmp_path, 1)
    config = replace(
        config, strategy="multiworker", workdir=str(tmp_path / "two")
    )
    workers = _run_workers(config, tmp_path, 2)
    np.testing.assert_allclose(
        mirrored["losses"], workers[0]["losses"], rtol=1e-3
    )
