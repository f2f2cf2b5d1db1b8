"""Training: losses, schedules, the loop and what it leaves behind."""

from bottlenet_tf.training.runner import run

__all__ = ["run"]
