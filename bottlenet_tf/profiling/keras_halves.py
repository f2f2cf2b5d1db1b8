"""The steps of a run's Keras halves, and its facts and images."""

import contextlib
import json
import pathlib

import numpy as np
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.common.run_folders import CONFIG_FILE, find_runs, model_name
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.evaluation.accuracy import predictor
from bottlenet_tf.evaluation.wire_path import WirePath
from bottlenet_tf.export.manifest import network_facts
from bottlenet_tf.export.unsplit import without_unit
from bottlenet_tf.profiling.targets import Target, network_name
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
    path, point = WirePath(model), model.unit.default_point

    def head(i):
        ((codes, code_range),) = path.run(images[i % len(images)][None])
        if path.gains is not None:
            codes = path.gains.codes(codes, point)
        return codes, code_range, point

    coded = [head(i) for i in range(len(images))]
    return {
        "head": head,
        "encode": lambda i: path.format.pack(*coded[i % len(images)]),
    }


def _server(job, model):
    path = WirePath(model)
    unpack, count = path.format.unpack, len(job.payloads)
    unpacked = [unpack(payload) for payload in job.payloads]
    return {
        "decode": lambda i: unpack(job.payloads[i % count]),
        "tail": lambda i: path.tail([unpacked[i % count]]),
    }


def _whole(job, model):
    images = np.load(job.images)
    run = predictor(without_unit(model))
    return {"whole": lambda i: run(images[i % len(images)][None])}


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
