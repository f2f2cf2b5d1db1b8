"""The training step of Datta's unit: the latent's l1 norm as the rate."""

import tensorflow as tf

from bottlenet_tf.training.losses import feature_loss
from bottlenet_tf.training.step import Stepper


class DattaStepper(Stepper):
    """Builds the compiled training steps of Datta's unit.

    loss = task loss + mean over images of l1 norm / lambda + f * feature loss

    That is the paper's L_rate + lambda * L_task divided by lambda, of which
    Adam takes no notice: the task loss is as large as in other runs. Cross
    entropy is the paper's; distillation and the feature loss, both off by
    default, are not. See `Stepper`.

    Reference:
        Datta, Ahuja, Somayazulu, Tickoo, 2022, arXiv:2208.11596.
    """

    steers_bytes = False

    def _unit_loss(self, passed, use_codec):
        loss = tf.reduce_mean(passed.rate) / self.config.unit.task_weight
        if self.config.feature_weight:
            loss += self.config.feature_weight * feature_loss(
                passed.feature, passed.restored
            )
        return loss
