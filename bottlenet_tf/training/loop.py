"""The training loop: epochs, checkpoints, logs; every mode and strategy."""

import math
import pathlib
import time

import numpy as np
import tensorflow as tf

from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.common import drawing
from bottlenet_tf.training import distribution, grouped_adam, logs
from bottlenet_tf.training.best import BestEpoch
from bottlenet_tf.training.checkpoints import Checkpoints
from bottlenet_tf.training.datta_step import DattaStepper
from bottlenet_tf.training.feature_cache import FeatureCache
from bottlenet_tf.training.learned_step import LearnedStepper
from bottlenet_tf.training.schedules import build_optimizer, codec_schedule
from bottlenet_tf.training.step import Outputs, Stepper

LOG_STEPS = 50
BUDGET_CHECK_BATCHES = 8
# Steering ends near a budget, not at it: an epoch this close meets it.
BUDGET_TOLERANCE = 1.01

_DIVERGED = (
    "The {} must be finite; it is not at step {}. Start again in another "
    "--workdir with a lower --learning_rate, a --clip_norm or more "
    "--warmup_epochs."
)
_STEPPERS = {"learned": LearnedStepper, "datta": DattaStepper}


class TrainingDiverged(RuntimeError):
    """The loss is no number any more; the message says at which step."""


