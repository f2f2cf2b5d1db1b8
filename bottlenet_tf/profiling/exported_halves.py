"""The steps of a deployment's halves, without TensorFlow."""

import numpy as np

from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.engines import open_engine


def steps(job):
    """Returns `{part: step}`; see `jobs.steps`."""
    return {"device": _device, "server": _server, "whole": _whole}[job.side](
        job
    )


def _device(job):
    head = Head.load(job.folder, job.runtime, job.threads)
    images = np.load(job.images)
    coded = [head.codes(image) for image in images]
    count = len(images)
    return {
        "head": lambda i: head.codes(images[i % count]),
        "encode": lambda i: head.pack(*coded[i % count]),
    }


def _server(job):
    tail = Tail.load(job.folder, job.tail_device, job.threads)
    unpack, count = tail.unit.format.unpack, len(job.payloads)
    codes = [unpack(payload) for payload in job.payloads]
    return {
        "decode": lambda i: unpack(job.payloads[i % count]),
        "tail": lambda i: tail.run([codes[i % count]]),
    }


def _whole(job):
    engine = open_engine(job.network, job.threads, job.tail_device)
    images = np.load(job.images)

    def run(i):
        array = images[i % len(images)][None].transpose(0, 3, 1, 2)
        return engine({"image": array.astype(np.float32, order="C")})

    return {"whole": run}
