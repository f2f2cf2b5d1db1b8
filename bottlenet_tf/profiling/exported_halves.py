"""The steps of a deployment's networks, without TensorFlow."""

import numpy as np

from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.whole import Whole


def steps(job):
    """Returns `{part: step}`; see `jobs.steps`."""
    return {"device": _device, "server": _server}.get(job.side, _whole)(job)


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
    tail = Tail.load(job.folder, job.device, job.threads)
    unpack, count = tail.unit.format.unpack, len(job.payloads)
    codes = [unpack(payload) for payload in job.payloads]
    return {
        "decode": lambda i: unpack(job.payloads[i % count]),
        "tail": lambda i: tail.run([codes[i % count]]),
    }


def _whole(job):
    whole = Whole.load(
        job.whole, job.runtime, job.threads, job.device, for_timing=True
    )
    images = np.load(job.images)
    return {job.side: lambda i: whole.logits(images[i % len(images)])}
