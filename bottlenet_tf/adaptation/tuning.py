"""Fine-tunes a unit on photos: imitates the unsplit network, no labels."""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from bottlenet_tf.training import logs, optimizers
from bottlenet_tf.training.learned_step import LearnedStepper

# Share of the unit's training rate: it starts near an optimum.
RATE_SHARE = 0.25


def tune(model, unsplit, dataset, run, config):
    """Trains only the unit for some steps, all rates at once.

    Args:
        model: `BottleNet` with a `LearnedUnit` without tables; its unit is
            changed.
        unsplit: As `measure.answers` returns it.
    """
    model.prefix.trainable = model.suffix.trainable = False
    model.unit.trainable = True
    recipe = dataclasses.replace(
        run,
        mode="frozen",
        distillation=1.0,
        learning_rate=RATE_SHARE * run.learning_rate,
        warmup_epochs=0.0,
        seed=config.seed,
    )
    optimizer = optimizers.for_learned_unit(recipe, model, 1, config.steps)
    stepper = LearnedStepper(
        recipe,
        model,
        lambda images, feature: unsplit(images),
        optimizer,
        tf.distribute.get_strategy(),
        config.steps,
        task=dataset.task,
    )
    batches = _batches(dataset, min(config.batch_size, dataset.num_train))
    with logs.progress_bar(config.steps, 0, "fine-tuning", True) as bar:
        for step, batch in enumerate(itertools.islice(batches, config.steps)):
            loss = float(stepper.with_codec(*batch, tf.constant(step))[0])
            if not np.isfinite(loss):
                raise ValueError(
                    "The loss must stay finite. Fine-tune with fewer --steps, "
                    f"or without. Received: loss={loss}, step={step}"
                )
            bar.update()
    optimizer.finalize()


def _batches(dataset, batch_size):
    """Yields training batches, epoch after epoch."""
    for epoch in itertools.count():
        batches = dataset.train_batches(batch_size, epoch=epoch)
        yield from dataset.train.guard(batches)
