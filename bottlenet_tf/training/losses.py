"""Losses on labels, on the unsplit network's logits and on the feature."""

import tensorflow as tf

from bottlenet_tf import tasks

# A channel's deviation counts as at least a tenth of the channels' RMS.
MIN_VARIANCE_SHARE = 0.01
# Share of the mean square: float32's rounding alone makes a constant vary by
# about 1e-13 of it. 1e-10 is a deviation of 1e-5 of the value.
MIN_RELATIVE_VARIANCE = 1e-10


def task_loss(
    targets,
    logits,
    teacher_logits=None,
    *,
    task=tasks.ONE_CLASS,
    label_smoothing=0.0,
    distillation=0.0,
    temperature=2.0,
):
    """Returns each example's loss, float32 `(batch,)`.

    (1 - d) * cross_entropy(targets, logits)
    + d * T**2 * KL(p(teacher / T) || p(logits / T)), p softmax or sigmoid

    Args:
        targets: float32 `(batch, classes)`, probabilities: `task.targets`, or
            blends of them.
        logits: float32 `(batch, classes)`.
        teacher_logits: Logits of the network that is imitated, or None for
            d = 0.
        label_smoothing: Mass spread evenly over all answers, 0 to 1.
        distillation: d, 0 to 1.
        temperature: T, positive.

    Reference:
        Hinton, Vinyals, Dean, 2015, arXiv:1503.02531.
    """
    loss = task.loss(task.smoothed(targets, label_smoothing), logits)
    if teacher_logits is None or distillation == 0.0:
        return loss
    imitation = imitation_loss(teacher_logits, logits, temperature, task)
    return (1.0 - distillation) * loss + distillation * imitation


def imitation_loss(wanted, logits, temperature, task=tasks.ONE_CLASS):
    """Returns `task_loss` for d = 1: the divergence from a teacher's logits."""
    divergence = task.divergence(wanted / temperature, logits / temperature)
    return temperature**2 * divergence


def feature_loss(feature, restored):
    """Returns the error of a restored feature against the cut tensor, a scalar.

    mean over all elements of (restored - feature)**2 / unit_c,
    unit_c = max(variance_c, 0.01 * mean over channels of variance_c)

    `variance_c` is the batch's, of each channel: 0 is perfect, and the
    channels' means alone score 1. The floor is for channels that hardly vary,
    such as a dead ReLU's; with it, the loss is at most 100 times the plain
    relative error sum((restored - feature)**2) / sum((feature - mean_c)**2).
    For a constant feature, such as one example of 1x1, the plain squared error
    counts. Computed in float32.

    Args:
        feature: The unit's input, `(batch, H, W, C)`; it gets no gradient.
        restored: The unit's output, of the same shape.

    Reference:
        As a training signal of split networks: Matsubara et al., 2019,
        "Distilled Split Deep Neural Networks for Edge-Assisted Real-Time
        Systems", which takes the plain squared error.
    """
    feature = tf.cast(tf.stop_gradient(feature), tf.float32)
    variance = tf.math.reduce_variance(feature, axis=[0, 1, 2])
    mean = tf.reduce_mean(variance)
    least = MIN_RELATIVE_VARIANCE * tf.reduce_mean(tf.square(feature))
    unit = tf.where(
        mean > least, tf.maximum(variance, MIN_VARIANCE_SHARE * mean), 1.0
    )
    error = tf.square(tf.cast(restored, tf.float32) - feature)
    return tf.reduce_mean(error / unit)
