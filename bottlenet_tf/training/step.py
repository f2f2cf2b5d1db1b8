"""One training step, the same for every mode and distribution strategy."""

import concurrent.futures
from typing import NamedTuple

import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.common import graphs
from bottlenet_tf.evaluation.cloud_only import round_trips
from bottlenet_tf.evaluation.environment import cores
from bottlenet_tf.training.budget import ByteBudget
from bottlenet_tf.training.losses import feature_loss, task_loss
from bottlenet_tf.training.mixup import blend, blend_shares


class Outputs(NamedTuple):
    """Sums over the examples of one step (float32 scalars)."""

    loss: tf.Tensor
    task_loss: tf.Tensor
    correct: tf.Tensor
    image_data_bytes: tf.Tensor
    examples: tf.Tensor


class Stepper:
    """Builds the compiled training steps of a run.

    loss = task loss + w * bytes / scale + f * feature loss

    `bytes` has the value of the codec's image data and the relative gradient
    of its differentiable `rate`. w is `rate_weight` with a scale of 100 B or,
    with a byte budget, scale is the budget and `ByteBudget` steers w. f is
    `feature_weight`.

    Args:
        model: `BottleNet`, or the backbone's Keras model without a unit.
        teacher: Callable `(images, feature) -> logits`, or None.
        optimizer: Keras optimizer, built on `model.trainable_variables`.
        total_steps: Steps of the complete run.
        overhead_bytes: Wire bytes of a payload besides its image data.
    """

    def __init__(
        self,
        config,
        model,
        teacher,
        optimizer,
        strategy,
        total_steps,
        overhead_bytes=0,
        task=tasks.ONE_CLASS,
    ):
        self.task = task
        self.config = config
        self.model = model
        self.teacher = teacher
        self.optimizer = optimizer
        self.strategy = strategy
        self.total_steps = total_steps
        self.variables = model.trainable_variables
        with strategy.scope():
            self.budget = ByteBudget(config, total_steps, overhead_bytes)
        self._pool = None
        if config.mode == "cloud":
            self._pool = concurrent.futures.ThreadPoolExecutor(cores())
        self.with_codec = self._compile(use_codec=True)
        self.without_codec = self._compile(use_codec=False)
        self._evaluate = graphs.function(
            self._count_correct, reduce_retracing=True
        )

    @property
    def steers_bytes(self):
        """Whether the weight of the bytes follows a budget."""
        return self.config.byte_budget is not None

    def _compile(self, use_codec):
        @graphs.function(reduce_retracing=True)
        def step(images, labels, index):
            per_replica = self.strategy.run(
                self._replica_step, args=(images, labels, index, use_codec)
            )
            outputs = self.strategy.reduce(
                tf.distribute.ReduceOp.SUM, per_replica, axis=None
            )
            if use_codec and self.steers_bytes:
                sums = Outputs(*tf.unstack(outputs))
                self.budget.follow(sums.image_data_bytes / sums.examples)
            return outputs

        return step

    def receive(self, images):
        """Returns the network's input for uint8 images.

        In mode "cloud" they have passed through an image codec.
        """
        config = self.config
        if config.mode != "cloud":
            return images
        side = config.image_side or images.shape[1]

        def through(pixels):
            codec, quality = config.image_codec, config.image_quality
            return round_trips(self._pool, pixels, codec, quality, side)[0]

        received = tf.numpy_function(through, [images], tf.uint8)
        return tf.ensure_shape(received, images.shape)

    def _forward(self, images, received, use_codec):
        """Returns logits, teacher's logits or None, `ForwardPass` or None."""
        passed = feature = teacher_logits = None
        if self.config.has_unit:
            passed = self.model.transmit(
                images, training=True, use_codec=use_codec
            )
            logits, feature = passed.logits, passed.feature
        else:
            logits = self.model(tf.cast(received, tf.float32), training=True)
            logits = tf.cast(logits, tf.float32)
        if self.teacher is not None:
            teacher_logits = tf.stop_gradient(self.teacher(images, feature))
        return logits, teacher_logits, passed

    def _replica_step(self, images, labels, index, use_codec):
        config = self.config
        received = self.receive(images)
        shares = self._shares(tf.shape(labels)[0], index)
        if config.mixup > 0:
            images, received = blend(images, shares), blend(received, shares)
        with tf.GradientTape() as tape:
            logits, teacher_logits, passed = self._forward(
                images, received, use_codec
            )
            targets = self.task.targets(labels, logits.shape[-1])
            targets = blend(targets, shares)
            task = self._task_loss(targets, logits, teacher_logits)
            loss, size = task, tf.zeros(())
            if passed is not None:
                size = passed.image_data_bytes
                loss += self._unit_loss(passed, use_codec)
            scaled = self._scaled(loss)
        self._descend(tape.gradient(scaled, self.variables))
        return self._outputs(loss, task, logits, targets, size)

    def _scaled(self, loss):
        """Returns a replica's share of the loss, as the optimizer scales it."""
        replicas = self.strategy.num_replicas_in_sync
        return self.optimizer.scale_loss(loss / replicas)

    def _descend(self, gradients):
        config, replicas = self.config, self.strategy.num_replicas_in_sync
        if config.clip_norm is not None or (
            # The loss scale must see the same overflow on every replica.
            replicas > 1 and config.precision == "mixed_float16"
        ):
            gradients = self._reduce_and_clip(gradients)
        self.optimizer.apply(gradients, self.variables)

    def _outputs(self, loss, task, logits, targets, size):
        count = tf.cast(tf.shape(targets)[0], tf.float32)
        correct = tf.reduce_sum(self.task.hits(logits, targets))
        return tf.stack(
            Outputs(loss * count, task * count, correct, size * count, count)
        )

    def _shares(self, count, index):
        """Returns each example's share of its partner, 0 without mixup."""
        if self.config.mixup == 0:
            return tf.zeros((count,))
        return blend_shares(
            count,
            self.config.mixup,
            self.config.seed,
            index,
            self.total_steps,
        )

    def _task_loss(self, targets, logits, teacher_logits):
        """Returns the batch's mean `losses.task_loss`."""
        losses = task_loss(
            targets,
            logits,
            teacher_logits,
            task=self.task,
            label_smoothing=self.config.label_smoothing,
            distillation=self.config.distillation,
            temperature=self.config.temperature,
        )
        return tf.reduce_mean(losses)

    def _unit_loss(self, passed, use_codec):
        """Returns the terms of the loss for bytes and restored feature."""
        loss = self._rate_loss(passed, use_codec)
        if self.config.feature_weight:
            loss += self.config.feature_weight * feature_loss(
                passed.feature, passed.restored
            )
        return loss

    def _rate_loss(self, passed, use_codec):
        config = self.config
        counts = config.byte_budget is not None or config.rate_weight
        if not (use_codec and counts):
            return 0.0
        mean = tf.reduce_mean(passed.rate)
        per_rate = tf.stop_gradient(
            passed.image_data_bytes
            / tf.maximum(mean, 1e-6)
            / self.budget.byte_scale
        )
        return self.budget.rate_weight * per_rate * mean

    def _reduce_and_clip(self, gradients):
        """Sums over all replicas and clips by the global norm.

        The optimizer sums over replicas afterwards, so each returns its share
        of the sum.
        """
        context = tf.distribute.get_replica_context()
        replicas = self.strategy.num_replicas_in_sync
        known = [g for g in gradients if g is not None]
        if replicas > 1:
            known = context.all_reduce(tf.distribute.ReduceOp.SUM, known)
        if self.config.clip_norm is not None:
            limit = tf.constant(self.config.clip_norm)
            limit = self.optimizer.scale_loss(limit)
            known, _ = tf.clip_by_global_norm(known, limit)
        shares = iter(g / replicas for g in known)
        return [g if g is None else next(shares) for g in gradients]

    def accuracy_and_bytes(self, batches):
        """Returns accuracy in percent and mean image data, in inference."""
        correct = size = count = 0.0
        for images, labels in batches:
            hits, mean = self._evaluate(images, labels)
            correct += float(hits)
            size += float(mean) * len(labels)
            count += len(labels)
        return 100.0 * correct / count, size / count

    def _count_correct(self, images, labels):
        size = tf.zeros(())
        if self.config.has_unit:
            passed = self.model.transmit(images, training=False)
            logits, size = passed.logits, passed.image_data_bytes
        else:
            images = tf.cast(self.receive(images), tf.float32)
            logits = self.model(images, training=False)
        targets = self.task.targets(labels, logits.shape[-1])
        return tf.reduce_sum(self.task.hits(logits, targets)), size


class DattaStepper(Stepper):
    """Builds the compiled training steps of Datta's unit.

    loss = task loss + mean over images of l1 norm / lambda + f * feature loss

    That is the paper's L_rate + lambda * L_task divided by lambda, which
    doesn't change Adam's steps. Distillation and the feature loss, both off by
    default, are not the paper's. See `Stepper`.

    Reference:
        Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596.
    """

    steers_bytes = False

    def _rate_loss(self, passed, use_codec):
        return tf.reduce_mean(passed.rate) / self.config.unit.task_weight
