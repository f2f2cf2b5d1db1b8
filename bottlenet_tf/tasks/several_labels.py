"""Any number of labels per image: a sigmoid and a cross entropy for each."""

import numpy as np
import tensorflow as tf


class SeveralLabels:
    """Answers with every class of a probability above 0.5; see `tasks`.

    Losses and divergences are summed over the classes: they are those of
    independent decisions.
    """

    output = "sigmoid"

    def targets(self, labels, classes):
        """Returns float32 `(batch, classes)` of labels of that shape."""
        return tf.ensure_shape(tf.cast(labels, tf.float32), (None, classes))

    def smoothed(self, targets, share):
        """Returns targets with a share spread over both answers."""
        return targets * (1.0 - share) + share / 2

    def loss(self, targets, logits):
        """Returns the summed cross entropies of each image, `(batch,)`."""
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        return tf.reduce_sum(losses, axis=-1)

    def divergence(self, wanted, logits):
        """Returns the summed KL(wanted || logits) of each image's logits."""
        p = tf.sigmoid(wanted)
        return self.loss(p, logits) - self.loss(p, wanted)

    def probabilities(self, logits):
        """Returns float32 `(batch, classes)` of logits."""
        return tf.sigmoid(logits)

    def fisher_root(self, p, draw):
        """Returns draws of covariance diag(p (1 - p)); see `OneClass`."""
        return tf.sqrt(p * (1.0 - p)) * draw

    def hits(self, logits, targets):
        """Returns float32 `(batch,)`: 1 where all labels are right."""
        same = tf.reduce_all(tf.equal(logits > 0, targets > 0.5), axis=-1)
        return tf.cast(same, tf.float32)

    def decisions(self, logits):
        """Returns the answers to NumPy logits, as labels, of that shape."""
        return np.asarray(logits) > 0

    def guess(self, labels, classes):
        """Returns how often the most common answer is right, 0 to 1."""
        counts = np.unique(labels, axis=0, return_counts=True)[1]
        return counts.max() / len(labels)

    def answer_bits(self, classes):
        """Returns the number of bits of one answer."""
        return classes
