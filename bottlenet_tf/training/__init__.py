"""Training: losses, schedules, steps, the loop, whole runs."""

from bottlenet_tf.training.network import load_model
from bottlenet_tf.training.runner import load_data, run

__all__ = ["load_data", "load_model", "run"]
