"""Counts right answers over batches, and keeps scores if needed."""

import numpy as np


class Meter:
    """Measures answers against labels of a task."""

    def __init__(self, task):
        self._task = task
        self._correct = self.images = 0
        self._scores, self._labels = [], []

    def add(self, logits, labels):
        """Adds a batch: NumPy float32 `(batch, classes)`, the task's labels."""
        logits = np.asarray(logits)
        self._correct += int(
            np.sum(agree(self._task.decisions(logits), labels))
        )
        self.images += len(labels)
        if self._task.output == "sigmoid":
            self._scores.append(logits)
            self._labels.append(np.asarray(labels, bool))

    @property
    def accuracy(self):
        """Images with exactly the right answer, in percent."""
        if not self.images:
            raise ValueError(
                "Accuracy needs at least one image, or it would be 0 / 0. "
                "Received: total=0"
            )
        return 100.0 * self._correct / self.images

    @property
    def mean_average_precision(self):
        """In percent, over labels that occur in images; None for classes."""
        if not self._scores:
            return None
        scores, labels = map(np.concatenate, (self._scores, self._labels))
        found = [
            _average_precision(scores[:, i], labels[:, i])
            for i in np.flatnonzero(labels.any(axis=0))
        ]
        return 100.0 * float(np.mean(found)) if found else None


def agree(ours, theirs):
    """Returns where answers, or labels, are equal: NumPy bool `(n,)`."""
    return (ours == theirs).reshape(len(ours), -1).all(axis=-1)


def _average_precision(scores, labels):
    """Returns the area under a label's steps of precision over recall."""
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    # No threshold divides images of equal scores.
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    right = np.cumsum(labels)[last]
    gained = np.diff(right, prepend=0)
    return np.sum(gained * right / (last + 1)) / right[-1]
