"""The optimizer of a run: one, or one for each part of a network."""

import dataclasses

import keras

from bottlenet_tf.backbones import new_head
from bottlenet_tf.training.schedules import WarmupCosine

BETA_2 = 0.99  # Rates vary from image to image; a longer memory lags behind.
AVERAGED = 0.999  # Decay of the averaged weights: about the last 1,000 steps.
# Learning rates relative to the unit's own.
PRIOR, TRANSFORM, TAIL = 3.0, 1 / 16, 3 / 8


def build(config, model, steps_per_epoch, total_steps, first_step=0):
    """Returns the built optimizer of a run: one of Keras, or a `Grouped`.

    `first_step` is the step of the run at the optimizer's step 0.
    """
    length = steps_per_epoch, total_steps, first_step
    if config.has_unit and config.unit.kind == "learned":
        return for_learned_unit(config, model, *length)
    if config.new_head and config.backbone_rate:
        return _for_new_head(config, model, *length)
    optimizer = for_one_rate(config, *length)
    optimizer.build(model.trainable_variables)
    return optimizer


class Grouped:
    """A Keras optimizer for each group of variables, used like a single one.

    `groups` is a list of `(variables, Keras optimizer)`; none of the
    optimizers scales its loss.
    """

    def __init__(self, groups):
        self._groups = [variables for variables, _ in groups]
        self._optimizers = [optimizer for _, optimizer in groups]
        for variables, optimizer in groups:
            optimizer.build(variables)

    @property
    def variables(self):
        """All state, for checkpoints."""
        return [v for each in self._optimizers for v in each.variables]

    @property
    def learning_rate(self):
        """The rate of the first group."""
        return self._optimizers[0].learning_rate

    def scale_loss(self, loss):
        """Returns the loss unchanged: no half precision here."""
        return loss

    def apply(self, gradients, variables):
        """Takes one step; gradients are in the variables' order."""
        by_variable = {
            id(variable): gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        }
        for optimizer, group in zip(self._optimizers, self._groups):
            optimizer.apply([by_variable[id(v)] for v in group], group)

    def finalize(self):
        """Replaces variables by their averages, if kept, after any step."""
        if not int(self._optimizers[0].iterations):
            return
        for optimizer, group in zip(self._optimizers, self._groups):
            optimizer.finalize_variable_values(group)


def averaged_adam(groups, peak, warmup_steps, total_steps, first_step=0):
    """Returns a `Grouped` of Adams that average weights over the last steps.

    `groups` is a list of `(variables, learning rate relative to peak)`; see
    `WarmupCosine`.
    """
    # An average over more steps than there are is mostly the start.
    kept = min(AVERAGED, 1.0 - 10.0 / max(total_steps, 20))

    def adam(share):
        return keras.optimizers.Adam(
            WarmupCosine(peak * share, warmup_steps, total_steps, first_step),
            beta_2=BETA_2,
            use_ema=True,
            ema_momentum=kept,
        )

    return Grouped([(variables, adam(share)) for variables, share in groups])


def for_one_rate(config, steps_per_epoch, total_steps, first_step=0):
    """Returns a Keras optimizer of one rate for all variables, not built.

    Weight decay is decoupled from the gradient and leaves out biases,
    normalisation parameters and the quantizer's range.
    """
    schedule = WarmupCosine(
        config.learning_rate,
        round(config.warmup_epochs * steps_per_epoch),
        total_steps,
        first_step,
    )
    decay = config.weight_decay or None
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(schedule, weight_decay=decay)
    elif config.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=config.weight_decay
        )
    else:
        optimizer = keras.optimizers.SGD(
            schedule, momentum=0.9, nesterov=True, weight_decay=decay
        )
    if decay or config.optimizer == "adamw":
        optimizer.exclude_from_weight_decay(
            var_names=["gamma", "beta", "bias", "low", "high"]
        )
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _for_new_head(config, model, steps_per_epoch, total_steps, first_step=0):
    """Returns the `Grouped` of a network with only its classifier new."""
    length = steps_per_epoch, total_steps, first_step
    head, rest = [], []
    for variable in model.trainable_variables:
        is_new = new_head.NAME in variable.path.split("/")
        (head if is_new else rest).append(variable)
    slow = dataclasses.replace(
        config, learning_rate=config.learning_rate * config.backbone_rate
    )
    return Grouped(
        [
            (head, for_one_rate(config, *length)),
            (rest, for_one_rate(slow, *length)),
        ]
    )


def for_learned_unit(config, model, steps_per_epoch, total_steps, first_step=0):
    """Returns the `Grouped` of a `BottleNet` with a learned unit."""
    unit = model.unit
    prior = unit.prior.trainable_variables
    # The server's linear convolutions, too: fine rates need an exact inverse.
    transform = [
        *unit.analysis.trainable_variables,
        *unit.synthesis.trainable_variables,
    ]
    taken = {id(v) for v in (*prior, *transform)}
    rest = [v for v in unit.trainable_variables if id(v) not in taken]
    groups = [(rest, 1.0), (prior, PRIOR), (transform, TRANSFORM)]
    tail = model.suffix.trainable_variables
    if tail:
        groups.append((tail, TAIL))
    warmup = round(config.warmup_epochs * steps_per_epoch)
    return averaged_adam(
        groups, config.learning_rate, warmup, total_steps, first_step
    )
