"""Exact resume: everything a step depends on, on disk and back."""

import pathlib
import time

import tensorflow as tf

from bottlenet_tf.training.distribution import local_copies


class Checkpoints:
    """Saves and restores weights, optimizer, step and running sums.

    Files are written beside their final place and renamed by TensorFlow, so
    a kill leaves the previous checkpoint whole. The last two are kept.

    Args:
        workdir: Run directory; files go to its `checkpoints/`.
        minutes: Time between checkpoints within an epoch.
        role: `distribution.Role`. Workers other than the chief must save too
            (variables may need all of them), but to a directory of their own;
            all restore what the chief saved, from a shared `workdir`.
        strategy: `tf.distribute.Strategy`.
        variables: Lists of Keras or TensorFlow variables by name; all of
            them, in an order that building the run again repeats.
    """

    def __init__(self, workdir, minutes, role, strategy, **variables):
        self._chiefs = pathlib.Path(workdir) / "checkpoints"
        directory = self._chiefs
        if not role.is_chief:
            directory = pathlib.Path(workdir) / f"checkpoints_{role.name}"
        self.minutes = minutes
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        # Of the epoch under way: sums over its examples, and seconds.
        self.sums = tf.Variable(tf.zeros(5, tf.float64), name="sums")
        self.seconds = tf.Variable(0.0, dtype=tf.float64, name="seconds")
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                step=self.step,
                sums=self.sums,
                seconds=self.seconds,
                # Lists of variables rather than the objects that own them:
                # TensorFlow doesn't find layers that Keras keeps in lists.
                **{
                    name: local_copies(group, strategy)
                    for name, group in variables.items()
                },
            ),
            str(directory),
            max_to_keep=2,
        )
        self._last = time.monotonic()

    def restore(self):
        """Restores the newest checkpoint, if any; returns the step."""
        newest = tf.train.latest_checkpoint(str(self._chiefs))
        if newest is not None:
            status = self._manager.checkpoint.restore(newest)
            try:
                status.assert_consumed()
            except AssertionError as error:
                raise ValueError(
                    "A checkpoint must be of this version, with as many "
                    "devices as before; use another --workdir. "
                    f"Received: {newest}"
                ) from error
        return int(self.step.numpy())

    def save(self, step, sums, seconds):
        """Writes a checkpoint after `step` steps."""
        self.step.assign(step)
        self.sums.assign(sums)
        self.seconds.assign(seconds)
        self._manager.save(checkpoint_number=step)
        self._last = time.monotonic()

    def is_due(self):
        """Returns whether the time between checkpoints has passed."""
        return time.monotonic() - self._last >= 60.0 * self.minutes
