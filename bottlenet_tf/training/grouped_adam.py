"""Adam with a learning rate of its own for each part of a network."""

import dataclasses

import keras

from bottlenet_tf.backbones import new_head
from bottlenet_tf.training.schedules import WarmupCosine, build_optimizer

BETA_2 = 0.99  # Rates vary from image to image; a longer memory lags behind.
AVERAGED = 0.999  # Of the averaged weights: about the last 1,000 steps.
# Learning rates relative to the unit's own.
PRIOR, TRANSFORM, TAIL = 3.0, 1 / 16, 3 / 8


class Grouped:
    """One optimizer for each group of variables, behind one's interface.

    Args:
        groups: List of `(variables, Keras optimizer)`, none scaling its loss.
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
        """Returns the loss as it is: no half precision here."""
        return loss

    def apply(self, gradients, variables):
        """Takes one step; a gradient belongs to the variable in its place."""
        by_variable = {
            id(variable): gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        }
        for optimizer, group in zip(self._optimizers, self._groups):
            optimizer.apply([by_variable[id(v)] for v in group], group)


class GroupedAdam(Grouped):
    """One Adam for each group, relative to a common rate.

    The weights that remain are averages over the last steps
    (`finalize`).

    Args:
        groups: List of `(variables, relative learning rate)`.
        peak: Learning rate at 1.
        warmup_steps, total_steps, first_step: As in `WarmupCosine`.
    """

    def __init__(self, groups, peak, warmup_steps, total_steps, first_step=0):
        # An average over more steps than there are is mostly the start.
        kept = min(AVERAGED, 1.0 - 10.0 / max(total_steps, 20))

        def adam(share):
            return keras.optimizers.Adam(
                WarmupCosine(
                    peak * share, warmup_steps, total_steps, first_step
                ),
                beta_2=BETA_2,
                use_ema=True,
                ema_momentum=kept,
            )

        super().__init__([(group, adam(share)) for group, share in groups])

    def finalize(self):
        """Gives the variables their averages, if there was any step."""
        if not int(self._optimizers[0].iterations):
            return
        for optimizer, group in zip(self._optimizers, self._groups):
            optimizer.finalize_variable_values(group)


def for_new_head(config, model, steps_per_epoch, total_steps, first_step=0):
    """Returns the `Grouped` of a network whose classifier alone is new."""
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
            (variables, build_optimizer(each, *length))
            for variables, each in ((head, config), (rest, slow))
        ]
    )


def for_learned_unit(config, model, steps_per_epoch, total_steps, first_step=0):
    """Returns the `GroupedAdam` of a `BottleNet` with a learned unit."""
    unit = model.unit
    prior = unit.prior.trainable_variables
    transform = [
        *unit.analysis.trainable_variables,
        *unit.synthesis.grid_variables,
    ]
    taken = {id(v) for v in (*prior, *transform)}
    rest = [v for v in unit.trainable_variables if id(v) not in taken]
    groups = [(rest, 1.0), (prior, PRIOR), (transform, TRANSFORM)]
    tail = model.suffix.trainable_variables
    if tail:
        groups.append((tail, TAIL))
    warmup = round(config.warmup_epochs * steps_per_epoch)
    return GroupedAdam(
        groups, config.learning_rate, warmup, total_steps, first_step
    )
