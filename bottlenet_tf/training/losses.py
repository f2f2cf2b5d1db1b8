"""Losses: of labels, of the unsplit network's logits, of the feature."""

import tensorflow as tf

MIN_VARIANCE = 1e-8


def task_loss(
    targets,
    logits,
    teacher_logits=None,
    *,
    label_smoothing=0.0,
    distillation=0.0,
    temperature=2.0,
):
    """Returns each example's loss, float32 `(batch,)`.

    (1 - d) * cross_entropy(targets, logits)
    + d * T**2 * KL(softmax(teacher / T) || softmax(logits / T))

    Args:
        targets: float32 `(batch, classes)`, probabilities: one-hot labels, or
            blends of them.
        logits: float32 `(batch, classes)`.
        teacher_logits: Logits of the unsplit network, or None for d = 0.
        label_smoothing: Mass spread evenly over all classes, 0 to 1.
        distillation: d, 0 to 1.
        temperature: T, positive.

    Reference:
        Hinton, Vinyals, Dean, 2015, arXiv:1503.02531.
    """
    classes = logits.shape[-1]
    targets = targets * (1.0 - label_smoothing) + label_smoothing / classes
    loss = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
    if teacher_logits is None or distillation == 0.0:
        return loss
    teacher = tf.nn.log_softmax(teacher_logits / temperature)
    student = tf.nn.log_softmax(logits / temperature)
    # KL is cross entropy less the teacher's entropy, a constant that is kept
    # so that a perfect copy of the teacher scores 0.
    divergence = tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1)
    scaled = temperature**2 * divergence
    return (1.0 - distillation) * loss + distillation * scaled


def feature_loss(feature, restored):
    """Returns how far a restored feature is from the cut tensor, a scalar.

    Mean over all elements of (restored - feature)**2 / variance, where each
    channel's variance is the batch's: 0 is perfect, 1 what the channels'
    means alone would score.

    Args:
        feature: What the unit got, `(batch, H, W, C)`; no gradient flows
            into it.
        restored: What it gave back, of the same shape.

    Reference:
        As a training signal of split networks: Matsubara et al., 2019,
        "Distilled Split Deep Neural Networks for Edge-Assisted Real-Time
        Systems", which takes the plain squared error.
    """
    feature = tf.cast(tf.stop_gradient(feature), tf.float32)
    variance = tf.math.reduce_variance(feature, axis=[0, 1, 2])
    error = tf.square(tf.cast(restored, tf.float32) - feature)
    # A channel that never varies has no unit; its error counts as it is.
    return tf.reduce_mean(
        error / tf.where(variance > MIN_VARIANCE, variance, 1.0)
    )
