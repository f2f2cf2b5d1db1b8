"""The training loop: epochs, checkpoints, logs; every mode and strategy."""

import time

import numpy as np
import tensorflow as tf

from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.common import drawing
from bottlenet_tf.training import distribution, logs, optimizers
from bottlenet_tf.training.best import BestEpoch
from bottlenet_tf.training.checkpoints import Checkpoints
from bottlenet_tf.training.feature_cache import open_cache
from bottlenet_tf.training.learned_step import LearnedStepper
from bottlenet_tf.training.schedules import augmented_epochs, codec_schedule
from bottlenet_tf.training.step import DattaStepper, Outputs, Stepper

LOG_STEPS = 50
BUDGET_CHECK_BATCHES = 8
# Steering ends near a budget, not at it: an epoch this close meets it.
BUDGET_TOLERANCE = 1.01

_DIVERGED = (
    "The {} must be finite; it is not at step {}. Restart in another --workdir "
    "with a lower --learning_rate, a --clip_norm or more --warmup_epochs."
)
_STEPPERS = {
    "bottlenet": Stepper,
    "learned": LearnedStepper,
    "datta": DattaStepper,
}


class TrainingDiverged(RuntimeError):
    """The loss or a weight is not finite; the message names the step."""


class Loop:
    """Trains the model of a run, resuming where a checkpoint left it.

    The `Network` is built in the strategy's scope; `picture` is a callable
    `() -> uint8 (1, H, W, 3)` for TensorBoard, or None.
    """

    def __init__(
        self, config, network, dataset, strategy, picture=None, first_step=0
    ):
        self.config = config
        self.model = network.model
        self.dataset = dataset
        self.strategy = strategy
        self.picture, self.first_step = picture, first_step
        self.steps_per_epoch = dataset.steps_per_epoch(config.batch_size)
        total_steps = config.epochs * self.steps_per_epoch
        self.total_steps = min(total_steps, config.max_steps or total_steps)
        length = self.steps_per_epoch, self.total_steps
        self.schedule = codec_schedule(config, *length)
        self.has_unit = config.has_unit
        overhead, kind = 0, "bottlenet"
        if self.has_unit:
            kind = config.unit.kind
            overhead = overhead_bytes(self.model.unit.sends_range)
        with strategy.scope():
            self.optimizer = optimizers.build(
                config, self.model, *length, first_step
            )
        self.stepper = _STEPPERS[kind](
            config,
            self.model,
            network.teacher,
            self.optimizer,
            strategy,
            self.total_steps,
            overhead,
            dataset.task,
        )
        self.cache = None
        if kind == "learned":
            self.cache = open_cache(
                config, self.model, dataset, self.stepper.prepare
            )
        role = distribution.role(strategy)
        self.is_chief = role.is_chief
        self.is_multi_worker = distribution.is_multi_worker(strategy)
        self._average_statistics = distribution.statistics_averager(
            self.model, strategy
        )
        self.best, states = None, [*self.stepper.budget.state]
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
        anneals = config.quality_start is not None
        self._quality = self.model.unit.codec.quality if anneals else None

    def run(self):
        """Trains to the end.

        Returns:
            Dictionary: `steps` and `examples` of the training, its `seconds`
            without evaluation, `kept_epoch` (None: the last one).
        """
        step = self.checkpoints.restore() or self.first_step
        if self.best is not None:
            self.best.check()
        epoch = step // self.steps_per_epoch
        self.log = logs.EpochLog(self.config.workdir, step, self.is_chief)
        if step and self.is_chief:
            print(f"Resuming at step {step} of {self.total_steps}.")
        while step < self.total_steps and not (
            self.best is not None and self.best.is_over
        ):
            step = self._epoch(epoch, step)
            epoch += 1
        if isinstance(self.optimizer, optimizers.Grouped):
            self.optimizer.finalize()
        if self.cache is not None:
            self.cache.close()
        if self.best is not None:
            self.best.restore()
            if self.is_chief:
                print(self.best.describe(epoch, step < self.total_steps))
        if self._quality is not None:
            # Annealing may have been cut short.
            self._quality.assign(self.config.unit.quality)
        return {
            "steps": step,
            "examples": step * self.config.batch_size,
            "seconds": self.log.total("seconds"),
            "kept_epoch": self.best and self.best.epoch,
        }

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
                # The device computes this step while the previous one is read.
                totals = self._account(totals, pending, bar)
                pending = (step, outputs)
                if step >= last:
                    break
                # Workers' clocks differ: several save at epochs' ends only.
                if self.checkpoints.is_due() and not self.is_multi_worker:
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
        """Returns an iterator over the arguments of an epoch's steps."""
        if self.cache is not None:
            return self.cache.batches(epoch, start)
        batches = self.dataset.train_batches(
            self.config.batch_size,
            epoch=self.config.first_epoch + epoch,
            start_batch=start,
            augment=epoch < augmented_epochs(self.config),
        )
        if self.strategy.num_replicas_in_sync > 1:
            batches = self.strategy.experimental_distribute_dataset(batches)
        return self.dataset.train.guard(batches)

    def _correct_budget(self, epoch):
        """Measures bytes in inference, of unaugmented training images."""
        batches = self.dataset.train_batches(
            self.config.batch_size,
            epoch=self.config.first_epoch + epoch,
            augment=False,
        )
        few = self.dataset.train.guard(batches.take(BUDGET_CHECK_BATCHES))
        _, size = self.stepper.accuracy_and_bytes(few)
        self.stepper.budget.note_inference_bytes(size)

    def _save(self, step, totals, seconds):
        weights = self.stepper.variables
        if not all(np.isfinite(np.sum(v.numpy())) for v in weights):
            raise TrainingDiverged(_DIVERGED.format("weights", step))
        self.checkpoints.save(step, totals, seconds)

    def _step(self, step, *batch):
        if self.cache is not None:
            return self.stepper.with_features(*batch, tf.constant(step))
        if self._quality is not None:
            self._quality.assign(self.schedule.quality_at(step))
        run = self.stepper.with_codec
        if self.has_unit and not self.schedule.uses_codec(step):
            run = self.stepper.without_codec
        return run(*batch, tf.constant(step))

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
            means["rate_weight"] = float(
                self.stepper.budget.rate_weight.numpy()
            )
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
            row["rate_weight"] = float(self.stepper.budget.rate_weight.numpy())
            row["quality"] = self.schedule.quality_at(step)
        is_last, picture = step >= self.total_steps, None
        every = self.config.evaluate_every
        if every and (is_last or (epoch + 1) % every == 0):
            if self.dataset.validation:
                accuracy, size = self.validate()
                row["validation_accuracy"] = accuracy
                if self.has_unit:
                    row["validation_image_data_bytes"] = size
                # While quality is annealed, the codec isn't the final one.
                final = self.schedule.quality_at(step)
                if self.best and final == self.config.unit.quality:
                    self.best.note(epoch, accuracy, size)
            if self.picture is not None and self.is_chief:
                with drawing.optional("the TensorBoard picture"):
                    picture = self.picture()
        self.log.epoch(row, picture)
        if self.is_chief:
            print(logs.summary(row, self.config.epochs), flush=True)

    def validate(self):
        """Returns validation accuracy in percent and mean image data."""
        part = self.dataset.validation
        return self.stepper.accuracy_and_bytes(
            part.guard(part.batches(2 * self.config.batch_size))
        )
