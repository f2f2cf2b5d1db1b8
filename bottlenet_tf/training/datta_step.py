"""The training step of Datta's unit: the latent's l1 norm as the rate."""

import tensorflow as tf

from bottlenet_tf.training.step import Stepper


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
