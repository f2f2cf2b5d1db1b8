"""One training step, the same for every mode and distribution strategy."""

import concurrent.futures
from typing import NamedTuple

import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.evaluation.cloud_only import round_trips
from bottlenet_tf.evaluation.environment import cores
from bottlenet_tf.training.losses import feature_loss, task_loss
from bottlenet_tf.training.mixup import blend, blend_shares

# A step moves the log of the rate weight by the gain times the log of
# bytes / budget. 0.02 is slower than the batch-to-batch noise of the bytes;
# a short run needs more, or it would end before the weight got anywhere.
MIN_BUDGET_GAIN = 0.02
MAX_BUDGET_GAIN = 0.1  # Beyond, the weight overshoots before bytes react.
BUDGET_GAIN_BY_RUN = 20.0
INITIAL_RATE_WEIGHT = 0.05
# The bytes of the last steps, as an exponential mean over about 50 of them.
RECENT_BYTES_KEPT = 0.98
# Inference may differ from training by so much; beyond, it is a passing
# disturbance of the moving statistics.
MAX_INFERENCE_RATIO = 1.25


class Outputs(NamedTuple):
    """Sums over the examples of one step (float32 scalars)."""

    loss: tf.Tensor
    task_loss: tf.Tensor
    correct: tf.Tensor
    image_data_bytes: tf.Tensor
    examples: tf.Tensor


class Stepper:
    """Builds the compiled training steps of a run.

    loss = task loss + w * bytes / scale + f * feature loss, where `bytes` has
    the value of the image data that the codec made and the relative gradient
    of the codec's differentiable `rate`. `w` is `rate_weight` with scale
    100 B; with a byte budget, scale is the budget and w is raised or lowered
    after every step until the mean meets the budget (dual ascent on log w).
    Batch statistics and crops make training's bytes differ from what will be
    sent by some percent; `note_inference_bytes` corrects for that. `f` is
    `feature_weight`.

    Args:
        config: `TrainConfig`.
        model: `BottleNet`, or the backbone's Keras model without a unit.
        teacher: Callable `(images, feature) -> logits`, or None.
        optimizer: Keras optimizer, built on `model.trainable_variables`.
        strategy: `tf.distribute.Strategy`.
        total_steps: Steps of the whole run.
        overhead_bytes: Wire bytes of a payload beyond its image data.
        task: What the outputs are; see `tasks`.
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
        gain = BUDGET_GAIN_BY_RUN / max(total_steps, 1)
        self.budget_gain = min(max(gain, MIN_BUDGET_GAIN), MAX_BUDGET_GAIN)
        if config.byte_budget is not None:
            self.byte_scale = config.byte_budget - overhead_bytes
            first = config.rate_weight or INITIAL_RATE_WEIGHT
        else:
            self.byte_scale, first = 100.0, config.rate_weight
        with strategy.scope():
            self.rate_weight = tf.Variable(
                first, trainable=False, dtype=tf.float32, name="rate_weight"
            )
            self.recent_bytes = tf.Variable(
                0.0, trainable=False, name="recent_bytes"
            )
            self.inference_ratio = tf.Variable(
                1.0, trainable=False, name="inference_ratio"
            )
        self._pool = None
        if config.mode == "cloud":
            self._pool = concurrent.futures.ThreadPoolExecutor(cores())
        self.with_codec = self._compile(use_codec=True)
        self.without_codec = self._compile(use_codec=False)

    @property
    def steers_bytes(self):
        """Whether the weight of the bytes follows a budget."""
        return self.config.byte_budget is not None

    def _compile(self, use_codec):
        @tf.function(reduce_retracing=True)
        def step(images, labels, index):
            per_replica = self.strategy.run(
                self._replica_step, args=(images, labels, index, use_codec)
            )
            outputs = self.strategy.reduce(
                tf.distribute.ReduceOp.SUM, per_replica, axis=None
            )
            if use_codec and self.steers_bytes:
                self._follow_budget(Outputs(*tf.unstack(outputs)))
            return outputs

        return step

    def receive(self, images):
        """Returns images as the network receives them.

        In mode "cloud" they go through an image codec as files, else they
        stay as they are.

        Args:
            images: uint8 `(batch, S, S, 3)`.
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
        """Returns logits, teacher logits and what `transmit` yielded."""
        if not self.config.has_unit:
            logits = self.model(tf.cast(received, tf.float32), training=True)
            logits, teacher_logits = tf.cast(logits, tf.float32), None
            if self.teacher is not None:
                teacher_logits = tf.stop_gradient(self.teacher(images, None))
            return logits, teacher_logits, None
        passed = self.model.transmit(images, training=True, use_codec=use_codec)
        teacher_logits = None
        if self.teacher is not None:
            teacher_logits = tf.stop_gradient(
                self.teacher(images, passed.feature)
            )
        return passed.logits, teacher_logits, passed

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
            replicas = self.strategy.num_replicas_in_sync
            scaled = self.optimizer.scale_loss(loss / replicas)
        gradients = tape.gradient(scaled, self.variables)
        if config.clip_norm is not None or (
            # The loss scale must see the same overflow on every replica.
            replicas > 1 and config.precision == "mixed_float16"
        ):
            gradients = self._reduce_and_clip(gradients)
        self.optimizer.apply(gradients, self.variables)
        count = tf.cast(tf.shape(labels)[0], tf.float32)
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
        """Returns the batch's mean `losses.task_loss`, by the flags."""
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
        """Returns what bytes and restored feature add to the loss."""
        config, loss = self.config, 0.0
        if use_codec and (config.byte_budget is not None or config.rate_weight):
            mean = tf.reduce_mean(passed.rate)
            per_rate = tf.stop_gradient(
                passed.image_data_bytes
                / tf.maximum(mean, 1e-6)
                / self.byte_scale
            )
            loss += self.rate_weight * per_rate * mean
        if config.feature_weight:
            loss += config.feature_weight * feature_loss(
                passed.feature, passed.restored
            )
        return loss

    def _reduce_and_clip(self, gradients):
        """Sums over all replicas and clips by the global norm.

        The optimizer sums over replicas afterwards, so each hands in its
        share of the sum.
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

    @property
    def budget_state(self):
        """Variables that steer a byte budget; a resumed run needs them."""
        return [self.rate_weight, self.recent_bytes, self.inference_ratio]

    def note_inference_bytes(self, mean):
        """Tells what an image takes in inference, as the weights are now.

        Args:
            mean: Mean image data of some images, in bytes.
        """
        recent = float(self.recent_bytes.numpy())
        if recent > 0.0:
            ratio = max(mean / recent, 1.0 / MAX_INFERENCE_RATIO)
            self.inference_ratio.assign(min(ratio, MAX_INFERENCE_RATIO))

    def _follow_budget(self, outputs):
        mean = outputs.image_data_bytes / outputs.examples
        kept = tf.where(self.recent_bytes > 0.0, RECENT_BYTES_KEPT, 0.0)
        self.recent_bytes.assign(kept * self.recent_bytes + (1.0 - kept) * mean)
        sent = tf.maximum(mean * self.inference_ratio, 1.0)
        error = tf.math.log(sent / self.byte_scale)
        factor = tf.exp(self.budget_gain * tf.clip_by_value(error, -1.0, 1.0))
        # Bounds keep the weight from running away while a budget is out of
        # reach, or is met without any pressure.
        self.rate_weight.assign(
            tf.clip_by_value(self.rate_weight * factor, 1e-4, 10.0)
        )
