"""Several devices or machines: strategies, roles, state of each device."""

import os
from typing import NamedTuple

import tensorflow as tf

from bottlenet_tf.common import graphs


class Role(NamedTuple):
    """A process's part in a run; the one chief writes its results.

    name: "worker0", "chief0", ...
    """

    is_chief: bool
    name: str


def build_strategy(name, batch_size):
    """Returns the `tf.distribute.Strategy` of a `--strategy`."""
    strategy = tf.distribute.get_strategy()
    if name == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    elif name == "multiworker":
        if "TF_CONFIG" not in os.environ:
            raise ValueError(
                "--strategy=multiworker needs TF_CONFIG, which names the "
                "workers and this process's own index. Received: no TF_CONFIG "
                "in the environment"
            )
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"--batch_size must be a multiple of {replicas}, the devices that "
            f"share it evenly. Received: batch_size={batch_size}"
        )
    return strategy


def role(strategy):
    """Returns this process's `Role`."""
    resolver = strategy.cluster_resolver
    if resolver is None:
        return Role(True, "worker0")
    kind, index = resolver.task_type, resolver.task_id
    has_chief = "chief" in resolver.cluster_spec().as_dict()
    is_chief = kind == "chief" or (index == 0 and not has_chief)
    return Role(is_chief, f"{kind}{index}")


def is_multi_worker(strategy):
    """Returns whether other processes take part."""
    return strategy.cluster_resolver is not None


def local_copies(variables, strategy):
    """Returns every local device's copy of Keras or TensorFlow variables.

    Weights are the same everywhere; batch norm's statistics differ between
    devices.
    """
    copies = []
    for variable in variables:
        # A TensorFlow variable has a method `value`, a Keras one the variable.
        if not isinstance(variable, tf.Variable):
            variable = variable.value
        copies += strategy.experimental_local_results(variable)
    return copies


def statistics_averager(model, strategy):
    """Returns a function that averages batch norms over all devices."""
    if strategy.num_replicas_in_sync == 1:
        return lambda: None
    moving = [
        v.value
        for v in model.non_trainable_variables
        if v.name in ("moving_mean", "moving_variance")
    ]

    @graphs.function
    def average():
        for variable in moving:
            per_replica = strategy.run(variable.read_value)
            mean = strategy.reduce(
                tf.distribute.ReduceOp.MEAN, per_replica, axis=None
            )
            variable.assign(mean)

    return average
