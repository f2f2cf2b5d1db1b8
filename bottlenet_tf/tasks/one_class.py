"""One class per image: softmax and cross entropy."""

import numpy as np
import tensorflow as tf


class OneClass:
    """Answers with the most likely class; see `tasks`."""

    output = "softmax"

    def targets(self, labels, classes):
        """Returns float32 `(batch, classes)` of int labels `(batch,)`."""
        return tf.one_hot(labels, classes)

    def smoothed(self, targets, share):
        """Returns targets with a share spread over all classes."""
        return targets * (1.0 - share) + share / targets.shape[-1]

    def loss(self, targets, logits):
        """Returns the cross entropy of each image, float32 `(batch,)`."""
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)

    def divergence(self, wanted, logits):
        """Returns KL(wanted || logits) of each image; both are logits."""
        wanted, logits = map(tf.nn.log_softmax, (wanted, logits))
        # Cross entropy less the teacher's entropy, a constant that is kept so
        # that a perfect copy of the teacher scores 0.
        return tf.reduce_sum(tf.exp(wanted) * (wanted - logits), axis=-1)

    def probabilities(self, logits):
        """Returns float32 `(batch, classes)` of logits."""
        return tf.nn.softmax(logits)

    def fisher_root(self, p, draw):
        """Returns draws whose covariance is the logits' Fisher information.

        sqrt(p) e - p sum(sqrt(p) e), of covariance diag(p) - p p^T.

        Args:
            p: Probabilities, float32 `(batch, classes)`.
            draw: e, standard normal, of the same shape.
        """
        root = tf.sqrt(p) * draw
        return root - p * tf.reduce_sum(root * tf.sqrt(p), -1, keepdims=True)

    def hits(self, logits, targets):
        """Returns float32 `(batch,)`: 1 where the answer is right.

        With blended targets, the larger share counts.
        """
        same = tf.equal(tf.argmax(logits, -1), tf.argmax(targets, -1))
        return tf.cast(same, tf.float32)

    def decisions(self, logits):
        """Returns the answers to NumPy logits, as labels: `(batch,)`."""
        return np.argmax(logits, axis=-1)

    def guess(self, labels, classes):
        """Returns the accuracy of guessing, 0 to 1."""
        return 1 / classes

    def answer_bits(self, classes):
        """Returns the number of bits of one answer."""
        return (classes - 1).bit_length()  # ceil(log2(classes))
