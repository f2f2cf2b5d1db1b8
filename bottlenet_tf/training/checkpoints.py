"""Exact resume: everything a step depends on, on disk and back."""

import pathlib
import time

import tensorflow as tf


class Checkpoints:
    """Saves and restores weights, optimizer, step and running sums.

    Files are written beside their final place and renamed by TensorFlow, so
    a kill leaves the previous checkpoint whole. The last two are kept.

    Args:
        workdir: Run directory; files go to its `checkpoints/`.
        minutes: Time between checkpoints within an epoch.
        is_chief: Other workers must save too (variables may need all of
            them), but to a directory of their own.
        worker: Number of this worker, for that directory.
        variables: Lists of Keras or TensorFlow variables by name; all of
            them, in an order that building the run again repeats.
    """

    def __init__(self, workdir, minutes, is_chief, worker, **variables):
        name = "checkpoints" if is_chief else f"checkpoints_worker{worker}"
        self.directory = pathlib.Path(workdir) / name
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
                    name: [getattr(v, "value", v) for v in group]
                    for name, group in variables.items()
                },
            ),
            str(self.directory),
            max_to_keep=2,
        )
        self._last = time.monotonic()

    def restore(self):
        """Restores the newest checkpoint, if any; returns the step."""
        newest = self._manager.latest_checkpoint
        if newest is not None:
            status = self._manager.checkpoint.restore(newest)
            status.assert_consumed()
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
