"""The meaning of logits: class probabilities, and the labels of an image.

"softmax" has one class per image, "sigmoid" any number of them.
"""

import numpy as np

OUTPUTS = ("softmax", "sigmoid")


def softmax(logits):
    """Returns the probabilities of logits `(..., classes)`."""
    # Shifted so that nothing overflows; the quotient doesn't change.
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def probabilities(output, logits):
    """Returns the probabilities of float32 logits `(..., classes)`."""
    if output == "softmax":
        return softmax(logits)
    odds = np.exp(-np.abs(logits))  # At most 1: nothing overflows.
    return np.where(logits > 0, 1, odds) / (1 + odds)


def label(output, scores, classes):
    """Returns the label of one image; several are separated by commas.

    Args:
        output: One of `OUTPUTS`.
        scores: Logits of some classes, or probabilities less 0.5.
        classes: Their names, in the same order.
    """
    if output == "softmax":
        return classes[int(np.argmax(scores))]
    return ", ".join(c for c, score in zip(classes, scores) if score > 0)