class Loop:
    """Trains the model of a run, resuming where a checkpoint left it.

    Args:
        config: `TrainConfig`.
        network: `training.network.Network`, built in the strategy's scope.
        dataset: `data.Dataset`.
        strategy: `tf.distribute.Strategy`.
        picture: Callable `() -> uint8 (1, H, W, 3)` for TensorBoard, or None.
        first_step: Step to begin with where there is no checkpoint.
    """

    def __init__(
        self, config, network, dataset, strategy, picture=None, first_step=0
    ):
        self.config = config
        self.model = network.model
        self.dataset = dataset
        self.strategy = strategy
        self.picture = picture
        self.first_step = first_step
        self.steps_per_epoch = dataset.steps_per_epoch(config.batch_size)
        self.total_steps = config.epochs * self.steps_per_epoch
        if config.max_steps is not None:
            self.total_steps = min(self.total_steps, config.max_steps)
        self.schedule = codec_schedule(
            config, self.steps_per_epoch, self.total_steps
        )
        self.has_unit = config.has_unit
        overhead = 0
        if self.has_unit:
            overhead = overhead_bytes(self.model.unit.sends_range)
        with strategy.scope():
            self.optimizer = self._build_optimizer()
        kind = config.unit.kind if self.has_unit else None
        self.stepper = _STEPPERS.get(kind, Stepper)(
            config,
            self.model,
            network.teacher,
            self.optimizer,
            strategy,
            self.total_steps,
            overhead,
            dataset.task,
        )
        self.cache = self._open_cache()
        role = distribution.role(strategy)
        self.is_chief = role.is_chief
        self._average_statistics = distribution.statistics_averager(
            self.model, strategy
        )
        self.best = None
        states = list(self.stepper.budget_state)
        if config.keep == "best" or config.early_stopping is not None:
            most_bytes = None
            if self.stepper.steers_bytes:
                most_bytes = config.byte_budget * BUDGET_TOLERANCE - overhead
            self.best = BestEpoch(
                config.workdir,
                self.model.variables,
                strategy,
                config.early_stopping,
                most_bytes,
            )
            states.append(self.best.state)
        self.checkpoints = Checkpoints(
            config.workdir,
            config.checkpoint_minutes,
            role,
            strategy,
            model=self.model.variables,
            optimizer=self.optimizer.variables,
            states=states,
        )
        self._quality = self._current_quality = None
        if config.quality_start is not None:
            self._quality = self.model.unit.codec.quality
        self._evaluate = tf.function(self._count_correct, reduce_retracing=True)

    def _build_optimizer(self):
        config = self.config
        length = (self.steps_per_epoch, self.total_steps, self.first_step)
        if self.has_unit and config.unit.kind == "learned":
            return grouped_adam.for_learned_unit(config, self.model, *length)
        if config.new_head and config.backbone_rate:
            return grouped_adam.for_new_head(config, self.model, *length)
        optimizer = build_optimizer(config, *length)
        optimizer.build(self.model.trainable_variables)
        return optimizer

    def run(self):
        """Trains to the end.

        Returns:
            Dictionary of the `steps` and `examples` that training took, its
            `seconds`, evaluation left out, and the epoch that is kept,
            `kept_epoch` (None: the last one).
        """
        step = self.checkpoints.restore() or self.first_step
        if self.best is not None:
            self.best.check()
        epoch = step // self.steps_per_epoch
        self.log = logs.EpochLog(self.config.workdir, step, self.is_chief)
        if step and self.is_chief:
            print(f"Resuming at step {step} of {self.total_steps}.")
        while step < self.total_steps and not self._is_over():
            step = self._epoch(epoch, step)
            epoch += 1
        if isinstance(self.optimizer, grouped_adam.GroupedAdam):
            self.optimizer.finalize()
        if self.cache is not None:
            self.cache.close()
        if self.best is not None:
            self.best.restore()
            if self.is_chief:
                print(_told_of_best(self.best, epoch, step < self.total_steps))
        if self._quality is not None:
            # Annealing may have been cut short; what travels has this one.
            self._quality.assign(self.config.unit.quality)
        return {
            "steps": step,
            "examples": step * self.config.batch_size,
            "seconds": self.log.total("seconds"),
            "kept_epoch": self.best and self.best.epoch,
        }

    def _augments(self, epoch):
        """Whether an epoch's images are augmented."""
        return epoch < round(
            (1 - self.config.clean_finish) * self.config.epochs
        )

    def _is_over(self):
        return self.best is not None and self.best.is_over

    def _epoch(self, epoch, step):
        """Trains from `step` to the end of `epoch`; returns the next step."""
        first = epoch * self.steps_per_epoch
        last = min(first + self.steps_per_epoch, self.total_steps)
        totals = self.checkpoints.sums.numpy()
        seconds = float(self.checkpoints.seconds.numpy())
        started = time.monotonic()
        batches = self._batches(epoch, step - first)
        bar = logs.progress_bar(
            last - first,
            step - first,
            f"epoch {epoch + 1}/{self.config.epochs}",
            self.is_chief,
        )
        pending = None
        with bar:
            for batch in batches:
                outputs = self._step(step, *batch)
                step += 1
                # The device works on this step while the last one is read.
                totals = self._account(totals, pending, bar)
                pending = (step, outputs)
                if step >= last:
                    break
                if self._may_save_now():
                    totals = self._account(totals, pending, bar)
                    pending = None
                    spent = seconds + time.monotonic() - started
                    self._save(step, totals, spent)
            totals = self._account(totals, pending, bar)
        self._average_statistics()
        if self.stepper.steers_bytes:
            self._correct_budget(epoch)
        seconds += time.monotonic() - started
        self._finish_epoch(epoch, step, totals, seconds)
        self._save(step, np.zeros(5), 0.0)
        return step

    def _batches(self, epoch, start):
        """Returns what the steps of an epoch take, batch by batch."""
        if self.cache is not None:
            return self.cache.batches(epoch, start)
        batches = self.dataset.train_batches(
            self.config.batch_size,
            epoch=self.config.first_epoch + epoch,
            start_batch=start,
            augment=self._augments(epoch),
        )
        if self.strategy.num_replicas_in_sync > 1:
            batches = self.strategy.experimental_distribute_dataset(batches)
        return self.dataset.train.guard(batches)

    def _open_cache(self):
        """Returns the `FeatureCache` of a learned unit, or None."""
        config = self.config
        is_learned = isinstance(self.stepper, LearnedStepper)
        if not is_learned or not config.feature_cache_gb:
            return None
        if config.strategy != "none":
            return None
        augmented = sum(map(self._augments, range(config.epochs)))
        cache = FeatureCache(
            pathlib.Path(config.workdir) / "features",
            self.dataset,
            config,
            self.stepper.prepare,
            1e9 * config.feature_cache_gb,
            (augmented, config.epochs - augmented),
        )
        elements = math.prod(self.model.prefix.output_shape[1:])
        classes = self.model.suffix.output_shape[-1]
        if cache.is_worthwhile(2 * elements + 8 * classes):
            return cache
        return None

    def _correct_budget(self, epoch):
        """Compares bytes in inference, of whole training images."""
        batches = self.dataset.train_batches(
            self.config.batch_size,
            epoch=self.config.first_epoch + epoch,
            augment=False,
        )
        few = self.dataset.train.guard(batches.take(BUDGET_CHECK_BATCHES))
        _, size = self._accuracy_and_bytes(few)
        self.stepper.note_inference_bytes(size)

    def _save(self, step, totals, seconds):
        finite = (
            np.isfinite(np.sum(v.numpy())) for v in self.stepper.variables
        )
        if not all(finite):
            raise TrainingDiverged(_DIVERGED.format("weights", step))
        self.checkpoints.save(step, totals, seconds)

    def _step(self, step, *batch):
        if self.cache is not None:
            return self.stepper.with_features(*batch, tf.constant(step))
        use_codec = self.has_unit and self.schedule.uses_codec(step)
        if self._quality is not None:
            quality = self.schedule.quality_at(step)
            if quality != self._current_quality:
                self._quality.assign(quality)
                self._current_quality = quality
        if use_codec or not self.has_unit:
            run = self.stepper.with_codec
        else:
            run = self.stepper.without_codec
        return run(*batch, tf.constant(step))

    def _may_save_now(self):
        """Whether to save in the middle of an epoch.

        Workers' clocks differ, so several of them save at epochs' ends only.
        """
        return (
            not distribution.is_multi_worker(self.strategy)
            and self.checkpoints.is_due()
        )

    def _account(self, totals, pending, bar):
        """Adds a step's sums to the epoch's; stops if it has diverged."""
        if pending is None:
            return totals
        step, outputs = pending
        sums = outputs.numpy().astype(np.float64)
        bar.update()
        if not np.isfinite(sums[0]):
            raise TrainingDiverged(_DIVERGED.format("loss", step))
        if step % LOG_STEPS == 0:
            means = dict(zip(Outputs._fields, sums / sums[4]))
            means["rate_weight"] = float(self.stepper.rate_weight.numpy())
            bar.set_postfix(
                loss=f"{means['loss']:.3f}",
                accuracy=f"{100 * means['correct']:.1f}%",
                bytes=f"{means['image_data_bytes']:.0f}",
            )
            del means["examples"]
            self.log.step(step, means)
        return totals + sums

    def _finish_epoch(self, epoch, step, totals, seconds):
        mean = totals / max(totals[4], 1)
        row = {
            "epoch": epoch,
            "step": step,
            "loss": mean[0],
            "task_loss": mean[1],
            "train_accuracy": 100 * mean[2],
            "images_per_second": totals[4] / seconds,
            "seconds": seconds,
            "learning_rate": float(self.optimizer.learning_rate),
        }
        if self.has_unit:
            row["image_data_bytes"] = mean[3]
            row["rate_weight"] = float(self.stepper.rate_weight.numpy())
            row["quality"] = self.schedule.quality_at(step)
        is_last = step >= self.total_steps
        picture = None
        every = self.config.evaluate_every
        if every and (is_last or (epoch + 1) % every == 0):
            if self.dataset.validation:
                accuracy, size = self.validate()
                row["validation_accuracy"] = accuracy
                if self.has_unit:
                    row["validation_image_data_bytes"] = size
                # While quality is annealed, another codec is validated than
                # the one that is kept.
                final = self.schedule.quality_at(step)
                if self.best and final == self.config.unit.quality:
                    self.best.note(epoch, accuracy, size)
            if self.picture is not None and self.is_chief:
                with drawing.optional("the TensorBoard picture"):
                    picture = self.picture()
        self.log.epoch(row, picture)
        if self.is_chief:
            print(_summary(row, self.config.epochs), flush=True)

    def validate(self):
        """Returns validation accuracy in percent and mean image data, in graph.

        For watching a run and for its best epoch; results are measured by
        `evaluation`.
        """
        part = self.dataset.validation
        return self._accuracy_and_bytes(
            part.guard(part.batches(2 * self.config.batch_size))
        )

    def _accuracy_and_bytes(self, batches):
        correct = size = count = 0.0
        for images, labels in batches:
            hits, batch_bytes = self._evaluate(images, labels)
            correct += float(hits)
            size += float(batch_bytes) * len(labels)
            count += len(labels)
        return 100.0 * correct / count, size / count

    def _count_correct(self, images, labels):
        size = tf.zeros(())
        if self.has_unit:
            passed = self.model.transmit(images, training=False)
            logits, size = passed.logits, passed.image_data_bytes
        else:
            images = self.stepper.receive(images)
            logits = self.model(tf.cast(images, tf.float32), training=False)
        task = self.stepper.task
        hits = task.hits(logits, task.targets(labels, logits.shape[-1]))
        return tf.reduce_sum(hits), size


def _told_of_best(best, epochs, stopped):
    early = f"Stopped early, after {epochs} epochs. " if stopped else ""
    if best.epoch is None:
        why = "met the byte budget" if best.most_bytes else "could be compared"
        return f"{early}No epoch {why}: the last one is kept."
    accuracy = best.state.numpy()[0]
    return (
        f"{early}Kept: epoch {best.epoch + 1}, {accuracy:.2f} % of the "
        "validation images."
    )


def _summary(row, epochs):
    parts = [f"epoch {row['epoch'] + 1}/{epochs}", f"loss {row['loss']:.4f}"]
    parts.append(f"train {row['train_accuracy']:.2f} %")
    if row.get("validation_accuracy") is not None:
        parts.append(f"validation {row['validation_accuracy']:.2f} %")
    if row.get("validation_image_data_bytes") is not None:
        parts.append(f"{row['validation_image_data_bytes']:.0f} B")
    parts.append(f"{row['images_per_second']:.0f} images/s")
    return "  ".join(parts)
