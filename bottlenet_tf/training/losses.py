"""The task loss: labels, and what the unsplit network says of the image."""

import tensorflow as tf


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
