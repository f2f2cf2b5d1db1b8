"""Checkpoints for exact resume: all state that a step depends on."""

import pathlib
import shutil
import time

import tensorflow as tf

from bottlenet_tf.training.distribution import local_copies


class Checkpoints:
    """Saves and restores weights, optimizer, step and running sums.

    TensorFlow renames files once they are complete. The last two are kept.
    Workers other than the chief save, too (variables may need all of them), in
    their own directories; all restore the chief's checkpoint. `variables` are
    named lists, in the same order whenever the run is built.
    """

    def __init__(self, workdir, minutes, role, strategy, **variables):
        self._chiefs = pathlib.Path(workdir) / "checkpoints"
        directory = self._chiefs
        if not role.is_chief:
            directory = pathlib.Path(workdir) / f"checkpoints_{role.name}"
        self.minutes = minutes
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        # Of the current epoch: sums over its examples, and seconds.
        self.sums = tf.Variable(tf.zeros(5, tf.float64), name="sums")
        self.seconds = tf.Variable(0.0, dtype=tf.float64, name="seconds")
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                step=self.step,
                sums=self.sums,
                seconds=self.seconds,
                # Lists of variables: TensorFlow doesn't find the layers that
                # Keras objects keep in lists.
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
        """Restores the newest intact checkpoint; returns its step, or 0."""
        found = in_folder(self._chiefs)
        for path in found:
            try:
                status = self._manager.checkpoint.restore(str(path))
            except Exception as error:  # Damaged bytes may raise anything.
                print(f"Passed over {path}, which is damaged: {brief(error)}")
                continue
            try:
                status.assert_consumed()
            except AssertionError as error:
                raise ValueError(
                    "A checkpoint must be of this version, with as many "
                    "devices as before; use another --workdir. "
                    f"Received: {path}"
                ) from error
            return int(self.step.numpy())
        if found:
            raise ValueError(
                "A run resumes from an intact checkpoint, and there is none. "
                f"Remove {self._chiefs} to restart the run. Received: damaged "
                f"{', '.join(p.name for p in found)}"
            )
        return 0

    def save(self, step, sums, seconds):
        """Writes a checkpoint after `step` steps, or raises OSError."""
        self.step.assign(step)
        self.sums.assign(sums)
        self.seconds.assign(seconds)
        write(self._manager, step)
        self._last = time.monotonic()

    def is_due(self):
        """Whether the time between checkpoints has passed."""
        return time.monotonic() - self._last >= 60.0 * self.minutes


def in_folder(folder):
    """Returns the paths of a folder's checkpoints, the newest first."""
    found = [p.with_suffix("") for p in pathlib.Path(folder).glob("*.index")]
    return sorted(found, key=lambda p: -int(p.name.rpartition("-")[2]))


def write(manager, number):
    """Saves by a `tf.train.CheckpointManager`; OSError leaves no files."""
    try:
        manager.save(checkpoint_number=number)
    except tf.errors.OpError as error:
        folder = pathlib.Path(manager.directory)
        for rest in folder.glob(f"ckpt-{number}*temp*"):
            if rest.is_dir():
                shutil.rmtree(rest, ignore_errors=True)
            else:
                rest.unlink(missing_ok=True)
        raise OSError(
            f"{folder}/ckpt-{number} could not be written: {brief(error)}. "
            "Once there is space, the same command resumes from the previous "
            "checkpoint."
        ) from error


def brief(error):
    """Returns the first line of an error, with its kind."""
    lines = (getattr(error, "message", None) or str(error)).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
