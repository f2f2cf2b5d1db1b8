"""The training step of a learned unit: every image at its own rate."""

import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.training.losses import feature_loss
from bottlenet_tf.training.mixup import blend
from bottlenet_tf.training.step import Stepper

# In the first share of the run the weight of bits rises, from a tenth; in the
# second the weight of the feature's error falls, to its last share.
RATE_RISE, FIRST_RATE = 0.1, 0.1
FEATURE_FALL = 0.6
LAST_FEATURE = {"frozen": 0.1, "tail": 0.4}


class LearnedStepper(Stepper):
    """Builds the compiled training steps of a learned unit.

    loss = mean over images of (task loss + weight(t) * bits)
           + f * feature loss

    t is uniform in -1 .. 1 for each image, so that the weight of a bit is
    log-uniform. The decoder sees rounded codes, with a straight-through
    gradient; the rate sees uniform noise. The device's blocks are frozen and
    the blocks after the unit run as deployed, with their moving statistics. See
    `Stepper`.
    """

    steers_bytes = False  # A budget picks an operating point afterwards.

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._prepared = graphs.function(self._prepare, reduce_retracing=True)
        self.with_features = graphs.function(self._learn, reduce_retracing=True)

    def prepare(self, images, labels, step):
        """Returns NumPy `(feature, answers, targets)` of a batch.

        Answers are the teacher's logits, zeros without one; none of the three
        depends on weights that train.
        """
        found = self._prepared(images, labels, tf.constant(step))
        return tuple(each.numpy() for each in found)

    def _replica_step(self, images, labels, index, use_codec):
        del use_codec
        return self._learn(*self._prepare(images, labels, index), index)

    def _prepare(self, images, labels, index):
        classes = self.model.suffix.output_shape[-1]
        shares = self._shares(tf.shape(labels)[0], index)
        if self.config.mixup > 0:
            images = blend(images, shares)
        targets = blend(self.task.targets(labels, classes), shares)
        feature = tf.stop_gradient(self.model.features(images))
        answers = tf.zeros_like(targets)
        if self.teacher is not None:
            answers = tf.stop_gradient(self.teacher(images, feature))
        return feature, tf.cast(answers, tf.float32), targets

    def _learn(self, feature, answers, targets, index):
        config, unit = self.config, self.model.unit
        point, noise = self._draw(tf.shape(feature)[0], index)
        done = tf.cast(index, tf.float32) / max(self.total_steps, 1)
        with tf.GradientTape() as tape:
            restored, size, bits = unit.transmit(feature, point, noise=noise)
            logits = self.model.answer(restored, point)
            task = self._task_loss(targets, logits, answers)
            rise = tf.minimum(FIRST_RATE + done * (1 / RATE_RISE), 1.0)
            loss = task + rise * tf.reduce_mean(unit.rate_weight(point) * bits)
            if config.feature_weight:
                error = feature_loss(feature, restored)
                loss += self._feature_weight(done) * error
            scaled = self._scaled(loss)
        self._descend(tape.gradient(scaled, self.variables))
        return self._outputs(loss, task, logits, targets, size)

    def _draw(self, count, index):
        """Returns t `(count,)` and noise `(count, n)` of this step."""
        seed = tf.stack([tf.cast(index, tf.int32), self.config.seed])
        replica = tf.distribute.get_replica_context()
        number = tf.cast(replica.replica_id_in_sync_group, tf.int32)
        seeds = tf.random.split(tf.random.fold_in(seed, number), 2)
        point = tf.random.stateless_uniform((count,), seeds[0], -1.0, 1.0)
        shape = (count, *self.model.unit.code_shape)
        return point, tf.random.stateless_uniform(shape, seeds[1], -0.5, 0.5)

    def _feature_weight(self, done):
        last = LAST_FEATURE[self.config.mode]
        left = tf.maximum(1.0 - done / FEATURE_FALL, 0.0)
        return self.config.feature_weight * (last + (1.0 - last) * left)
