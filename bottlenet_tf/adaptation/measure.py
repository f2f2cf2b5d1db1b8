"""Bytes of a split network, and its agreement with the unsplit one."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.common import graphs, rate_curves
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.evaluation.accuracy import iterate
from bottlenet_tf.training.losses import imitation_loss

_LEAST = 1e-9  # Least divergence in a logarithm.


class Measured(NamedTuple):
    """Figures of one operating point, means over photos.

    Attributes:
        wire_bytes: Bytes of a payload.
        agreement: Percentage of the photos with the unsplit network's decision.
        divergence: That from the unsplit network's answers, as in distillation.
    """

    wire_bytes: float
    agreement: float
    divergence: float


def answers(unsplit):
    """Returns a compiled function: images -> logits of the unsplit network."""

    @graphs.function(reduce_retracing=True)
    def compute(images):
        logits = unsplit(tf.cast(images, tf.float32), training=False)
        return tf.cast(logits, tf.float32)

    return compute


def measure(model, unsplit, part, temperature, batch_size, label):
    """Measures every photo by its real payload, at every operating point.

    Args:
        unsplit: As `answers` returns it.
        part: `data.Part`; no label is read.

    Returns:
        List of `Measured`, finest point first.
    """
    path, points = WirePath(model), range(len(model.unit.points))
    task = part.task
    sizes, agreeing, losses = ([[] for _ in points] for _ in range(3))
    for images, _ in iterate(part, batch_size, True, label):
        wanted = unsplit(tf.convert_to_tensor(images))
        decided = task.decisions(wanted.numpy())
        encoded = path.codes_at(images, list(points))
        for point, coded in zip(points, encoded, strict=True):
            payloads = path.pack(*coded, point)
            logits = path.decode(payloads)
            sizes[point] += map(len, payloads)
            same = tasks.agree(task.decisions(logits), decided)
            agreeing[point] += list(same)
            lost = imitation_loss(wanted, logits, temperature, task)
            losses[point] += list(lost.numpy())
    return [
        Measured(
            float(np.mean(sizes[point])),
            100.0 * float(np.mean(agreeing[point])),
            float(np.mean(losses[point])),
        )
        for point in points
    ]


def takes_fewer_bytes(ours, theirs):
    """Whether a curve takes fewer bytes than another at equal divergence.

    On average over the divergences that both reach, of log bytes over log
    divergence. If there are none, in bytes and divergence at every point. Both
    are lists of `Measured`.
    """
    curves = [
        [(p.wire_bytes, -np.log(max(p.divergence, _LEAST))) for p in curve]
        for curve in (ours, theirs)
    ]
    found = rate_curves.bd_rate(*curves).percent
    if found is not None:
        return found < 0
    return all(
        our.wire_bytes <= their.wire_bytes and our.divergence < their.divergence
        for our, their in zip(ours, theirs, strict=True)
    )
