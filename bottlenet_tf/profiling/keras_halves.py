"""The steps of a run's Keras halves, and its facts and images."""

import contextlib
import json
import pathlib

import numpy as np
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.common import graphs
from bottlenet_tf.common.run_folders import CONFIG_FILE, find_runs, model_name
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.evaluation.wire_path import whole_codes
from bottlenet_tf.export.manifest import network_facts
from bottlenet_tf.export.unsplit import without_unit
from bottlenet_tf.profiling.targets import Target, network_name
from bottlenet_tf.runtime.gains import Gains
from bottlenet_tf.training import load_data, load_model


def steps(job):
    """Returns `{part: step}`; see `jobs.steps`."""
    for gpu in tf.config.list_physical_devices("GPU"):
        # By default TensorFlow takes all memory, but processes compete here.
        tf.config.experimental.set_memory_growth(gpu, True)
    if job.threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    model = load_model(job.workdir)
    return {"device": _device, "server": _server, "whole": _whole}[job.side](
        job, model
    )


def _device(job, model):
    images = np.load(job.images)
    message = evaluation.payload_format(model)
    run, point = _function(model.head), model.unit.default_point
    table = None
    if model.unit.takes_point:
        table = Gains(model.unit.gains(), message)

    def head(i):
        outputs = run(images[i % len(images)][None].astype(np.float32))
        if table is None:
            codes = outputs["codes"].numpy()[0]
            codes = whole_codes(codes, message.codec.code_dtype)
        else:
            codes = table.codes(outputs["coefficients"].numpy()[0], point)
        if not message.sends_range:
            return codes, None, point
        return codes, tuple(map(float, outputs["range"].numpy()[0])), point

    coded = [head(i) for i in range(len(images))]
    return {
        "head": head,
        "encode": lambda i: message.pack(*coded[i % len(images)]),
    }


def _server(job, model):
    message = evaluation.payload_format(model)
    unpacked = [message.unpack(payload) for payload in job.payloads]
    run, count = _function(model.tail), len(unpacked)

    def tail(i):
        codes, code_range, point = unpacked[i % count]
        inputs = {"codes": codes[None].astype(np.float32)}
        if code_range is not None:
            inputs["range"] = np.array([code_range], np.float32)
        if model.unit.takes_point:
            inputs["point"] = np.float32([message.points[point]])
        return run(inputs).numpy()

    return {
        "decode": lambda i: message.unpack(job.payloads[i % count]),
        "tail": tail,
    }


def _whole(job, model):
    images = np.load(job.images)
    run = _function(without_unit(model))
    return {
        "whole": lambda i: run(
            images[i % len(images)][None].astype(np.float32)
        ).numpy()
    }


def _function(model):
    return graphs.function(lambda inputs: model(inputs, training=False))


def find_targets(workdirs):
    """Returns the `Target` of every finished run; see `find_runs`."""
    _leave_gpu()
    return [_target(workdir) for workdir in find_runs(workdirs)]


def images_of_run(flags, count):
    """Returns at most `count` images of a run's data set, `(n, S, S, 3)`.

    uint8; `flags` is `TrainConfig` as a dictionary.
    """
    _leave_gpu()
    config = TrainConfig.from_json(json.dumps(flags))
    few = load_data(config).development.limit(count)
    return np.asarray(next(iter(few.guard(few.batches(count))))[0])


def _leave_gpu():
    """Leaves the GPU to the processes that run the networks."""
    with contextlib.suppress(RuntimeError):  # Too late: it is in use.
        tf.config.set_visible_devices([], "GPU")


def _target(workdir):
    report = evaluation.load_report(workdir)
    model = load_model(workdir)
    flags = json.loads(
        (pathlib.Path(workdir) / CONFIG_FILE).read_text(encoding="utf-8")
    )
    size = model.prefix.input_shape[1]
    return Target(
        name=model_name(workdir),
        point=report["split"],
        network=network_name(report["backbone"]),
        image_size=size,
        resize=size,
        flags=flags,
        workdir=str(workdir),
        **network_facts(model),
    )
